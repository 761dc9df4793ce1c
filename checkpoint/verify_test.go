package checkpoint_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
)

// verifySample writes a checkpoint of two shards with strings and a partitioned tensor,
// and returns its prefix.
func verifySample(t *testing.T) string {
	t.Helper()
	prefix := filepath.Join(t.TempDir(), "m")
	w, err := checkpoint.Create(t.Context(), prefix, &checkpoint.WriterOptions{NumShards: 2, NoSync: true})
	require.NoError(t, err)
	defer w.Close()
	for _, x := range []checkpoint.Tensor{
		{Name: "a", DType: dtype.Uint8, Shape: []int64{4}, Data: []byte{1, 2, 3, 4}},
		{Name: "b", DType: dtype.String, Shape: []int64{2}, Strings: [][]byte{[]byte("x"), []byte("yz")}, Shard: 1},
		{Name: "c", DType: dtype.Uint8, Shape: []int64{4}, Data: []byte{5, 6, 7, 8}, Shard: 1},
		{Name: "p", DType: dtype.Uint8, Shape: []int64{4}, Slice: checkpoint.Slice{{Start: 0, Length: 2}}, Data: []byte{1, 2}},
		{Name: "p", DType: dtype.Uint8, Shape: []int64{4}, Slice: checkpoint.Slice{{Start: 2, Length: 2}}, Data: []byte{3, 4}, Shard: 1},
	} {
		require.NoError(t, w.Add(t.Context(), x))
	}
	require.NoError(t, w.Commit(t.Context()))
	return prefix
}

func verifyReport(t *testing.T, prefix string) *checkpoint.Report {
	t.Helper()
	r, err := checkpoint.Verify(t.Context(), prefix, nil)
	require.NoError(t, err)
	return r
}

func changeFile(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, change(b), 0o644))
}

func TestVerifyGoodCheckpoint(t *testing.T) {
	t.Parallel()
	prefix := verifySample(t)
	var read int64
	r, err := checkpoint.Verify(t.Context(), prefix, &checkpoint.VerifyOptions{Progress: func(done, _ int64) { read = done }})
	require.NoError(t, err)
	assert.True(t, r.OK())
	assert.Empty(t, r.Faults)
	assert.Equal(t, 4, r.Tensors)
	assert.Equal(t, checkpoint.V2, r.Version)
	assert.Equal(t, prefix, r.Prefix)
	assert.Equal(t, r.Bytes, read)
}

func TestVerifyTellsEveryFault(t *testing.T) {
	t.Parallel()
	prefix := verifySample(t)
	changeFile(t, prefix+".data-00000-of-00002", func(b []byte) []byte { b[0] ^= 1; b[5] ^= 1; return b }) // a, p
	changeFile(t, prefix+".data-00001-of-00002", func(b []byte) []byte { return b[:8] })                   // b, c and p lost their ends
	r := verifyReport(t, prefix)
	assert.False(t, r.OK())
	found := map[string]int{}
	for _, f := range r.Faults {
		var e *tfkeep.Error
		require.ErrorAs(t, f.Err, &e)
		assert.ErrorIs(t, f.Err, tfkeep.ErrCorrupt)
		found[e.Name]++
	}
	assert.Equal(t, map[string]int{"a": 1, "b": 1, "c": 1, "p": 2}, found)
}

func TestVerifyTellsAMissingFileOnce(t *testing.T) {
	t.Parallel()
	prefix := verifySample(t)
	require.NoError(t, os.Remove(prefix+".data-00001-of-00002"))
	r := verifyReport(t, prefix)
	require.Len(t, r.Faults, 1)
	assert.ErrorIs(t, r.Faults[0].Err, os.ErrNotExist)
	assert.ErrorContains(t, r.Faults[0].Err, prefix+".data-00001-of-00002")
	assert.False(t, r.OK())
}

func TestVerifyContinuesAfterBrokenBlock(t *testing.T) {
	t.Parallel()
	prefix := filepath.Join(t.TempDir(), "m")
	w, err := checkpoint.Create(t.Context(), prefix, &checkpoint.WriterOptions{NoSync: true})
	require.NoError(t, err)
	defer w.Close()
	const n = 20_000
	all := make([]checkpoint.Tensor, n)
	for i := range all {
		all[i] = checkpoint.Tensor{Name: fmt.Sprintf("some/rather/long/name/of/a/layer/%06d", i), DType: dtype.Uint8, Data: []byte{byte(i)}}
	}
	require.NoError(t, w.Add(t.Context(), all...))
	require.NoError(t, w.Commit(t.Context()))
	changeFile(t, prefix+".index", func(b []byte) []byte { b[1000] ^= 1; return b })
	changeFile(t, prefix+".data-00000-of-00001", func(b []byte) []byte { b[n-1] ^= 1; return b })
	r := verifyReport(t, prefix)
	require.Len(t, r.Faults, 2, "the first block and the last tensor: %v", r.Faults)
	assert.ErrorContains(t, r.Faults[0].Err, "block 0")
	assert.ErrorContains(t, r.Faults[1].Err, all[n-1].Name)
	assert.Greater(t, r.Tensors, n/4, "the other blocks' tensors were read")
	assert.Less(t, r.Tensors, n)
}

