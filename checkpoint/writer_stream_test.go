package checkpoint_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

func TestAddFromWritesTheSameFiles(t *testing.T) {
	t.Parallel()
	small := tftest.RandomTensor(1, "small", dtype.Float32, 10)
	large := tftest.RandomTensor(2, "large", dtype.Float32, 700, 1000)
	empty := tftest.RandomTensor(3, "empty", dtype.Float32, 0)
	tensors := append([]checkpoint.Tensor{small, large, empty}, slicesOf(tftest.RandomTensor(4, "sliced", dtype.Int64, 4, 50_000), 1, 3)...)
	for i := range tensors {
		tensors[i].Shard = 0
	}
	for _, version := range []checkpoint.Version{checkpoint.V1, checkpoint.V2} {
		t.Run(version.String(), func(t *testing.T) {
			t.Parallel()
			o := &checkpoint.WriterOptions{Version: version}
			want, got := t.TempDir(), t.TempDir()
			tftest.WriteCheckpoint(t, filepath.Join(want, "m"), o, tensors)
			w, err := checkpoint.Create(t.Context(), filepath.Join(got, "m"), o)
			require.NoError(t, err)
			defer w.Close()
			for _, tensor := range tensors {
				data := iotest.HalfReader(bytes.NewReader(tensor.Data))
				tensor.Data = nil
				require.NoError(t, w.AddFrom(t.Context(), tensor, data))
			}
			require.NoError(t, w.Commit(t.Context()))
			assertSameFiles(t, want, got)
		})
	}
}

func TestAddFromRefuses(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, elements := range []int64{10, 100_000} {
		tensor := checkpoint.Tensor{Name: "v", DType: dtype.Uint8, Shape: []int64{elements}}
		data := make([]byte, elements)
		withData := tensor
		withData.Data = data
		for _, c := range []struct {
			name   string
			ctx    context.Context
			tensor checkpoint.Tensor
			reader interface{ Read([]byte) (int, error) }
			kind   error
		}{
			{"too short", t.Context(), tensor, bytes.NewReader(data[1:]), tfkeep.ErrMismatch},
			{"too long", t.Context(), tensor, bytes.NewReader(append(data, 0)), tfkeep.ErrMismatch},
			{"broken", t.Context(), tensor, iotest.ErrReader(broken), broken},
			{"canceled", canceled, tensor, bytes.NewReader(data), context.Canceled},
			{"with data", t.Context(), withData, bytes.NewReader(data), tfkeep.ErrArgument},
			{"strings", t.Context(), checkpoint.Tensor{Name: "s", DType: dtype.String}, bytes.NewReader(nil), tfkeep.ErrArgument},
			{"no name", t.Context(), checkpoint.Tensor{DType: dtype.Uint8}, bytes.NewReader(data[:1]), tfkeep.ErrMismatch},
		} {
			t.Run(c.name, func(t *testing.T) {
				folder := t.TempDir()
				w, err := checkpoint.Create(t.Context(), filepath.Join(folder, "m"), nil)
				require.NoError(t, err)
				defer w.Close()
				require.ErrorIs(t, w.AddFrom(c.ctx, c.tensor, c.reader), c.kind)
				require.ErrorIs(t, w.Commit(t.Context()), c.kind)
				assert.Empty(t, tftest.FileNames(t, folder))
			})
		}
	}
}
