package tftest

import (
	"context"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
)

// WriteCheckpoint writes a V2 checkpoint.
func WriteCheckpoint(t testing.TB, prefix string, o *checkpoint.WriterOptions, tensors []checkpoint.Tensor) {
	t.Helper()
	WriteCheckpointIn(t.Context(), t, prefix, o, tensors)
}

// WriteCheckpointIn writes a V2 checkpoint in the file system of a context.
func WriteCheckpointIn(ctx context.Context, t testing.TB, prefix string, o *checkpoint.WriterOptions, tensors []checkpoint.Tensor) {
	t.Helper()
	w, err := checkpoint.Create(ctx, prefix, o)
	require.NoError(t, err)
	defer w.Close()
	require.NoError(t, w.Add(ctx, tensors...))
	require.NoError(t, w.Commit(ctx))
}

// WriteCheckpointV1 writes a V1 checkpoint.
func WriteCheckpointV1(t testing.TB, prefix string, o *checkpoint.WriterOptions, tensors []checkpoint.Tensor) {
	t.Helper()
	opts := checkpoint.WriterOptions{}
	if o != nil {
		opts = *o
	}
	opts.Version = checkpoint.V1
	WriteCheckpoint(t, prefix, &opts, tensors)
}

// RandomTensor returns a tensor of random elements that depend on the seed and the
// type.
func RandomTensor(seed uint64, name string, dt dtype.DataType, shape ...int64) checkpoint.Tensor {
	random := rand.New(rand.NewPCG(seed, uint64(dt)))
	n, _ := dtype.NumElements(shape)
	data := make([]byte, int(n)*dtype.Size(dt))
	for i := range data {
		data[i] = byte(random.Uint32())
		switch dt {
		case dtype.Bool:
			data[i] &= 1
		case dtype.Int4, dtype.Uint4:
			data[i] &= 7
		}
	}
	return checkpoint.Tensor{Name: name, DType: dt, Shape: shape, Data: data}
}

// StringTensor returns a tensor of strings.
func StringTensor(name string, shape []int64, values ...string) checkpoint.Tensor {
	t := checkpoint.Tensor{Name: name, DType: dtype.String, Shape: shape, Strings: [][]byte{}}
	for _, v := range values {
		t.Strings = append(t.Strings, []byte(v))
	}
	return t
}

// ReadFiles returns the contents of the files in a folder by their names. It leaves
// out subfolders.
func ReadFiles(t testing.TB, folder string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	files := map[string][]byte{}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(folder, e.Name()))
		require.NoError(t, err)
		files[e.Name()] = data
	}
	return files
}

// FileNames returns the names of the files in a folder, sorted. It leaves out
// subfolders.
func FileNames(t testing.TB, folder string) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(ReadFiles(t, folder)))
}
