package sources_test

import (
	"context"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/sources"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// memory is a source of whole tensors of numbers.
type memory map[string]string

func (m memory) Tensors() iter.Seq[checkpoint.TensorInfo] {
	return slices.Values([]checkpoint.TensorInfo(nil))
}

func (m memory) Lookup(name string) (checkpoint.TensorInfo, bool) {
	data, ok := m[name]
	return checkpoint.TensorInfo{Name: name, DType: dtype.Uint8, Bytes: int64(len(data))}, ok
}

func (m memory) ReadStrings(_ context.Context, name string, _ checkpoint.Slice) ([][]byte, error) {
	return nil, sources.NoStrings(name)
}

func (m memory) OpenTensor(_ context.Context, name string, part checkpoint.Slice) (io.ReadCloser, error) {
	if err := sources.WholeOnly(name, part); err != nil {
		return nil, err
	}
	return io.NopCloser(strings.NewReader(m[name])), nil
}

func TestPlainSource(t *testing.T) {
	t.Parallel()
	src := memory{"a": "abc"}
	data, err := sources.Read(t.Context(), src, "a", nil)
	require.NoError(t, err)
	assert.Equal(t, "abc", string(data))
	dst := make([]byte, 3)
	require.NoError(t, sources.ReadInto(t.Context(), src, "a", nil, dst))
	assert.Equal(t, "abc", string(dst))
	for _, size := range []int{0, 2, 4} {
		assert.ErrorIs(t, sources.ReadInto(t.Context(), src, "a", nil, make([]byte, size)), tfkeep.ErrMismatch)
	}

	part := checkpoint.Slice{{Start: 0, Length: 1}}
	_, err = sources.Read(t.Context(), src, "a", part)
	assert.ErrorIs(t, err, tfkeep.ErrUnsupported)
	_, err = src.ReadStrings(t.Context(), "a", part)
	assert.ErrorIs(t, err, tfkeep.ErrUnsupported)
	_, err = src.ReadStrings(t.Context(), "a", nil)
	assert.ErrorIs(t, err, tfkeep.ErrUnsupported)
}

func TestCheckpointSource(t *testing.T) {
	t.Parallel()
	prefix := filepath.Join(t.TempDir(), "m")
	tftest.WriteCheckpoint(t, prefix, nil, []checkpoint.Tensor{
		{Name: "n", DType: dtype.Uint8, Shape: []int64{3}, Data: []byte("abc")},
		tftest.StringTensor("s", []int64{2}, "x", "y"),
	})
	r, err := checkpoint.Open(t.Context(), prefix, nil)
	require.NoError(t, err)
	defer r.Close()
	part := checkpoint.Slice{{Start: 1, Length: 1}}
	for _, c := range []struct {
		s       checkpoint.Slice
		data    string
		strings []string
	}{{nil, "abc", []string{"x", "y"}}, {part, "b", []string{"y"}}} {
		data, err := sources.Read(t.Context(), r, "n", c.s)
		require.NoError(t, err)
		assert.Equal(t, c.data, string(data))
		dst := make([]byte, len(c.data))
		require.NoError(t, sources.ReadInto(t.Context(), r, "n", c.s, dst))
		assert.Equal(t, c.data, string(dst))
		in, err := r.OpenTensor(t.Context(), "n", c.s)
		require.NoError(t, err)
		data, err = io.ReadAll(in)
		require.NoError(t, err)
		assert.Equal(t, c.data, string(data))
		require.NoError(t, in.Close())
		values, err := r.ReadStrings(t.Context(), "s", c.s)
		require.NoError(t, err)
		require.Len(t, values, len(c.strings))
		for i, want := range c.strings {
			assert.Equal(t, want, string(values[i]))
		}
	}
}