func TestVerifySeesEveryFlippedBit(t *testing.T) {
	t.Parallel()
	prefix := verifySample(t)
	dir := fstest.MapFS{}
	for _, end := range []string{".index", ".data-00000-of-00002", ".data-00001-of-00002"} {
		b, err := os.ReadFile(prefix + end)
		require.NoError(t, err)
		dir["m"+end] = &fstest.MapFile{Data: b}
	}
	harmless := 0
	for name, file := range dir {
		good := bytes.Clone(file.Data)
		for i := range 8 * len(good) {
			copy(file.Data, good)
			file.Data[i/8] ^= 1 << (i % 8)
			r, err := checkpoint.Verify(t.Context(), "m", &checkpoint.VerifyOptions{FS: dir})
			require.NoError(t, err)
			require.NotEmpty(t, r.Faults, "%s, bit %d", name, i)
			if r.OK() {
				harmless++
				require.Equal(t, "m.index", name, "every bit of the values counts")
			}
		}
		copy(file.Data, good)
	}
	assert.NotZero(t, harmless, "padding of the index is there and is not damage")
}

func TestVerifySeesEveryTruncation(t *testing.T) {
	t.Parallel()
	prefix := verifySample(t)
	dir := fstest.MapFS{}
	for _, end := range []string{".index", ".data-00000-of-00002", ".data-00001-of-00002"} {
		b, err := os.ReadFile(prefix + end)
		require.NoError(t, err)
		dir["m"+end] = &fstest.MapFile{Data: b}
	}
	for name, file := range dir {
		good := file.Data
		for n := range good {
			file.Data = good[:n]
			r, err := checkpoint.Verify(t.Context(), "m", &checkpoint.VerifyOptions{FS: dir})
			require.NoError(t, err)
			require.False(t, r.OK(), "%s cut to %d bytes", name, n)
		}
		file.Data = append(bytes.Clone(good), 0)
		r, err := checkpoint.Verify(t.Context(), "m", &checkpoint.VerifyOptions{FS: dir})
		require.NoError(t, err)
		if name != "m.index" { // whose footer counts from its end
			assert.True(t, r.OK(), "%s with a byte more", name)
		}
		assert.Len(t, r.Faults, 1, "%s with a byte more", name)
		file.Data = good
	}
}

func TestVerifyReadsV1(t *testing.T) {
	t.Parallel()
	prefix := filepath.Join(t.TempDir(), "m")
	w, err := checkpoint.Create(t.Context(), prefix, &checkpoint.WriterOptions{Version: checkpoint.V1, NoSync: true})
	require.NoError(t, err)
	defer w.Close()
	for _, name := range []string{"a", "b"} {
		require.NoError(t, w.Add(t.Context(), checkpoint.Tensor{Name: name, DType: dtype.Float32, Shape: []int64{2}, Data: make([]byte, 8)}))
	}
	require.NoError(t, w.Commit(t.Context()))
	r := verifyReport(t, prefix)
	assert.Empty(t, r.Faults)
	assert.Equal(t, checkpoint.V1, r.Version)
	assert.Equal(t, 2, r.Tensors)

	b, err := os.ReadFile(prefix)
	require.NoError(t, err)
	dir := fstest.MapFS{"m": {Data: b}}
	good := bytes.Clone(b)
	for i := range 8 * len(good) {
		copy(b, good)
		b[i/8] ^= 1 << (i % 8)
		r, err := checkpoint.Verify(t.Context(), "m", &checkpoint.VerifyOptions{FS: dir})
		require.NoError(t, err)
		require.NotEmpty(t, r.Faults, "bit %d", i)
	}
}

func TestVerifyMissingCheckpoint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := checkpoint.Verify(t.Context(), filepath.Join(dir, "nothing"), nil)
	assert.ErrorIs(t, err, tfkeep.ErrNotFound)
	_, err = checkpoint.Verify(t.Context(), dir, nil)
	assert.ErrorIs(t, err, tfkeep.ErrNotFound)
	// A missing shard is a fault of a checkpoint that exists.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "m-00000-of-00002"), nil, 0o644))
	r := verifyReport(t, filepath.Join(dir, "m"))
	assert.False(t, r.OK())
}

func TestVerifyEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := checkpoint.Verify(ctx, verifySample(t), nil)
	assert.True(t, errors.Is(err, context.Canceled), "%v", err)
}

// Open and Verify take the same names.
func TestVerifyCleansItsPrefix(t *testing.T) {
	t.Parallel()
	fsys := os.DirFS(filepath.Dir(verifySample(t)))
	for _, name := range []string{"m", "./m", "x/../m", "m.index"} {
		r, err := checkpoint.Open(t.Context(), name, &checkpoint.ReaderOptions{FS: fsys})
		require.NoError(t, err, name)
		require.NoError(t, r.Close())
		report, err := checkpoint.Verify(t.Context(), name, &checkpoint.VerifyOptions{FS: fsys})
		require.NoError(t, err, name)
		assert.True(t, report.OK(), name)
		assert.Equal(t, 4, report.Tensors, name)
	}
}
