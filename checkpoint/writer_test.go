package checkpoint_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

func TestWriterRefusesBadTensors(t *testing.T) {
	t.Parallel()
	ok := tftest.RandomTensor(1, "v", dtype.Float32, 2)
	with := func(change func(*checkpoint.Tensor)) []checkpoint.Tensor {
		bad := ok
		change(&bad)
		return []checkpoint.Tensor{bad}
	}
	part := func(start, length int64) checkpoint.Tensor {
		return checkpoint.Tensor{Name: "p", DType: dtype.Int8, Shape: []int64{4}, Slice: checkpoint.Slice{{Start: start, Length: length}}, Data: make([]byte, length)}
	}
	for _, c := range []struct {
		name    string
		tensors []checkpoint.Tensor
		kind    error
		text    string
	}{
		{"no name", with(func(x *checkpoint.Tensor) { x.Name = "" }), tfkeep.ErrMismatch, "needs a name"},
		{"the same name", []checkpoint.Tensor{ok, ok}, tfkeep.ErrExists, `tensor "v": already exists: Adding duplicate key: v`},
		{"no type", with(func(x *checkpoint.Tensor) { x.DType = 0 }), tfkeep.ErrMismatch, "0 is not a data type"},
		{"an unknown type", with(func(x *checkpoint.Tensor) { x.DType = 77 }), tfkeep.ErrMismatch, "77 is not a data type"},
		{"a reference type", with(func(x *checkpoint.Tensor) { x.DType = 101 }), tfkeep.ErrMismatch, "101 is not a data type"},
		{"a resource", with(func(x *checkpoint.Tensor) { x.DType = dtype.Resource }), tfkeep.ErrUnsupported, "resource"},
		{"a variant", with(func(x *checkpoint.Tensor) { x.DType = dtype.Variant }), tfkeep.ErrMismatch, "in Strings"},
		{"too few bytes", with(func(x *checkpoint.Tensor) { x.Data = x.Data[:7] }), tfkeep.ErrMismatch, "float32 of shape [2] takes 8 bytes, got 7"},
		{"too many bytes", with(func(x *checkpoint.Tensor) { x.Shape = nil }), tfkeep.ErrMismatch, "takes 4 bytes, got 8"},
		{"a negative dimension", with(func(x *checkpoint.Tensor) { x.Shape = []int64{-1} }), tfkeep.ErrMismatch, "negative dimension"},
		{"an overflowing shape", with(func(x *checkpoint.Tensor) { x.Shape = []int64{1 << 40, 1 << 40} }), tfkeep.ErrMismatch, "too many elements"},
		{"too many dimensions", with(func(x *checkpoint.Tensor) { x.Shape = make([]int64, 255); x.Data = nil }), tfkeep.ErrMismatch, "rank 255"},
		{"strings of a number", with(func(x *checkpoint.Tensor) { x.Strings = [][]byte{nil, nil} }), tfkeep.ErrMismatch, "belong in Data"},
		{"bytes of a string", with(func(x *checkpoint.Tensor) { x.DType = dtype.String }), tfkeep.ErrMismatch, "belong in Strings"},
		{"too few strings", []checkpoint.Tensor{tftest.StringTensor("s", []int64{2}, "x")}, tfkeep.ErrMismatch, "takes 2 strings, got 1"},
		{"no such shard", with(func(x *checkpoint.Tensor) { x.Shard = 1 }), tfkeep.ErrMismatch, "shard 1 of 1"},
		{"a negative shard", with(func(x *checkpoint.Tensor) { x.Shard = -1 }), tfkeep.ErrMismatch, "shard -1 of 1"},
		{"a slice of other rank", with(func(x *checkpoint.Tensor) { x.Slice = checkpoint.FullSlice(2) }), tfkeep.ErrMismatch, "dimensions"},
		{"a slice outside", []checkpoint.Tensor{part(2, 3)}, tfkeep.ErrMismatch, "leaves the shape"},
		{"an empty slice", []checkpoint.Tensor{part(2, 0)}, tfkeep.ErrMismatch, "is empty in dimension 0"},
		{"the same slice", []checkpoint.Tensor{part(0, 2), part(0, 2)}, tfkeep.ErrExists, "Adding duplicate key: p"},
		{"a slice and the whole", []checkpoint.Tensor{part(0, 2), part(0, 4)}, tfkeep.ErrExists, "Adding duplicate key: p"},
		{"the whole and a slice", []checkpoint.Tensor{part(0, 4), part(0, 2)}, tfkeep.ErrExists, "Adding duplicate key: p"},
		{"overlapping slices", []checkpoint.Tensor{part(0, 3), part(2, 2)}, tfkeep.ErrMismatch, "overlap"},
		{"slices of two types", slicesWith(dtype.Int16, 4), tfkeep.ErrMismatch, "this slice is of int16, an earlier one of int8"},
		{"slices of two shapes", slicesWith(dtype.Int8, 5), tfkeep.ErrMismatch, "shape [5], an earlier one of [4]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			w, err := checkpoint.Create(t.Context(), filepath.Join(dir, "m"), nil)
			require.NoError(t, err)
			addErr := w.Add(context.Background(), c.tensors...)
			err = w.Commit(context.Background())
			require.ErrorIs(t, err, c.kind)
			assert.ErrorContains(t, err, c.text)
			assert.ErrorContains(t, err, filepath.Join(dir, "m"))
			if addErr != nil {
				assert.ErrorIs(t, w.Add(context.Background(), ok), c.kind, "the first failure is final")
			}
			require.NoError(t, w.Close())
			assert.Empty(t, tftest.ReadFiles(t, dir))
		})
	}
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, prefix := range []string{"", dir + "/.", dir + "/.."} {
		_, err := checkpoint.Create(t.Context(), prefix, nil)
		assert.ErrorIs(t, err, tfkeep.ErrArgument, "%q", prefix)
		_, err = checkpoint.Create(t.Context(), prefix, &checkpoint.WriterOptions{Version: checkpoint.V1})
		assert.ErrorIs(t, err, tfkeep.ErrArgument, "%q", prefix)
	}
	for _, o := range []checkpoint.WriterOptions{{NumShards: -1}, {NumShards: 100_000}, {Alignment: -1}, {Workers: -1}} {
		_, err := checkpoint.Create(t.Context(), filepath.Join(dir, "m"), &o)
		assert.ErrorIs(t, err, tfkeep.ErrArgument, "%+v", o)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
	_, err := checkpoint.Create(t.Context(), filepath.Join(dir, "file", "m"), nil)
	assert.Error(t, err)
	assert.Len(t, tftest.ReadFiles(t, dir), 1)
}

