package safetensors_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/internal/safetensors"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

// file joins a header and data without any check.
func file(header string, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func read(b []byte) (*safetensors.Reader, error) {
	return safetensors.NewReader(bytes.NewReader(b), int64(len(b)))
}

func contents(r *safetensors.Reader, name string) ([]byte, error) {
	in, err := r.OpenTensor(context.Background(), name, nil)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(in)
}

func TestReaderRefusesMalformedFiles(t *testing.T) {
	t.Parallel()
	const one = `{"dtype":"U8","shape":[1],"data_offsets":[0,1]}`
	for _, c := range []struct {
		name string
		file []byte
		want string
		kind error
	}{
		{"too short for a length", []byte{1, 0, 0}, "too few", tfkeep.ErrCorrupt},
		{"header over the cap", binary.LittleEndian.AppendUint64(nil, 1<<40), "more than the 100000000 allowed", tfkeep.ErrCorrupt},
		{"header past the end", binary.LittleEndian.AppendUint64(nil, 64), "claims 64 bytes", tfkeep.ErrCorrupt},
		{"empty header", file(""), "begin with", tfkeep.ErrCorrupt},
		{"space before the object", file(" {}"), "begin with", tfkeep.ErrCorrupt},
		{"not UTF-8", file("{\"\xff\":1}"), "UTF-8", tfkeep.ErrCorrupt},
		{"unfinished JSON", file(`{"a":`), "header", tfkeep.ErrCorrupt},
		{"text after the object", file(`{}x`), "bytes follow", tfkeep.ErrCorrupt},
		{"a name twice", file(`{"a":`+one+`,"a":`+one+`}`, 7), "occurs twice", tfkeep.ErrCorrupt},
		{"a field twice", file(`{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}`, 7), "occurs twice", tfkeep.ErrCorrupt},
		{"an unknown field", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":[[[[]]]]}}`, 7), "unknown field", tfkeep.ErrCorrupt},
		{"a field missing", file(`{"a":{"dtype":"U8","shape":[1]}}`), "needs dtype", tfkeep.ErrCorrupt},
		{"an unknown type", file(`{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}`, 7), `"F4"`, tfkeep.ErrUnsupported},
		{"a negative dimension", file(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, 7), "not a size", tfkeep.ErrCorrupt},
		{"a fractional dimension", file(`{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}`, 7), "not a size", tfkeep.ErrCorrupt},
		{"a dimension past int64", file(`{"a":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,1]}}`, 7), "not a size", tfkeep.ErrCorrupt},
		{"a shape that overflows", file(`{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}`), "can be counted", tfkeep.ErrCorrupt},
		{"too many dimensions", file(`{"a":{"dtype":"U8","shape":[` + strings.Repeat("1,", 400) + `1],"data_offsets":[0,1]}}`), "more than 254", tfkeep.ErrCorrupt},
		{"a shape that is a word", file(`{"a":{"dtype":"U8","shape":"1","data_offsets":[0,1]}}`, 7), "instead of", tfkeep.ErrCorrupt},
		{"three offsets", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}`, 7), "more than 2", tfkeep.ErrCorrupt},
		{"one offset", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}`, 7), "[begin, end]", tfkeep.ErrCorrupt},
		{"offsets backwards", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, 7), "[begin, end]", tfkeep.ErrCorrupt},
		{"bytes that do not fit", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,2]}}`, 1, 2), "needs 4", tfkeep.ErrCorrupt},
		{"data that is not there", file(`{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}`, 7), "has 1 bytes", tfkeep.ErrCorrupt},
		{"a hole", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 7, 8), "belong to no tensor", tfkeep.ErrCorrupt},
		{"a tail", file(`{"a":`+one+`}`, 7, 8), "after the last", tfkeep.ErrCorrupt},
		{"an overlap", file(`{"a":`+one+`,"b":`+one+`}`, 7), "inside", tfkeep.ErrCorrupt},
		{"metadata that is a number", file(`{"__metadata__":{"a":1}}`), "string", tfkeep.ErrCorrupt},
		{"metadata twice", file(`{"__metadata__":{"a":"1","a":"2"}}`), "occurs twice", tfkeep.ErrCorrupt},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(c.file)
			require.ErrorIs(t, err, c.kind)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestReaderRefusesInvalidBool(t *testing.T) {
	t.Parallel()
	r, err := read(file(`{"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}`, 1, 2))
	require.NoError(t, err)
	_, err = contents(r, "a")
	assert.ErrorIs(t, err, tfkeep.ErrCorrupt)
}

