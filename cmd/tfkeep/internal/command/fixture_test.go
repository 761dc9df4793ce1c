package command

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/dtype"
)

func float32s(values ...float32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// fixture returns tensors of many kinds.
func fixture() []checkpoint.Tensor {
	nan := float32(math.NaN())
	rows := func(start, n int64) checkpoint.Slice {
		return checkpoint.Slice{{Start: start, Length: n}, {Length: -1}}
	}
	return []checkpoint.Tensor{
		{Name: "broken", DType: dtype.Float32, Shape: []int64{4}, Data: float32s(1, nan, float32(math.Inf(1)), 0)},
		{Name: "embedding", DType: dtype.Float32, Shape: []int64{3, 2}, Slice: rows(0, 1), Data: float32s(1, 2)},
		{Name: "embedding", DType: dtype.Float32, Shape: []int64{3, 2}, Slice: rows(1, 2), Data: float32s(3, 4, 5, 6)},
		{Name: "half", DType: dtype.BFloat16, Shape: []int64{2}, Data: []byte{0x80, 0x3f, 0xcd, 0xbd}},
		{Name: "hidden/b", DType: dtype.Float32, Shape: []int64{3}, Data: float32s(0, 0.5, 1)},
		{Name: "hidden/w", DType: dtype.Float32, Shape: []int64{2, 3}, Data: float32s(0.125, -1, 2, 3, 4, 5)},
		{Name: "step", DType: dtype.Int64, Data: []byte{16, 39, 0, 0, 0, 0, 0, 0}},
		{Name: "words", DType: dtype.String, Shape: []int64{2}, Strings: [][]byte{[]byte("hi\n"), []byte("\xff")}},
	}
}

// inFixture changes to an empty directory and writes a checkpoint there, so that outputs
// have short names.
func inFixture(t *testing.T, prefix string, tensors []checkpoint.Tensor) {
	t.Helper()
	t.Chdir(t.TempDir())
	save(t, prefix, tensors)
}

func save(t *testing.T, prefix string, tensors []checkpoint.Tensor) {
	t.Helper()
	w, err := checkpoint.Create(t.Context(), prefix, &checkpoint.WriterOptions{NoSync: true})
	require.NoError(t, err)
	defer w.Close()
	require.NoError(t, w.Add(t.Context(), tensors...))
	require.NoError(t, w.Commit(t.Context()))
}

// good runs a command that must succeed and print nothing on standard error, and returns
// its output.
func good(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := execute(t, args...)
	require.Equal(t, cli.ExitOK, code, errs)
	require.Empty(t, errs)
	return out
}

// jsonLines decodes an output with one object per line.
func jsonLines(t *testing.T, out string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(out) {
		var v map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &v), line)
		all = append(all, v)
	}
	return all
}

// text removes the indentation of the first line from all lines of a golden text.
func text(s string) string {
	s = strings.TrimPrefix(s, "\n")
	indent := s[:len(s)-len(strings.TrimLeft(s, "\t"))]
	return strings.TrimRight(strings.ReplaceAll("\n"+s, "\n"+indent, "\n")[1:], "\t")
}

func flipByte(t *testing.T, path string, at int) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	b[at] ^= 1
	require.NoError(t, os.WriteFile(path, b, 0o644))
}