func TestWriterIsClosedByCommitAndByClose(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, end := range []func(*checkpoint.Writer) error{
		func(w *checkpoint.Writer) error { return w.Commit(ctx) }, (*checkpoint.Writer).Close,
	} {
		prefix := filepath.Join(t.TempDir(), "m")
		w, err := checkpoint.Create(t.Context(), prefix, nil)
		require.NoError(t, err)
		require.NoError(t, end(w))
		assert.ErrorIs(t, w.Add(ctx, tftest.RandomTensor(1, "v", dtype.Int8, 1)), tfkeep.ErrClosed)
		assert.ErrorIs(t, w.AddFile(".meta", nil), tfkeep.ErrClosed)
		assert.ErrorIs(t, w.Commit(ctx), tfkeep.ErrClosed)
		assert.NoError(t, w.Close())
	}
}

func TestACancelledSaveLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, err := checkpoint.Create(t.Context(), filepath.Join(dir, "m"), nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, w.Add(ctx, tftest.RandomTensor(1, "v", dtype.Int8, 1<<22)), context.Canceled)
	require.ErrorIs(t, w.Commit(context.Background()), context.Canceled)
	assert.Empty(t, tftest.ReadFiles(t, dir))

	w, err = checkpoint.Create(t.Context(), filepath.Join(dir, "m"), nil)
	require.NoError(t, err)
	require.NoError(t, w.Add(context.Background(), tftest.RandomTensor(1, "v", dtype.Int8, 1<<22)))
	require.ErrorIs(t, w.Commit(ctx), context.Canceled)
	assert.Empty(t, tftest.ReadFiles(t, dir))
}