func TestReaderUnknownTensor(t *testing.T) {
	t.Parallel()
	r, err := read(file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 7))
	require.NoError(t, err)
	_, err = contents(r, "b")
	assert.ErrorIs(t, err, tfkeep.ErrNotFound)
}

func TestOpenErrorNamesFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := safetensors.Open(dir)
	assert.ErrorContains(t, err, "is a directory")
	path := filepath.Join(dir, "broken.safetensors")
	_, err = safetensors.Open(path)
	assert.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte("abc"), 0o644))
	_, err = safetensors.Open(path)
	assert.ErrorContains(t, err, path)
}

func TestWriterRefusesInvalidTensors(t *testing.T) {
	t.Parallel()
	u8 := func(name string) checkpoint.TensorInfo {
		return checkpoint.TensorInfo{Name: name, DType: dtype.Uint8, Shape: []int64{2}}
	}
	for _, c := range []struct {
		name    string
		tensors []checkpoint.TensorInfo
		kind    error
	}{
		{"a string", []checkpoint.TensorInfo{{Name: "s", DType: dtype.String}}, tfkeep.ErrUnsupported},
		{"a complex128", []checkpoint.TensorInfo{{Name: "s", DType: dtype.Complex128}}, tfkeep.ErrUnsupported},
		{"name twice", []checkpoint.TensorInfo{u8("a"), u8("a")}, tfkeep.ErrArgument},
		{"the reserved key", []checkpoint.TensorInfo{u8("__metadata__")}, tfkeep.ErrUnsupported},
		{"a binary name", []checkpoint.TensorInfo{u8("\xff")}, tfkeep.ErrUnsupported},
		{"a negative shape", []checkpoint.TensorInfo{{Name: "a", DType: dtype.Int8, Shape: []int64{-1}}}, tfkeep.ErrUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			_, err := safetensors.NewWriter(&b, c.tensors, nil)
			assert.ErrorIs(t, err, c.kind)
			assert.Zero(t, b.Len(), "nothing may be written")
		})
	}

	w, err := safetensors.NewWriter(&bytes.Buffer{}, []checkpoint.TensorInfo{u8("a"), u8("b")}, nil)
	require.NoError(t, err)
	_, err = w.Write([]byte{1, 2, 3})
	require.NoError(t, err)
	assert.ErrorContains(t, w.Close(), `tensor "b": mismatch: 1 bytes`)
	_, err = w.Write([]byte{4, 5})
	assert.ErrorIs(t, err, tfkeep.ErrMismatch)
}

// everyType returns a tensor of 3 elements of each type that the format knows.
func everyType() (tensors []checkpoint.TensorInfo, data map[string][]byte) {
	data = map[string][]byte{}
	for dt := dtype.Float32; dt <= dtype.Float8E4M3FN; dt++ {
		name := "of/" + dtype.Name(dt)
		info := checkpoint.TensorInfo{Name: name, DType: dt, Shape: []int64{3, 1}}
		if safetensors.Check(&info) != nil {
			continue
		}
		tensors = append(tensors, info)
		b := make([]byte, 3*dtype.Size(dt))
		for i := range b {
			if b[i] = byte(17 * (i + 1)); dt == dtype.Bool {
				b[i] = byte(i & 1)
			}
		}
		data[name] = b
	}
	tensors = append(tensors,
		checkpoint.TensorInfo{Name: `scalar "é"`, DType: dtype.Int32, Shape: nil},
		checkpoint.TensorInfo{Name: "empty", DType: dtype.Float32, Shape: []int64{0, 4}})
	data[`scalar "é"`] = []byte{1, 2, 3, 4}
	data["empty"] = []byte{}
	return tensors, data
}

