package checkpoint_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// pyTensor is a tensor in the form that the scripts below take.
type pyTensor struct {
	Name    string   `json:"name"`
	Spec    string   `json:"spec"`
	DType   int32    `json:"dtype"`
	Shape   []int64  `json:"shape"` // the slice's own
	Data    string   `json:"data"`
	Strings []string `json:"strings"`
	Shard   int      `json:"shard"`
}

func toPython(t testing.TB, tensors []checkpoint.Tensor) []pyTensor {
	out := make([]pyTensor, len(tensors))
	for i, x := range tensors {
		shape, err := x.Slice.Shape(x.Shape)
		require.NoError(t, err)
		out[i] = pyTensor{Name: x.Name, Spec: checkpoint.FormatSliceSpec(x.Shape, x.Slice), DType: int32(x.DType),
			Shape: shape, Data: base64.StdEncoding.EncodeToString(x.Data), Strings: []string{}, Shard: x.Shard}
		for _, s := range x.Strings {
			out[i].Strings = append(out[i].Strings, base64.StdEncoding.EncodeToString(s))
		}
	}
	return out
}

// pyBuild defines build(t), which creates the tensor in Python, bit for bit.
const pyBuild = `
import base64
from tensorflow.core.framework import tensor_pb2
def build(t):
    if t['dtype'] == 7:
        values = [base64.b64decode(s) for s in t['strings']]
        return tf.constant(values, tf.string, shape=t['shape']) if values else tf.zeros(t['shape'], tf.string)
    proto = tensor_pb2.TensorProto(dtype=t['dtype'], tensor_content=base64.b64decode(t['data']))
    for d in t['shape']:
        proto.tensor_shape.dim.add(size=d)
    return tf.io.parse_tensor(proto.SerializeToString(), tf.dtypes.as_dtype(t['dtype']))
prefix, tensors = args[0], args[1]
`

// saveV2 writes with the ops of TensorFlow: SaveV2, or one for each shard and
// MergeV2Checkpoints.
func saveV2(t testing.TB, prefix string, numShards int, tensors []checkpoint.Tensor) {
	t.Helper()
	oracle.RunEager(t, pyBuild+`
def save(prefix, ts):
    tf.raw_ops.SaveV2(prefix=prefix, tensor_names=[x['name'] for x in ts],
                      shape_and_slices=[x['spec'] for x in ts], tensors=[build(x) for x in ts])
shards = args[2]
if shards == 1:
    save(prefix, tensors)
else:
    parts = ['%s_temp/part-%05d-of-%05d' % (prefix, i, shards) for i in range(shards)]
    for i, part in enumerate(parts):
        save(part, [x for x in tensors if x['shard'] == i])
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=parts, destination_prefix=prefix)
result = None
`, prefix, toPython(t, tensors), numShards)
}

// restoreAndSaveV2 lets TensorFlow restore every tensor by name, type and slice, and
// save the results under another prefix.
func restoreAndSaveV2(t testing.TB, from, to string, tensors []checkpoint.Tensor) {
	t.Helper()
	oracle.RunEager(t, pyBuild+`
ts = tensors
values = tf.raw_ops.RestoreV2(prefix=prefix, tensor_names=[x['name'] for x in ts], shape_and_slices=[x['spec'] for x in ts],
                              dtypes=[tf.dtypes.as_dtype(x['dtype']) for x in ts])
tf.raw_ops.SaveV2(prefix=args[2], tensor_names=[x['name'] for x in ts],
                  shape_and_slices=[x['spec'] for x in ts], tensors=values)
result = None
`, from, toPython(t, tensors), to)
}

// assertSameFiles compares two folders and reports the first byte that differs.
func assertSameFiles(t testing.TB, wantDir, gotDir string) {
	t.Helper()
	want, got := tftest.ReadFiles(t, wantDir), tftest.ReadFiles(t, gotDir)
	assert.Equal(t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)))
	for name, w := range want {
		g := got[name]
		for i := range min(len(w), len(g)) {
			if w[i] != g[i] {
				t.Fatalf("%s differs at offset %d: TensorFlow has % x, we have % x", name, i, w[i:min(i+24, len(w))], g[i:min(i+24, len(g))])
			}
		}
		assert.Len(t, g, len(w), name)
	}
}

// savedTypes are the types that TensorFlow can save and restore.
var savedTypes = []dtype.DataType{
	dtype.Float32, dtype.Float64, dtype.Int32, dtype.Uint8, dtype.Int16, dtype.Int8,
	dtype.Complex64, dtype.Int64, dtype.Bool, dtype.QInt8, dtype.QUint8, dtype.QInt32,
	dtype.BFloat16, dtype.QInt16, dtype.QUint16, dtype.Uint16, dtype.Complex128,
	dtype.Float16, dtype.Uint32, dtype.Uint64, dtype.Float8E5M2, dtype.Float8E4M3FN,
	dtype.Int4, dtype.Uint4,
}

func longString(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + i%26)
	}
	return string(b)
}

// slicesOf cuts a tensor into parts of rows.
func slicesOf(whole checkpoint.Tensor, rows ...int64) []checkpoint.Tensor {
	rowBytes := int64(len(whole.Data)) / whole.Shape[0]
	var out []checkpoint.Tensor
	start := int64(0)
	for i, n := range rows {
		part := whole
		part.Slice = checkpoint.FullSlice(len(whole.Shape))
		part.Slice[0] = checkpoint.Extent{Start: start, Length: n}
		part.Data = whole.Data[start*rowBytes : (start+n)*rowBytes]
		part.Shard = i
		out = append(out, part)
		start += n
	}
	return out
}

