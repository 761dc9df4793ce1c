package command

import (
	"context"
	"fmt"
	"os"

	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/modeldir"
)

// kindOf says what is at a path: "a checkpoint", "a SavedModel", "a GraphDef", "a
// MetaGraphDef". It returns "" if it is nothing of these.
func kindOf(ctx context.Context, path string) string {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir() && modeldir.IsSavedModel(path):
		return "a SavedModel"
	case err == nil && info.Mode().IsRegular():
		if m, err := graphdef.Read(path); err == nil {
			return "a " + messageName(m)
		}
	}
	if dir.Exists(ctx, path) {
		return "a checkpoint"
	}
	return ""
}

// explain adds to the error of a model that cannot be read what the named path is, where it
// is something else than the flag wants.
func (f *freezeFlags) explain(ctx context.Context, err error, args []string) error {
	type given struct{ flag, path, want, remedy string }
	list := []given{
		{"--input_graph", f.graph, "a GraphDef", ""}, {"--input_meta_graph", f.metaGraph, "a MetaGraphDef", ""},
		{"--input_saved_model_dir", f.savedModel, "a SavedModel", ""}, {"--input_checkpoint", f.checkpoint, "a checkpoint", ""},
	}
	if len(args) > 0 {
		list = append(list, given{"CKPT", args[0], "a checkpoint", ""})
	}
	remedies := map[string]string{
		"a GraphDef":     "name it with --input_graph, and its checkpoint with --input_checkpoint",
		"a MetaGraphDef": "name it with --input_meta_graph, and its checkpoint with --input_checkpoint",
		"a SavedModel":   "name it alone, or with --input_saved_model_dir",
		"a checkpoint":   "name it alone, or with --input_checkpoint",
	}
	for _, g := range list {
		if g.path == "" {
			continue
		}
		if is := kindOf(ctx, g.path); is != "" && is != g.want && !(g.flag == "CKPT" && is == "a SavedModel") {
			return fmt.Errorf("%w\n%s is %s, and %s takes %s: %s", err, g.path, is, g.flag, g.want, remedies[is])
		}
	}
	return err
}
