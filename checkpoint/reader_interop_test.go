package checkpoint_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

// savedTensor describes a tensor that Python saved. Strings has strings; otherwise
// there are the bytes of the NumPy array.
type savedTensor struct {
	Name    string
	DType   string
	Shape   []int64
	Data    []byte
	Strings [][]byte
}

// saveAllTypes saves a tensor of each type in several shapes, with SaveV2 or the V1
// Save op, and returns what it saved.
const saveAllTypes = `
prefix, v1 = args
from tensorflow.python.framework import dtypes
from tensorflow.core.framework import types_pb2
import ml_dtypes
rng = np.random.RandomState(7)
saved, tensors, refused, taken = [], [], [], set()
sess = tf1.Session()
def add(name, value, dtype):
    with tf.device("/cpu:0"):
        t = tf.constant(value, dtype=dtype)
    if v1:
        op = tf1.raw_ops.Save(filename=prefix + ".try", tensor_names=[name], data=[t])
    else:
        op = tf1.raw_ops.SaveV2(prefix=prefix + ".try", tensor_names=[name], shape_and_slices=[""], tensors=[t])
    try:
        if dtype not in taken:
            sess.run(op)
        taken.add(dtype)
    except Exception as e:
        refused.append(dtype.name)
        return
    tensors.append((name, t))
    entry = {"Name": name, "DType": dtype.name, "Shape": list(value.shape)}
    if dtype == tf.string:
        entry["Strings"] = [bytes(s) for s in value.reshape(-1)]
    else:
        # The kernels keep int4 and int2 extended to a byte, NumPy does not.
        if dtype.name in ("int2", "int4"):
            value = value.astype(np.int8)
        entry["Data"] = np.ascontiguousarray(value).tobytes()
    saved.append(entry)

for number in range(1, 34):
    try:
        dtype = dtypes.as_dtype(number)
    except Exception:
        continue
    if dtype in (tf.resource, tf.variant):
        continue
    np_type = dtype.as_numpy_dtype
    for shape in [(), (1,), (3, 5), (2, 0, 4), (2, 3, 4)]:
        n = int(np.prod(shape))
        name = "%s/%s" % (dtype.name, "x".join(map(str, shape)) or "scalar")
        if dtype == tf.string:
            value = np.array([b"", b"\x00\xff", "ä".encode()] * n + [b"x" * 300], dtype=object)[:n].reshape(shape)
        elif dtype == tf.bool:
            value = rng.randint(0, 2, shape).astype(np.bool_)
        elif dtype.is_complex:
            value = (rng.randn(*shape) + 1j * rng.randn(*shape)) * np.ones(shape)
            value = np.asarray(value).astype(np_type)
        else:
            # The quantized NumPy types are records of one field.
            small = {"int2": (-2, 2), "uint2": (0, 4), "int4": (-8, 8), "uint4": (0, 16), "float4_e2m1fn": (0, 4)}.get(dtype.name)
            raw_type = {"qint8": np.int8, "quint8": np.uint8, "qint16": np.int16, "quint16": np.uint16, "qint32": np.int32}.get(dtype.name)
            if small:
                value = rng.randint(small[0], small[1], shape)
            else:
                value = rng.randint(-100, 100, shape)
            if raw_type is not None:
                value = np.asarray(value).astype(raw_type).view(np_type).reshape(shape)
            else:
                value = np.asarray(value).astype(np_type)
        try:
            add(name, np.asarray(value).reshape(shape), dtype)
        except Exception as e:
            refused.append(dtype.name)
names = [n for n, _ in tensors]
values = [t for _, t in tensors]
if v1:
    op = tf1.raw_ops.Save(filename=prefix, tensor_names=names, data=values)
else:
    op = tf1.raw_ops.SaveV2(prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names), tensors=values)
sess.run(op)
result = {"saved": saved, "refused": sorted(set(refused))}
`