type writeCase struct {
	name    string
	shards  int
	tensors []checkpoint.Tensor
}

func writeCases() []writeCase {
	var all []checkpoint.Tensor
	for i, dt := range savedTypes {
		n := dtype.Name(dt)
		all = append(all, tftest.RandomTensor(1, n+"/matrix", dt, 3, 5), tftest.RandomTensor(2, n+"/scalar", dt), tftest.RandomTensor(3, fmt.Sprintf("%02d/empty", i), dt, 4, 0, 2))
	}
	strings := []checkpoint.Tensor{
		tftest.StringTensor("scalar", nil, "x"), tftest.StringTensor("empty", []int64{0, 3}), tftest.StringTensor("nothing", []int64{2}, "", ""),
		tftest.StringTensor("mixed", []int64{2, 3}, "a", longString(127), longString(128), longString(300), "", "z"),
		tftest.StringTensor("long", []int64{3}, longString(3<<20+5), "between", longString(1<<20)),
		tftest.StringTensor("many", []int64{5000}, many(5000)...),
		tftest.StringTensor("binary", []int64{1}, "\x00\xff\n\x80"),
	}
	big := tftest.RandomTensor(4, "big", dtype.Float32, 1000, 1001)
	part := tftest.RandomTensor(5, "part", dtype.Float64, 10, 3)
	wide := tftest.RandomTensor(6, "wide", dtype.Int16, 130, 70, 2)
	sliced := append(slicesOf(part, 1, 5, 4), slicesOf(wide, 65, 65)...)
	column := tftest.RandomTensor(7, "column", dtype.Float32, 4, 1000)
	column.Slice, column.Data = checkpoint.Slice{{Start: 0, Length: 4}, {Start: 900, Length: 100}}, column.Data[:1600]
	whole := tftest.RandomTensor(8, "whole", dtype.Float32, 6)
	whole.Slice = checkpoint.Slice{{Start: 0, Length: 6}}
	full := tftest.RandomTensor(9, "full", dtype.Float32, 2, 2)
	full.Slice = checkpoint.FullSlice(2)
	ones := make([]checkpoint.Tensor, 0, len(sliced))
	for _, s := range sliced {
		s.Shard = 0
		ones = append(ones, s)
	}
	ones = append(ones, column, whole, full, tftest.RandomTensor(10, "z", dtype.Int32, 7))
	sharded := append(sliced, tftest.RandomTensor(11, "a", dtype.Int64, 3), tftest.RandomTensor(12, "m", dtype.Bool, 9))
	sharded[len(sharded)-1].Shard = 2
	return []writeCase{
		{"one tensor", 1, []checkpoint.Tensor{tftest.RandomTensor(13, "v", dtype.Float32, 2)}},
		{"all types", 1, all},
		{"strings", 1, strings},
		{"names of any bytes", 1, []checkpoint.Tensor{tftest.RandomTensor(1, "é/ü", dtype.Int8, 1), tftest.RandomTensor(1, "a b", dtype.Int8, 1),
			tftest.RandomTensor(1, "~", dtype.Int8, 1), tftest.RandomTensor(1, "a", dtype.Int8, 1), tftest.RandomTensor(1, longString(200), dtype.Int8, 1)}},
		{"small and large", 1, []checkpoint.Tensor{tftest.RandomTensor(1, "s1", dtype.Uint8, 3), big, tftest.RandomTensor(2, "s2", dtype.Uint8, 5),
			tftest.RandomTensor(3, "middle", dtype.Uint8, 100_000), tftest.RandomTensor(4, "s3", dtype.Uint8, 1)}},
		{"slices", 1, ones},
		{"two shards", 2, slicesOf(part, 6, 4)},
		{"three shards with slices", 3, sharded},
	}
}

func many(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint("string ", i)
	}
	return out
}

func TestWriterEqualsSaveV2(t *testing.T) {
	t.Parallel()
	for _, c := range writeCases() {
		t.Run(c.name, func(t *testing.T) {
			theirs, ours := t.TempDir(), t.TempDir()
			saveV2(t, filepath.Join(theirs, "m"), c.shards, c.tensors)
			tftest.WriteCheckpoint(t, filepath.Join(ours, "m"), &checkpoint.WriterOptions{NumShards: c.shards}, c.tensors)
			require.NoError(t, os.RemoveAll(filepath.Join(theirs, "m_temp")))
			assertSameFiles(t, theirs, ours)
		})
	}
}

func TestTensorFlowRestoresWhatTheWriterWrote(t *testing.T) {
	t.Parallel()
	for _, c := range writeCases() {
		t.Run(c.name, func(t *testing.T) {
			ours, copied, want := t.TempDir(), t.TempDir(), t.TempDir()
			tftest.WriteCheckpoint(t, filepath.Join(ours, "m"), &checkpoint.WriterOptions{NumShards: c.shards, Alignment: 4096}, c.tensors)
			restoreAndSaveV2(t, filepath.Join(ours, "m"), filepath.Join(copied, "m"), c.tensors)
			for i := range c.tensors {
				c.tensors[i].Shard = 0
			}
			tftest.WriteCheckpoint(t, filepath.Join(want, "m"), nil, c.tensors)
			assertSameFiles(t, want, copied)
		})
	}
}
