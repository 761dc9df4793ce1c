package checkpoint_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/filenames"
)

// manySizes are sizes around the limits up to which tensors are read together.
var manySizes = []int64{0, 1, 16, 4095, 4097, 64 << 10, 64<<10 + 1, 300 << 10, 2 << 20}

// writeMany writes 200 tensors in two files, and returns the prefix and the values by name.
func writeMany(t *testing.T, o checkpoint.WriterOptions) (string, map[string][]byte) {
	t.Helper()
	prefix := filepath.Join(t.TempDir(), "m")
	o.NoSync = true
	w, err := checkpoint.Create(t.Context(), prefix, &o)
	require.NoError(t, err)
	defer w.Close()
	values := map[string][]byte{}
	for i := range 200 {
		size := int64(100)
		if i%10 == 0 {
			size = manySizes[i/10%len(manySizes)]
		}
		name := fmt.Sprintf("v%03d", i*37%200)
		values[name] = bytes.Repeat([]byte{byte(i + 1)}, int(size))
		require.NoError(t, w.Add(t.Context(), checkpoint.Tensor{Name: name, DType: dtype.Uint8, Shape: []int64{size}, Data: values[name], Shard: i % max(o.NumShards, 1)}))
	}
	require.NoError(t, w.Commit(t.Context()))
	return prefix, values
}

func TestReadMany(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		o    checkpoint.WriterOptions
	}{
		{"two files", checkpoint.WriterOptions{NumShards: 2}},
		{"gaps", checkpoint.WriterOptions{Alignment: 4096}},
		{"V1", checkpoint.WriterOptions{Version: checkpoint.V1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			prefix, values := writeMany(t, c.o)
			r, err := checkpoint.Open(t.Context(), prefix, nil)
			require.NoError(t, err)
			names := []string{"v017", "v017"} // twice
			for name := range values {
				names = append(names, name)
			}
			got, err := r.ReadMany(t.Context(), names)
			require.NoError(t, err)
			for i, name := range names {
				require.True(t, bytes.Equal(values[name], got[i]), name)
				require.Equal(t, len(got[i]), cap(got[i]), "an append would reach the neighbor")
			}
			_, err = r.ReadMany(t.Context(), []string{"v001", "none"})
			require.ErrorIs(t, err, tfkeep.ErrNotFound)
			require.NoError(t, r.Close())
			_, err = r.ReadMany(t.Context(), names)
			require.ErrorIs(t, err, tfkeep.ErrClosed)
		})
	}
}

func TestReadManyReadsSlicesAndRefusesStrings(t *testing.T) {
	t.Parallel()
	r, err := checkpoint.Open(t.Context(), verifySample(t), nil)
	require.NoError(t, err)
	defer r.Close()
	got, err := r.ReadMany(t.Context(), []string{"p", "c", "a"})
	require.NoError(t, err)
	assert.Equal(t, [][]byte{{1, 2, 3, 4}, {5, 6, 7, 8}, {1, 2, 3, 4}}, got)
	_, err = r.ReadMany(t.Context(), []string{"a", "b"})
	require.ErrorIs(t, err, tfkeep.ErrMismatch)
	require.ErrorContains(t, err, "ReadStrings")
}

// Each flipped bit and each missing byte is found, in the tensor that has it.
func TestReadManyNamesDamagedTensors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func([]byte) []byte
		want   string
	}{
		{"flipped bit", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, "checksum"},
		{"cut short", func(b []byte) []byte { return b[:len(b)-1] }, "cut short"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			prefix, values := writeMany(t, checkpoint.WriterOptions{})
			changeFile(t, filenames.Data(prefix, 0, 1), c.change)
			r, err := checkpoint.Open(t.Context(), prefix, nil)
			require.NoError(t, err)
			defer r.Close()
			last := fmt.Sprintf("v%03d", 199*37%200) // in the file
			var names []string
			for name := range values {
				names = append(names, name)
			}
			_, err = r.ReadMany(t.Context(), names)
			require.ErrorIs(t, err, tfkeep.ErrCorrupt)
			require.ErrorContains(t, err, last)
			require.ErrorContains(t, err, c.want)
		})
	}
}