func TestReadsEveryTypeThatTensorFlowSaves(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		version checkpoint.Version
		// TensorFlow cannot save these in the format, or cannot create them.
		refused []string
	}{
		{checkpoint.V2, []string{"float8_e4m3b11fnuz", "float8_e4m3fnuz", "float8_e5m2fnuz"}},
		{checkpoint.V1, []string{"bfloat16", "float4_e2m1fn", "float8_e4m3b11fnuz", "float8_e4m3fn", "float8_e4m3fnuz",
			"float8_e5m2", "float8_e5m2fnuz", "int2", "int4", "qint16", "quint16", "uint2", "uint32", "uint4", "uint64"}},
	} {
		t.Run(c.version.String(), func(t *testing.T) {
			prefix := filepath.Join(t.TempDir(), "all")
			got := oracle.Value[struct {
				Saved   []savedTensor
				Refused []string
			}](t, saveAllTypes, prefix, c.version == checkpoint.V1)
			assert.Equal(t, c.refused, got.Refused)

			for _, o := range []checkpoint.ReaderOptions{{}, {Strict: true}, {SkipChecksums: true}} {
				r, err := checkpoint.Open(t.Context(), prefix, &o)
				require.NoError(t, err)
				defer r.Close()
				assert.Equal(t, c.version, r.Version())
				assert.Len(t, slices.Collect(r.Tensors()), len(got.Saved))
				for _, want := range got.Saved {
					requireTensor(t, r, want)
				}
			}
		})
	}
}

func requireTensor(t *testing.T, r *checkpoint.Reader, want savedTensor) {
	t.Helper()
	ctx := context.Background()
	info, ok := r.Lookup(want.Name)
	require.True(t, ok, want.Name)
	assert.Equal(t, want.DType, dtype.Name(info.DType), want.Name)
	assert.Equal(t, want.Shape, info.Shape, want.Name)
	if info.DType == dtype.String {
		got, err := r.ReadStrings(ctx, want.Name, nil)
		require.NoError(t, err)
		assert.Equal(t, asText(want.Strings), asText(got), want.Name)
		return
	}
	got, err := r.ReadBytes(ctx, want.Name, nil)
	require.NoError(t, err)
	assert.Equal(t, want.Data, got, want.Name)
	assert.EqualValues(t, len(got), info.Bytes, want.Name)
}

func asText(b [][]byte) []string {
	out := make([]string, len(b))
	for i := range b {
		out[i] = string(b[i])
	}
	return out
}

func TestReadPartitionedVariables(t *testing.T) {
	t.Parallel()
	const script = `
prefix, v1, spec = args
shape = (7, 6)
full = np.arange(42, dtype=np.float32).reshape(shape)
words = np.array([("w%d" % i).encode() for i in range(42)], dtype=object).reshape(shape)
names, specs, values = [], [], []
for s in spec:
    (r0, rn), (c0, cn) = s
    part = np.s_[r0:r0 + rn, c0:c0 + cn]
    for name, source, dtype in (("part", full, tf.float32), ("words", words, tf.string)):
        names.append(name)
        specs.append("7 6 %d,%d:%d,%d" % (r0, rn, c0, cn))
        values.append(tf.constant(source[part], dtype=dtype))
with tf1.Session() as sess:
    if v1:
        op = tf1.raw_ops.SaveSlices(filename=prefix, tensor_names=names, shapes_and_slices=specs, data=values)
    else:
        op = tf1.raw_ops.SaveV2(prefix=prefix, tensor_names=names, shape_and_slices=specs, tensors=values)
    sess.run(op)
result = 0
`
	for _, c := range []struct {
		name string
		spec [][2]checkpoint.Extent
	}{
		{"rows", [][2]checkpoint.Extent{{{0, 3}, {0, 6}}, {{3, 2}, {0, 6}}, {{5, 2}, {0, 6}}}},
		{"columns", [][2]checkpoint.Extent{{{0, 7}, {0, 1}}, {{0, 7}, {1, 4}}, {{0, 7}, {5, 1}}}},
		{"mosaic", [][2]checkpoint.Extent{{{0, 2}, {0, 4}}, {{2, 5}, {0, 2}}, {{0, 5}, {4, 2}}, {{5, 2}, {2, 4}}, {{2, 3}, {2, 2}}}},
	} {
		for _, version := range []checkpoint.Version{checkpoint.V1, checkpoint.V2} {
			t.Run(fmt.Sprint(c.name, version), func(t *testing.T) {
				prefix := filepath.Join(t.TempDir(), "p")
				var boxes [][2][2]int64
				for _, s := range c.spec {
					boxes = append(boxes, [2][2]int64{{s[0].Start, s[0].Length}, {s[1].Start, s[1].Length}})
				}
				oracle.Run(t, script, prefix, version == checkpoint.V1, boxes)
				for _, o := range []checkpoint.ReaderOptions{{Strict: true}, {SkipChecksums: true}} {
					r, err := checkpoint.Open(t.Context(), prefix, &o)
					require.NoError(t, err)
					defer r.Close()
					info, ok := r.Lookup("part")
					require.True(t, ok)
					assert.Equal(t, []int64{7, 6}, info.Shape)
					assert.EqualValues(t, 7*6*4, info.Bytes)
					require.Len(t, info.Slices, len(c.spec))
					requireAllSlices(t, r)
				}
			})
		}
	}
}

