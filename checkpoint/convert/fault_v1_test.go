package convert_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/convert"
	"github.com/tfkeep/tfkeep/dtype"
)

// changeV1Type gives the tensor "bad", a vector of float32, another type in the contents of a V1 file.
func changeV1Type(t *testing.T, file string, to byte) {
	t.Helper()
	rewriteTable(t, file, func(key string, value []byte) []byte {
		if key != "" {
			return value
		}
		at := bytes.Index(value, []byte("bad"))
		require.Positive(t, at)
		of := bytes.Index(value[at:], []byte{3 << 3, byte(dtype.Float32)})
		require.Positive(t, of)
		value[at+of+1] = to
		return value
	})
}

// TestFaultOfOneV1Tensor is TestFaultOfOneTensor for format V1.
func TestFaultOfOneV1Tensor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		to   byte
		says string
	}{
		{"resource", byte(dtype.Resource), "resource"}, {"variant", byte(dtype.Variant), "variant"}, {"future", 60, "dtype(60)"}, {"invalid", 0, "0 is not a data type"},
		{"reference", 101, "float32_ref is a reference"}, {"strings", byte(dtype.String), "string"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			in := filepath.Join(dir, "m")
			w, err := checkpoint.Create(t.Context(), in, &checkpoint.WriterOptions{Version: checkpoint.V1})
			require.NoError(t, err)
			require.NoError(t, w.Add(t.Context(),
				checkpoint.Tensor{Name: "a", DType: dtype.Float32, Shape: []int64{2}, Data: []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40}},
				checkpoint.Tensor{Name: "bad", DType: dtype.Float32, Shape: []int64{10}, Data: bytes.Repeat([]byte{1, 2, 3, 4}, 10)},
				checkpoint.Tensor{Name: "z", DType: dtype.Int32, Data: []byte{7, 0, 0, 0}}))
			require.NoError(t, w.Commit(t.Context()))
			changeV1Type(t, in, c.to)
			for _, out := range []string{"out", "out.v1", "out.npz", "out.safetensors"} {
				o := convert.Options{}
				if out == "out.v1" {
					o.To = convert.V1
				}
				out = filepath.Join(dir, out)
				_, err = convert.Convert(t.Context(), in, out, &o)
				require.ErrorContains(t, err, `"bad"`, out)
				o.SkipUnsupported = true
				res, err := convert.Convert(t.Context(), in, out, &o)
				require.NoError(t, err, out)
				require.Len(t, res.Skipped, 1, out)
				assert.Equal(t, "bad", res.Skipped[0].Name)
				assert.ErrorContains(t, res.Skipped[0].Err, c.says)
				assert.Equal(t, 2, res.Tensors)
			}
			kept, err := checkpoint.Open(t.Context(), filepath.Join(dir, "out"), nil)
			require.NoError(t, err)
			data, err := kept.ReadBytes(t.Context(), "z", nil)
			require.NoError(t, err)
			assert.Equal(t, []byte{7, 0, 0, 0}, data)
			require.NoError(t, kept.Close())
		})
	}
}
