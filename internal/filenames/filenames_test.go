package filenames_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/internal/filenames"
)

func TestParseAcceptsOnlyWhatIsFormatted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		prefix string
		ok     bool
	}{
		{"d/m.index", "d/m", true},
		{"d/m.meta", "d/m", true},
		{filenames.Data("d/m", 3, 12), "d/m", true},
		{filenames.Data("m", 100_000, 200_000), "m", true},
		{"m.index.index", "m.index", true},
		{"m.data-1-of-2", "", false},
		{"m.data-00001-of-2", "", false},
		{"m.data-+0001-of-00002", "", false},
		{"m.data-000001-of-000002", "", false},
		{"m.data-00001", "", false},
		{".index", "", true},
		{".meta", "", true},
		{".data-00000-of-00001", "", true},
		{"d/.index", "d/", true},
		{"m", "", false},
		{"m.pb", "", false},
	} {
		prefix, ok := filenames.Parse(c.name)
		assert.Equal(t, c.ok, ok, c.name)
		if ok {
			assert.Equal(t, c.prefix, prefix, c.name)
		}
	}
	prefix, shard, total, ok := filenames.ParseData("m.data-00003-of-00012")
	assert.Equal(t, []any{"m", 3, 12, true}, []any{prefix, shard, total, ok})
	prefix, shard, total, ok = filenames.ParseV1Shard(filenames.V1Shard("d/m-7", 1, 2))
	assert.Equal(t, []any{"d/m-7", 1, 2, true}, []any{prefix, shard, total, ok})
}

func TestMetaGraphLosesTheV1Pattern(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ prefix, want string }{
		{"d/m-1", "d/m-1.meta"},
		{filenames.V1Pattern("d/m-1", 2), "d/m-1.meta"},
		{filenames.V1Shard("d/m-1", 0, 2), "d/m-1.meta"},
		{filenames.AnyV1Pattern("m"), "m-?????-of-?????.meta"},
		{"m-of-5", "m-of-5.meta"},
		{"x-of-y-00000-of-00001", "x-of-y.meta"},
	} {
		assert.Equal(t, c.want, filenames.MetaGraph(c.prefix, ""), c.prefix)
	}
	assert.Equal(t, "m.graph", filenames.MetaGraph("m", "graph"))
}

func TestCutStep(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		prefix, name string
		step         int64
		ok           bool
	}{
		{"train/model-1000", "train/model", 1000, true},
		{"model-00000007", "model", 7, true},
		{"model", "model", 0, false},
		{"model-7-?????-of-00002", "model", 7, true},
		{"model-1-of-5", "model-1-of", 5, true},
		{"model-", "model-", 0, false},
		{"model-99999999999999999999", "model-99999999999999999999", 0, false},
	} {
		name, step, ok := filenames.CutStep(c.prefix)
		assert.Equal(t, c.name, name, c.prefix)
		assert.Equal(t, c.step, step, c.prefix)
		assert.Equal(t, c.ok, ok, c.prefix)
	}
}

func TestHoldsValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file string
		want bool
	}{
		{"m.index", true}, {"m.data-00000-of-00001", true}, {"m", true}, {"m.meta", false}, {"m-1.index", false}, {"m.index.tfkeep-tmp", false},
	} {
		assert.Equal(t, c.want, filenames.HoldsValues(c.file, "m"), c.file)
	}
	assert.True(t, filenames.HoldsValues("m-00001-of-00002", filenames.V1Pattern("m", 2)))
}

func TestTemporaryNames(t *testing.T) {
	t.Parallel()
	name, ok := filenames.ParseTemp(filenames.Temp("d/m.index"))
	assert.Equal(t, "d/m.index", name)
	assert.True(t, ok)
	name, ok = filenames.ParseLock(filenames.Lock("d/checkpoint"))
	assert.Equal(t, "d/checkpoint", name)
	assert.True(t, ok)
	assert.True(t, filenames.IsTensorFlowTemp("m.index.tempstate123"))
	final, ok := filenames.ParseTensorFlowTemp("m-4.tempstate8305762503697031853")
	assert.True(t, ok)
	assert.Equal(t, "m-4", final)
	_, ok = filenames.ParseTensorFlowTemp("m-4.tempstate")
	assert.False(t, ok)
	assert.True(t, filenames.IsTensorFlowTemp("checkpoint.tmp0123456789abcdef0123456789abcdef"))
	assert.False(t, filenames.IsTensorFlowTemp("checkpoint.tmp"))
	assert.True(t, filenames.IsShardsDir(filenames.ShardsDir("m")))
	assert.True(t, filenames.IsShardsFile("part-00000-of-00002.index"))
	assert.False(t, filenames.IsShardsFile("notes"))
	assert.True(t, filenames.IsPart("part-00000-of-00002.data-00000-of-00001"))
}

func TestPrefixesKeepTheirSlash(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ prefix, clean, base string }{
		{"d/m", "d/m", "m"}, {"d//m", "d/m", "m"}, {"d/", "d/", ""}, {"d/.", "d/", "."}, {"d/e/..", "d", ".."},
		{".", "./", "."}, {"./", "./", ""}, {"/", "/", ""}, {"m", "m", "m"}, {"./m", "m", "m"}, {"d//", "d/", ""},
	} {
		assert.Equal(t, c.clean, filenames.Clean(c.prefix), c.prefix)
		assert.Equal(t, c.base, filenames.Base(c.prefix), c.prefix)
	}
	assert.Equal(t, "d/", filenames.Join("d", ""))
	assert.Equal(t, "d/m", filenames.Join("d", "m"))
	assert.Equal(t, "/", filenames.Join("/", ""))
}
