package convert_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/convert"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/table"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

// rewriteTable writes a table again, with other values.
func rewriteTable(t *testing.T, file string, change func(key string, value []byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	in, err := table.NewReader(bytes.NewReader(data), int64(len(data)), nil)
	require.NoError(t, err)
	var out bytes.Buffer
	w := table.NewWriter(&out, nil)
	for e, err := range in.All() {
		require.NoError(t, err)
		require.NoError(t, w.Add(e.Key, change(string(e.Key), bytes.Clone(e.Value))))
	}
	require.NoError(t, w.Close())
	require.NoError(t, os.WriteFile(file, out.Bytes(), 0o666))
}

// changeEntry rewrites the index of a checkpoint with another entry of a tensor.
func changeEntry(t *testing.T, prefix, name string, change func(*for_core_protos_go_proto.BundleEntryProto)) {
	t.Helper()
	rewriteTable(t, filenames.Index(prefix), func(key string, value []byte) []byte {
		if key != name {
			return value
		}
		entry := &for_core_protos_go_proto.BundleEntryProto{}
		require.NoError(t, proto.Unmarshal(value, entry))
		change(entry)
		value, err := proto.Marshal(entry)
		require.NoError(t, err)
		return value
	})
}

// TestFaultOfOneTensor opens checkpoints in which one tensor cannot be read. TensorFlow
// refuses that tensor and reads its neighbor.
func TestFaultOfOneTensor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*for_core_protos_go_proto.BundleEntryProto)
		says   string
		python bool // TensorFlow refuses it with an exception, and does not end its process
	}{
		{"resource", func(e *for_core_protos_go_proto.BundleEntryProto) { e.Dtype = types_go_proto.DataType_DT_RESOURCE }, "resource", false},
		{"no type", func(e *for_core_protos_go_proto.BundleEntryProto) { e.Dtype = 999 }, "999 is not a data type", false},
		{"invalid", func(e *for_core_protos_go_proto.BundleEntryProto) { e.Dtype = 0 }, "0 is not a data type", false},
		{"reference", func(e *for_core_protos_go_proto.BundleEntryProto) { e.Dtype = 101 }, "float32_ref is a reference", false},
		{"future", func(e *for_core_protos_go_proto.BundleEntryProto) { e.Dtype = 60 }, "dtype(60)", false},
		{"strings", func(e *for_core_protos_go_proto.BundleEntryProto) {
			e.Dtype, e.Size, e.Shape.Dim[0].Size = types_go_proto.DataType_DT_STRING, 8, 100
		}, "cannot hold 100 strings", true},
		{"garbled strings", func(e *for_core_protos_go_proto.BundleEntryProto) { e.Dtype = types_go_proto.DataType_DT_STRING }, "string", true},
		{"variants", func(e *for_core_protos_go_proto.BundleEntryProto) {
			e.Dtype, e.Shape.Dim[0].Size = types_go_proto.DataType_DT_VARIANT, 100
		}, "cannot hold 100 variants", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			prefix := filepath.Join(dir, "m")
			w, err := checkpoint.Create(t.Context(), prefix, nil)
			require.NoError(t, err)
			require.NoError(t, w.Add(t.Context(),
				checkpoint.Tensor{Name: "a", DType: dtype.Float32, Shape: []int64{2}, Data: []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40}},
				checkpoint.Tensor{Name: "bad", DType: dtype.Float32, Shape: []int64{10}, Data: bytes.Repeat([]byte{1, 2, 3, 4}, 10)},
				checkpoint.Tensor{Name: "z", DType: dtype.Int32, Data: []byte{7, 0, 0, 0}}))
			require.NoError(t, w.Commit(t.Context()))
			changeEntry(t, prefix, "bad", c.change)

			r, err := checkpoint.Open(t.Context(), prefix, nil)
			require.NoError(t, err)
			defer r.Close()
			data, err := r.ReadBytes(t.Context(), "z", nil)
			require.NoError(t, err)
			assert.Equal(t, []byte{7, 0, 0, 0}, data)
			_, err = r.ReadStrings(t.Context(), "bad", nil)
			assert.ErrorContains(t, err, c.says)
			assert.ErrorContains(t, err, `tensor "bad"`)

			report, err := checkpoint.Verify(t.Context(), prefix, nil)
			require.NoError(t, err)
			require.Len(t, report.Faults, 1)
			assert.False(t, report.OK())
			assert.ErrorContains(t, report.Faults[0].Err, c.says)

			for _, out := range []string{"out", "out.npz", "out.safetensors"} {
				out = filepath.Join(dir, out)
				_, err = convert.Convert(t.Context(), prefix, out, nil)
				require.Error(t, err)
				assert.ErrorContains(t, err, `"bad"`)
				if c.name == "garbled strings" && filepath.Ext(out) != ".safetensors" { // only reading them shows it
					require.ErrorIs(t, err, tfkeep.ErrCorrupt)
				} else {
					require.ErrorIs(t, err, tfkeep.ErrUnsupported)
				}
				res, err := convert.Convert(t.Context(), prefix, out, &convert.Options{SkipUnsupported: true})
				require.NoError(t, err)
				require.Len(t, res.Skipped, 1)
				assert.Equal(t, "bad", res.Skipped[0].Name)
				assert.ErrorContains(t, res.Skipped[0].Err, c.says)
				if filepath.Ext(out) == "" {
					kept, err := checkpoint.Open(t.Context(), out, nil)
					require.NoError(t, err)
					data, err := kept.ReadBytes(t.Context(), "z", nil)
					require.NoError(t, err)
					assert.Equal(t, []byte{7, 0, 0, 0}, data)
					require.NoError(t, kept.Close())
				}
				assert.Equal(t, 2, res.Tensors)
			}
			if c.python {
				_, err := oracle.Try(t, `
r = tf1.train.NewCheckpointReader(args[0])
assert r.get_tensor("z") == 7
r.get_tensor("bad")
`, prefix)
				require.Error(t, err)
			}
		})
	}
}
