package modeldir

import (
	"slices"
	"strings"
)

// InitOpKey and TrainOpKey are the keys of signatures of one operation, which SavedModels
// of TensorFlow 2 run when they are loaded, and offer for training. Users' signatures must
// not have these keys.
const (
	InitOpKey  = "__saved_model_init_op"
	TrainOpKey = "__saved_model_train_op"
)

// ServingTag is the tag of the graph that servers load.
const ServingTag = "serve"

// IsReserved reports whether users' signatures must not have this key.
func IsReserved(key string) bool { return key == InitOpKey || key == TrainOpKey }

// TagSet writes the tags of a SavedModel's graph as "{gpu, serve}": sorted, each once,
// so that two lists of the same tags give the same text.
func TagSet(tags []string) string {
	return "{" + strings.Join(DistinctTags(tags), ", ") + "}"
}

// DistinctTags returns the tags sorted, each once.
func DistinctTags(tags []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(tags)))
}
