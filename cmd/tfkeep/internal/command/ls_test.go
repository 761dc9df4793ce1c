package command

import (
	"hash/crc32"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
)

func TestLs(t *testing.T) {
	inFixture(t, "train/model-1", fixture())
	for _, name := range []string{"train/model-1", "train", "train/", "train/model-1.index", "train/model-1.data-00000-of-00001"} {
		assert.Equal(t, text(`
			NAME       DTYPE     SHAPE   SIZE  PARTS
			broken     float32   [4]     16 B
			embedding  float32   [3, 2]  24 B      2
			half       bfloat16  [2]      4 B
			hidden/b   float32   [3]     12 B
			hidden/w   float32   [2, 3]  24 B
			step       int64     []       8 B
			words      string    [2]     10 B
			7 tensors, 22 numbers, 98 B  train/model-1 (V2)
			`), good(t, "ls", name), name)
	}
	assert.Equal(t, text(`
		NAME      DTYPE    SHAPE   SIZE
		hidden/b  float32  [3]     12 B
		hidden/w  float32  [2, 3]  24 B
		step      int64    []       8 B
		3 tensors, 10 numbers, 44 B  train/model-1 (V2)
		`), good(t, "ls", "train", "*den/*", "step"))
}

func TestLsJSON(t *testing.T) {
	inFixture(t, "m", fixture())
	lines := jsonLines(t, good(t, "ls", "--json", "m"))
	assert.Len(t, lines, 7)
	assert.Equal(t, map[string]any{
		"name": "hidden/w", "dtype": "float32", "shape": []any{2.0, 3.0}, "bytes": 24.0, "shard": 0.0, "crc32c": lines[4]["crc32c"],
	}, lines[4])
	crc := crc32.Checksum(float32s(0.125, -1, 2, 3, 4, 5), crc32.MakeTable(crc32.Castagnoli))
	assert.Equal(t, float64(crc), lines[4]["crc32c"])
	assert.Equal(t, []any{}, lines[5]["shape"], "a scalar's shape is a list, too")
	slices := lines[1]["slices"].([]any)
	assert.Len(t, slices, 2)
	part := slices[1].(map[string]any)
	assert.Equal(t, "1,2:-", part["slice"])
	assert.Equal(t, 16.0, part["bytes"])
	assert.NotContains(t, lines[1], "crc32c")
}

func TestEscapeSequencesInNamesAreQuoted(t *testing.T) {
	inFixture(t, "m", []checkpoint.Tensor{{Name: "a\x1b[31m\nb\xff", DType: dtype.Int8, Data: []byte{1}}})
	out := good(t, "ls", "m")
	assert.NotContains(t, out, "\x1b")
	assert.Contains(t, out, `a\x1b[31m\nb\xff`)
	assert.NotContains(t, good(t, "stats", "m"), "\x1b")
}