func write(t *testing.T, tensors []checkpoint.TensorInfo, data map[string][]byte, metadata map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := safetensors.NewWriter(&b, tensors, metadata)
	require.NoError(t, err)
	for _, info := range w.Order() {
		_, err := w.Write(data[info.Name])
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	tensors, data := everyType()
	meta := map[string]string{"format": "tf", "made by": "a test"}
	r, err := read(write(t, tensors, data, meta))
	require.NoError(t, err)
	assert.Equal(t, meta, r.Metadata())
	require.Len(t, slices.Collect(r.Tensors()), len(tensors))
	for _, want := range tensors {
		got, ok := r.Lookup(want.Name)
		require.True(t, ok, want.Name)
		assert.Equal(t, want.DType, got.DType)
		assert.Equal(t, fmt.Sprint(want.Shape), fmt.Sprint(got.Shape))
		b, err := contents(r, want.Name)
		require.NoError(t, err)
		assert.Equal(t, data[want.Name], b, want.Name)
	}
}

func TestEmptyFile(t *testing.T) {
	t.Parallel()
	r, err := read(write(t, nil, nil, nil))
	require.NoError(t, err)
	assert.Empty(t, slices.Collect(r.Tensors()))
}

func TestPythonReadsGoFile(t *testing.T) {
	t.Parallel()
	tensors, data := everyType()
	path := filepath.Join(t.TempDir(), "go.safetensors")
	require.NoError(t, os.WriteFile(path, write(t, tensors, data, map[string]string{"format": "tf"}), 0o644))
	got := oracle.Value[map[string]struct {
		DType string
		Shape []int64
		Bytes []byte
	}](t, `
from safetensors import deserialize
result = {k: {"DType": t["dtype"], "Shape": t["shape"], "Bytes": bytes(t["data"])}
          for k, t in deserialize(open(args[0], "rb").read())}
`, path)
	require.Len(t, got, len(tensors))
	names := map[dtype.DataType]string{
		dtype.Bool: "BOOL", dtype.Uint8: "U8", dtype.Int8: "I8", dtype.Uint16: "U16", dtype.Int16: "I16",
		dtype.Uint32: "U32", dtype.Int32: "I32", dtype.Uint64: "U64", dtype.Int64: "I64",
		dtype.Float16: "F16", dtype.BFloat16: "BF16", dtype.Float32: "F32", dtype.Float64: "F64",
		dtype.Complex64: "C64", dtype.Float8E5M2: "F8_E5M2", dtype.Float8E4M3FN: "F8_E4M3",
	}
	for _, want := range tensors {
		assert.Equal(t, names[want.DType], got[want.Name].DType, want.Name)
		assert.Equal(t, data[want.Name], append([]byte{}, got[want.Name].Bytes...), want.Name)
		assert.Len(t, got[want.Name].Shape, len(want.Shape))
	}
}

func TestGoReadsPythonFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "py.safetensors")
	want := oracle.Value[map[string][]byte](t, `
import ml_dtypes
from safetensors.numpy import save_file
d = {n: np.arange(6).reshape(2, 3).astype(n) for n in
     "bool uint8 int8 uint16 int16 uint32 int32 uint64 int64 float16 float32 float64 complex64".split()}
d["bfloat16"] = np.arange(6).reshape(2, 3).astype(ml_dtypes.bfloat16)
d["empty"] = np.zeros((0, 3), np.float32)
d["scalar"] = np.array(7, np.int64)
save_file(d, args[0], metadata={"k": "v"})
result = {k: v.tobytes() for k, v in d.items()}
`, path)
	r, err := safetensors.Open(path)
	require.NoError(t, err)
	defer r.Close()
	assert.Equal(t, map[string]string{"k": "v"}, r.Metadata())
	require.Len(t, slices.Collect(r.Tensors()), len(want))
	for info := range r.Tensors() {
		b, err := contents(r, info.Name)
		require.NoError(t, err)
		assert.Equal(t, string(want[info.Name]), string(b), info.Name)
		if dt, ok := dtype.Parse(info.Name); ok {
			assert.Equal(t, dt, info.DType)
			assert.Equal(t, []int64{2, 3}, info.Shape)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 1, 2, 3, 4))
	f.Add(file(`{"__metadata__":{"k":"v"},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := read(b)
		if err != nil {
			return
		}
		for info := range r.Tensors() {
			require.LessOrEqual(t, info.Bytes, int64(len(b)))
			if b, err := contents(r, info.Name); err == nil {
				require.Len(t, b, int(info.Bytes))
			}
		}
	})
}