// Whatever the order and the number of goroutines, the values are right, and there are
// no gaps, as in TensorFlow.
func TestConcurrentAdds(t *testing.T) {
	t.Parallel()
	prefix := filepath.Join(t.TempDir(), "m")
	for _, alignment := range []int{0, 64} {
		w, err := checkpoint.Create(t.Context(), prefix, &checkpoint.WriterOptions{NumShards: 2, NoSync: true, Workers: 3, Alignment: alignment})
		require.NoError(t, err)
		sizes := []int64{1, 100, 16 << 10, 16<<10 + 1, 200_000, 3 << 20, 0}
		tensor := func(i int) checkpoint.Tensor {
			x := tftest.RandomTensor(uint64(i), fmt.Sprintf("v%03d", i), dtype.Uint8, sizes[i%len(sizes)])
			x.Shard = i % 2
			return x
		}
		var wg sync.WaitGroup
		const n = 140
		for g := range 7 {
			wg.Go(func() {
				for i := g; i < n; i += 7 {
					if i%3 == 0 {
						assert.NoError(t, w.Add(context.Background(), tensor(i), tftest.StringTensor(fmt.Sprintf("s%d", i), []int64{2}, "a", longString(i*1000))))
					} else {
						assert.NoError(t, w.Add(context.Background(), tensor(i)))
					}
				}
			})
		}
		wg.Wait()
		require.NoError(t, w.Commit(context.Background()))

		r, err := checkpoint.Open(t.Context(), prefix, &checkpoint.ReaderOptions{Strict: alignment == 0})
		require.NoError(t, err)
		require.Len(t, slices.Collect(r.Tensors()), n+47)
		for i := range n {
			got, err := r.ReadBytes(context.Background(), fmt.Sprintf("v%03d", i), nil)
			require.NoError(t, err)
			require.Equal(t, tensor(i).Data, got)
		}
		for i := 0; i < n; i += 3 {
			got, err := r.ReadStrings(context.Background(), fmt.Sprintf("s%d", i), nil)
			require.NoError(t, err)
			require.Equal(t, longString(i*1000), string(got[1]))
		}
		for x := range r.Tensors() {
			if alignment > 0 {
				require.Zero(t, x.Offset%int64(alignment), x.Name)
			}
		}
		require.NoError(t, r.Close())
	}
}

func TestCloseWaitsForAdds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 20 {
		w, err := checkpoint.Create(t.Context(), filepath.Join(dir, "m"), &checkpoint.WriterOptions{NoSync: true})
		require.NoError(t, err)
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				err := w.Add(context.Background(), tftest.RandomTensor(1, fmt.Sprint(i), dtype.Uint8, 1<<20))
				if err != nil && !errors.Is(err, tfkeep.ErrClosed) {
					t.Error(err)
				}
			})
		}
		require.NoError(t, w.Close())
		wg.Wait()
		require.Empty(t, tftest.ReadFiles(t, dir))
	}
}

func TestAddFileTakesPartInTheCommit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	prefix := filepath.Join(dir, "m")
	w, err := checkpoint.Create(t.Context(), prefix, nil)
	require.NoError(t, err)
	require.NoError(t, w.AddFile(".meta", []byte("graph")))
	require.NoError(t, w.Close())
	assert.Empty(t, tftest.ReadFiles(t, dir))

	w, err = checkpoint.Create(t.Context(), prefix, nil)
	require.NoError(t, err)
	require.NoError(t, w.AddFile(".meta", []byte("graph")))
	assert.NoFileExists(t, prefix+".meta")
	require.NoError(t, w.Commit(context.Background()))
	assert.Equal(t, "graph", string(tftest.ReadFiles(t, dir)["m.meta"]))

	for _, suffix := range []string{"", ".index", "/x", "x/../../y"} {
		w, err = checkpoint.Create(t.Context(), prefix, nil)
		require.NoError(t, err)
		assert.ErrorIs(t, w.AddFile(suffix, nil), tfkeep.ErrArgument, suffix)
		assert.ErrorIs(t, w.Commit(context.Background()), tfkeep.ErrArgument)
	}
}

func TestManyTensorsAreWrittenAsBySaveV2(t *testing.T) {
	t.Parallel()
	var tensors []checkpoint.Tensor
	for i := range 20_000 {
		name := fmt.Sprintf("model/layer_%d/%s/variable_%05d", i%97, strings.Repeat("x", i%40), i)
		tensors = append(tensors, tftest.RandomTensor(uint64(i), name, dtype.Float32, int64(i%5)))
	}
	theirs, ours := t.TempDir(), t.TempDir()
	saveV2(t, filepath.Join(theirs, "m"), 1, tensors)
	tftest.WriteCheckpoint(t, filepath.Join(ours, "m"), nil, tensors)
	assertSameFiles(t, theirs, ours)
	assert.Greater(t, len(tftest.ReadFiles(t, ours)["m.index"]), 2*256<<10, "several blocks")
}