// requireAllSlices reads each of the 588 slices of a 7 × 6 matrix whose elements count
// from 0.
func requireAllSlices(t *testing.T, r *checkpoint.Reader) {
	t.Helper()
	for _, rows := range extents(7) {
		for _, columns := range extents(6) {
			requireSlice(t, r, rows, columns)
		}
	}
}

// extents returns all ranges of a dimension.
func extents(size int64) (all []checkpoint.Extent) {
	for start := range size {
		for length := int64(1); start+length <= size; length++ {
			all = append(all, checkpoint.Extent{Start: start, Length: length})
		}
	}
	return all
}

func requireSlice(t *testing.T, r *checkpoint.Reader, rows, columns checkpoint.Extent) {
	t.Helper()
	s := checkpoint.Slice{rows, columns}
	var want []float32
	var wantText []string
	for row := rows.Start; row < rows.Start+rows.Length; row++ {
		for col := columns.Start; col < columns.Start+columns.Length; col++ {
			want = append(want, float32(row*6+col))
			wantText = append(wantText, fmt.Sprintf("w%d", row*6+col))
		}
	}
	got, err := checkpoint.Values[float32](t.Context(), r, "part", s)
	require.NoError(t, err, s)
	require.Equal(t, want, got, s)
	text, err := checkpoint.Values[string](t.Context(), r, "words", s)
	require.NoError(t, err, s)
	require.Equal(t, wantText, text, s)
	requireStream(t, r, "part", s)
}

