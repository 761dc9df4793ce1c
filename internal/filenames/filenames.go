package filenames

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// DefaultState is the usual name of the state file.
const DefaultState = "checkpoint"

// DefaultMetaGraphSuffix ends the name of a meta graph's file, after a dot.
const DefaultMetaGraphSuffix = "meta"

const (
	indexSuffix = ".index"
	dataInfix   = ".data-"
)

// Index returns the name of a V2 checkpoint's index.
func Index(prefix string) string { return prefix + indexSuffix }

// ParseIndex returns the prefix that an index belongs to. It is empty for ".index", the
// index of a prefix that ends in a slash.
func ParseIndex(name string) (prefix string, ok bool) {
	return strings.CutSuffix(name, indexSuffix)
}

// Data returns the name of data file number shard, counted from 0, of total.
func Data(prefix string, shard, total int) string {
	return fmt.Sprintf("%s%s%05d-of-%05d", prefix, dataInfix, shard, total)
}

// ParseData returns the parts of the name of a data file. It accepts only what
// [Data] returns.
func ParseData(name string) (prefix string, shard, total int, ok bool) {
	i := strings.LastIndex(name, dataInfix)
	if i < 0 {
		return "", 0, 0, false
	}
	prefix = name[:i]
	shard, total, ok = parseShard(name[i+len(dataInfix):])
	return prefix, shard, total, ok && Data(prefix, shard, total) == name
}

// parseShard reads "00001-of-00002".
func parseShard(s string) (shard, total int, ok bool) {
	first, second, ok := strings.Cut(s, "-of-")
	if !ok {
		return 0, 0, false
	}
	shard, err := strconv.Atoi(first)
	if err != nil {
		return 0, 0, false
	}
	total, err = strconv.Atoi(second)
	return shard, total, err == nil
}

// MetaGraph returns the name of the meta graph that belongs to a checkpoint. The
// name of a sharded V1 checkpoint loses its pattern first. An empty suffix is
// [DefaultMetaGraphSuffix].
func MetaGraph(prefix, suffix string) string {
	if suffix == "" {
		suffix = DefaultMetaGraphSuffix
	}
	return trimV1Shard(prefix) + "." + suffix
}

// ParseMetaGraph returns the prefix that a meta graph with the default suffix
// belongs to.
func ParseMetaGraph(name string) (prefix string, ok bool) {
	return strings.CutSuffix(name, "."+DefaultMetaGraphSuffix)
}

// Parse returns the prefix of the V2 checkpoint that a file belongs to: an index,
// a data file or a meta graph.
func Parse(name string) (prefix string, ok bool) {
	if prefix, ok = ParseIndex(name); ok {
		return prefix, true
	}
	if prefix, ok = ParseMetaGraph(name); ok {
		return prefix, true
	}
	prefix, _, _, ok = ParseData(name)
	return prefix, ok
}

// HoldsValues reports whether a file, given by its base name, holds values or the
// index of the checkpoint with the base name prefix. The name of a V1 checkpoint may
// be a pattern.
func HoldsValues(file, prefix string) bool {
	if IsV1File(file, prefix) {
		return true
	}
	if of, ok := ParseIndex(file); ok && of == prefix {
		return true
	}
	of, _, _, ok := ParseData(file)
	return ok && of == prefix
}

// V1Shard returns the name of file number shard, counted from 0, of total files of
// a V1 checkpoint.
func V1Shard(prefix string, shard, total int) string {
	return fmt.Sprintf("%s-%05d-of-%05d", prefix, shard, total)
}

// V1Pattern returns the pattern that stands for the files of a sharded V1
// checkpoint, as Saver.save returns it.
func V1Pattern(prefix string, total int) string {
	return fmt.Sprintf("%s-?????-of-%05d", prefix, total)
}

// AnyV1Pattern returns the pattern of the files of a sharded V1 checkpoint whose
// number is unknown.
func AnyV1Pattern(prefix string) string { return prefix + "-?????-of-?????" }

var savedPattern = regexp.MustCompile(`(?s)^(.*)-\?{5,}-of-([0-9]{5,}|\?{5,})$`)

// IsV1File reports whether a file is one of those that hold the V1 checkpoint with a
// prefix: the file of that very name, or, if the prefix is a pattern that V1Pattern or
// AnyV1Pattern return, a shard of it. Other characters of patterns stand for themselves.
func IsV1File(file, prefix string) bool {
	if file == prefix {
		return true
	}
	m := savedPattern.FindStringSubmatch(prefix)
	if m == nil {
		return false
	}
	name, shard, total, ok := ParseV1Shard(file)
	return ok && name == m[1] && shard < total && (m[2][0] == '?' || V1Shard(name, shard, total) == file && strings.HasSuffix(file, "-of-"+m[2]))
}

var v1Shard = regexp.MustCompile(`(?s)^(.*)-([0-9]{5,}-of-[0-9]{5,})$`)

// ParseV1Shard returns the parts of the name of one of several files of a V1
// checkpoint.
func ParseV1Shard(name string) (prefix string, shard, total int, ok bool) {
	m := v1Shard.FindStringSubmatch(name)
	if m == nil {
		return "", 0, 0, false
	}
	shard, total, ok = parseShard(m[2])
	return m[1], shard, total, ok
}

var v1Pattern = regexp.MustCompile(`(?s)^(.*)-[0-9?]+-of-[0-9]+$`)

// trimV1Shard cuts "-SSSSS-of-NNNNN" off, where the S are digits or "?".
func trimV1Shard(prefix string) string {
	if m := v1Pattern.FindStringSubmatch(prefix); m != nil {
		return m[1]
	}
	return prefix
}

// CutStep cuts the global step off a prefix: train/model-1000 has the name
// train/model and the step 1000, and so has the pattern of its V1 shards. A prefix without a
// step is returned as it is.
func CutStep(prefix string) (name string, number int64, ok bool) {
	if strings.Contains(prefix, "-of-") {
		if shards := savedPattern.FindStringSubmatch(prefix); shards != nil {
			prefix = shards[1]
		}
	}
	// State files may name 100,000 checkpoints: a regular expression would take longest.
	dash := strings.LastIndexByte(prefix, '-')
	digits := prefix[dash+1:]
	if dash < 0 || digits == "" || strings.Trim(digits, "0123456789") != "" {
		return prefix, 0, false
	}
	number, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return prefix, 0, false
	}
	return prefix[:dash], number, true
}

// SavedModelPrefix returns the prefix of the checkpoint within a SavedModel's
// folder. The result is a slash-separated path if the folder is one.
func SavedModelPrefix(folder string) string { return path.Join(folder, "variables", "variables") }