func TestReadsWhatSaverWrites(t *testing.T) {
	t.Parallel()
	const script = `
dir = args[0]
part = tf1.get_variable("part", [10, 4], initializer=tf1.random_normal_initializer(seed=1), partitioner=tf1.fixed_size_partitioner(3))
with tf.device("/cpu:0"):
    a = tf1.get_variable("a", initializer=tf.constant([1.5, -2.5]))
with tf.device("/cpu:1"):
    b = tf1.get_variable("b", initializer=tf.constant(["x", "", "yz"]))
whole = tf.convert_to_tensor(part)
out = {}
with tf1.Session(config=tf1.ConfigProto(device_count={"CPU": 2})) as sess:
    sess.run(tf1.global_variables_initializer())
    for name, options in {
        "v2": dict(), "v1": dict(write_version=tf1.train.SaverDef.V1),
        "v2sharded": dict(sharded=True), "v1sharded": dict(sharded=True, write_version=tf1.train.SaverDef.V1),
    }.items():
        saver = tf1.train.Saver(**options)
        os.makedirs(os.path.join(dir, name))
        out[name] = saver.save(sess, os.path.join(dir, name, "model"), global_step=7)
    values = sess.run(whole)
result = {"paths": out, "part": values.tobytes()}
`
	folder := t.TempDir()
	saved := oracle.Value[struct {
		Paths map[string]string
		Part  []byte
	}](t, script, folder)
	for name, path := range saved.Paths {
		t.Run(name, func(t *testing.T) {
			for _, given := range []string{path, filepath.Dir(path), filepath.Join(filepath.Dir(path), "model-7.meta")} {
				r, err := dir.Open(t.Context(), given, &checkpoint.ReaderOptions{Strict: true})
				require.NoError(t, err, given)
				defer r.Close()
				assert.Equal(t, path, r.Prefix())
				requireTensor(t, r, savedTensor{Name: "part", DType: "float32", Shape: []int64{10, 4}, Data: saved.Part})
				requireTensor(t, r, savedTensor{Name: "b", DType: "string", Shape: []int64{3}, Strings: [][]byte{[]byte("x"), {}, []byte("yz")}})
				values, err := checkpoint.Values[float32](context.Background(), r, "a", nil)
				require.NoError(t, err)
				assert.Equal(t, []float32{1.5, -2.5}, values)
			}
		})
	}
}

func TestReadsObjectBasedCheckpoints(t *testing.T) {
	t.Parallel()
	const script = `
class Model(tf.Module):
    def __init__(self):
        super().__init__()
        self.w = tf.Variable(tf.range(6.0))
        self.steps = [tf.Variable(3, dtype=tf.int64)]
m = Model()
result = tf.train.Checkpoint(model=m).save(os.path.join(args[0], "ckpt"))
`
	var path string
	oracle.RunEager(t, script, t.TempDir()).Decode(t, &path)
	r, err := checkpoint.Open(t.Context(), path, &checkpoint.ReaderOptions{Strict: true})
	require.NoError(t, err)
	defer r.Close()
	w, err := checkpoint.Values[float32](context.Background(), r, "model/w/.ATTRIBUTES/VARIABLE_VALUE", nil)
	require.NoError(t, err)
	assert.Equal(t, []float32{0, 1, 2, 3, 4, 5}, w)
	step, err := checkpoint.Values[int64](context.Background(), r, "model/steps/0/.ATTRIBUTES/VARIABLE_VALUE", nil)
	require.NoError(t, err)
	assert.Equal(t, []int64{3}, step)
	graph, err := r.ReadStrings(context.Background(), "_CHECKPOINTABLE_OBJECT_GRAPH", nil)
	require.NoError(t, err)
	require.Len(t, graph, 1)
	assert.Contains(t, string(graph[0]), "VARIABLE_VALUE")
}

func TestReadsTwentyThousandTensors(t *testing.T) {
	t.Parallel()
	const script = `
prefix, n = args
names = ["layer_%05d/some/scope/with/a/long/name/weights" % i for i in range(n)]
values = [tf.constant(np.full([i % 5], i, dtype=np.int32)) for i in range(n)]
tf.raw_ops.SaveV2(prefix=prefix, tensor_names=names, shape_and_slices=[""] * n, tensors=values)
result = names
`
	const n = 20000
	prefix := filepath.Join(t.TempDir(), "many")
	var names []string
	oracle.RunEager(t, script, prefix, n).Decode(t, &names)
	r, err := checkpoint.Open(t.Context(), prefix, &checkpoint.ReaderOptions{Strict: true})
	require.NoError(t, err)
	defer r.Close()
	require.Len(t, slices.Collect(r.Tensors()), n)
	for i, info := range slices.Collect(r.Tensors()) {
		require.Equal(t, names[i], info.Name)
		require.Equal(t, []int64{int64(i % 5)}, info.Shape)
		got, err := checkpoint.Values[int32](context.Background(), r, info.Name, nil)
		require.NoError(t, err)
		require.Len(t, got, i%5)
		for _, v := range got {
			require.EqualValues(t, i, v)
		}
	}
}
