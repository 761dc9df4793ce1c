package safetensors_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/oracle"
	"github.com/tfkeep/tfkeep/internal/safetensors"
)

// file puts a header and data together, as a hostile writer would.
func file(header string, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func read(b []byte) (*safetensors.Reader, error) {
	return safetensors.NewReader(bytes.NewReader(b), int64(len(b)))
}

func TestReaderRefusesBrokenRules(t *testing.T) {
	const one = `{"dtype":"U8","shape":[1],"data_offsets":[0,1]}`
	for name, c := range map[string]struct {
		file []byte
		want string
		kind error
	}{
		"too short for a length":    {[]byte{1, 0, 0}, "too few", safetensors.ErrCorrupt},
		"header over the cap":       {binary.LittleEndian.AppendUint64(nil, 1<<40), "more than the 100000000 allowed", safetensors.ErrCorrupt},
		"header past the end":       {binary.LittleEndian.AppendUint64(nil, 64), "claims 64 bytes", safetensors.ErrCorrupt},
		"empty header":              {file(""), "begin with", safetensors.ErrCorrupt},
		"space before the object":   {file(" {}"), "begin with", safetensors.ErrCorrupt},
		"not UTF-8":                 {file("{\"\xff\":1}"), "UTF-8", safetensors.ErrCorrupt},
		"unfinished JSON":           {file(`{"a":`), "header", safetensors.ErrCorrupt},
		"text after the object":     {file(`{}x`), "follows", safetensors.ErrCorrupt},
		"a name twice":              {file(`{"a":`+one+`,"a":`+one+`}`, 7), "comes twice", safetensors.ErrCorrupt},
		"a field twice":             {file(`{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}`, 7), "comes twice", safetensors.ErrCorrupt},
		"an unknown field":          {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":[[[[]]]]}}`, 7), "unknown field", safetensors.ErrCorrupt},
		"a field missing":           {file(`{"a":{"dtype":"U8","shape":[1]}}`), "needs dtype", safetensors.ErrCorrupt},
		"an unknown type":           {file(`{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}`, 7), `"F4"`, safetensors.ErrUnsupported},
		"a negative dimension":      {file(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, 7), "no size", safetensors.ErrCorrupt},
		"a fractional dimension":    {file(`{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}`, 7), "no size", safetensors.ErrCorrupt},
		"a dimension past int64":    {file(`{"a":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,1]}}`, 7), "no size", safetensors.ErrCorrupt},
		"a shape that overflows":    {file(`{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}`), "can be counted", safetensors.ErrCorrupt},
		"too many dimensions":       {file(`{"a":{"dtype":"U8","shape":[` + strings.Repeat("1,", 400) + `1],"data_offsets":[0,1]}}`), "more than 254", safetensors.ErrCorrupt},
		"a shape that is a word":    {file(`{"a":{"dtype":"U8","shape":"1","data_offsets":[0,1]}}`, 7), "belongs", safetensors.ErrCorrupt},
		"three offsets":             {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}`, 7), "more than 2", safetensors.ErrCorrupt},
		"one offset":                {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}`, 7), "[begin, end]", safetensors.ErrCorrupt},
		"offsets backwards":         {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, 7), "[begin, end]", safetensors.ErrCorrupt},
		"bytes that do not fit":     {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,2]}}`, 1, 2), "needs 4", safetensors.ErrCorrupt},
		"data that is not there":    {file(`{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}`, 7), "has 1 bytes", safetensors.ErrCorrupt},
		"a hole":                    {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 7, 8), "belong to no tensor", safetensors.ErrCorrupt},
		"a tail":                    {file(`{"a":`+one+`}`, 7, 8), "after the last", safetensors.ErrCorrupt},
		"an overlap":                {file(`{"a":`+one+`,"b":`+one+`}`, 7), "inside", safetensors.ErrCorrupt},
		"metadata that is a number": {file(`{"__metadata__":{"a":1}}`), "string", safetensors.ErrCorrupt},
		"metadata twice":            {file(`{"__metadata__":{"a":"1","a":"2"}}`), "comes twice", safetensors.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(c.file)
			require.ErrorIs(t, err, c.kind)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestReaderRefusesABoolThatIsNone(t *testing.T) {
	r, err := read(file(`{"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}`, 1, 2))
	require.NoError(t, err)
	assert.ErrorIs(t, r.ReadInto("a", make([]byte, 2)), safetensors.ErrCorrupt)
}

func TestReaderSaysWhatIsAskedWrongly(t *testing.T) {
	r, err := read(file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 7))
	require.NoError(t, err)
	assert.ErrorIs(t, r.ReadInto("b", nil), safetensors.ErrNotFound)
	assert.ErrorIs(t, r.ReadInto("a", make([]byte, 2)), safetensors.ErrMismatch)
}

func TestOpenNamesTheFile(t *testing.T) {
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

func TestWriterChecksWhatItIsGiven(t *testing.T) {
	u8 := func(name string) safetensors.TensorInfo {
		return safetensors.TensorInfo{Name: name, DType: dtype.Uint8, Shape: []int64{2}}
	}
	for name, c := range map[string]struct {
		tensors []safetensors.TensorInfo
		kind    error
	}{
		"a string":         {[]safetensors.TensorInfo{{Name: "s", DType: dtype.String}}, safetensors.ErrUnsupported},
		"a complex128":     {[]safetensors.TensorInfo{{Name: "s", DType: dtype.Complex128}}, safetensors.ErrUnsupported},
		"a name twice":     {[]safetensors.TensorInfo{u8("a"), u8("a")}, safetensors.ErrMismatch},
		"the reserved key": {[]safetensors.TensorInfo{u8("__metadata__")}, safetensors.ErrUnsupported},
		"a binary name":    {[]safetensors.TensorInfo{u8("\xff")}, safetensors.ErrUnsupported},
		"a negative shape": {[]safetensors.TensorInfo{{Name: "a", DType: dtype.Int8, Shape: []int64{-1}}}, safetensors.ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			_, err := safetensors.NewWriter(&b, c.tensors, nil)
			assert.ErrorIs(t, err, c.kind)
			assert.Zero(t, b.Len(), "nothing may be written")
		})
	}

	w, err := safetensors.NewWriter(&bytes.Buffer{}, []safetensors.TensorInfo{u8("a"), u8("b")}, nil)
	require.NoError(t, err)
	_, err = w.Write([]byte{1, 2, 3})
	require.NoError(t, err)
	assert.ErrorContains(t, w.Close(), `"b" lacks 1`)
	_, err = w.Write([]byte{4, 5})
	assert.ErrorIs(t, err, safetensors.ErrMismatch)
}

// everyType has one tensor of each type that the format knows, of 3 elements.
func everyType() (tensors []safetensors.TensorInfo, data map[string][]byte) {
	data = map[string][]byte{}
	for dt := dtype.Float32; dt <= dtype.Float8E4M3FN; dt++ {
		if _, err := safetensors.DTypeName(dt); err != nil {
			continue
		}
		name := "of/" + dtype.Name(dt)
		tensors = append(tensors, safetensors.TensorInfo{Name: name, DType: dt, Shape: []int64{3, 1}})
		b := make([]byte, 3*dtype.Size(dt))
		for i := range b {
			if b[i] = byte(17 * (i + 1)); dt == dtype.Bool {
				b[i] = byte(i & 1)
			}
		}
		data[name] = b
	}
	tensors = append(tensors,
		safetensors.TensorInfo{Name: `scalar "é"`, DType: dtype.Int32, Shape: nil},
		safetensors.TensorInfo{Name: "empty", DType: dtype.Float32, Shape: []int64{0, 4}})
	data[`scalar "é"`] = []byte{1, 2, 3, 4}
	data["empty"] = []byte{}
	return tensors, data
}

func write(t *testing.T, tensors []safetensors.TensorInfo, data map[string][]byte, metadata map[string]string) []byte {
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

func TestWhatIsWrittenReadsBack(t *testing.T) {
	tensors, data := everyType()
	meta := map[string]string{"format": "tf", "made by": "a test"}
	r, err := read(write(t, tensors, data, meta))
	require.NoError(t, err)
	assert.Equal(t, meta, r.Metadata())
	require.Len(t, r.Tensors(), len(tensors))
	for _, want := range tensors {
		got, ok := r.Lookup(want.Name)
		require.True(t, ok, want.Name)
		assert.Equal(t, want.DType, got.DType)
		assert.Equal(t, fmt.Sprint(want.Shape), fmt.Sprint(got.Shape))
		b := make([]byte, got.Bytes)
		require.NoError(t, r.ReadInto(want.Name, b))
		assert.Equal(t, data[want.Name], b, want.Name)
	}
}

func TestAnEmptyFileIsAFile(t *testing.T) {
	r, err := read(write(t, nil, nil, nil))
	require.NoError(t, err)
	assert.Empty(t, r.Tensors())
}

func TestPythonReadsWhatGoWrites(t *testing.T) {
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
	for _, want := range tensors {
		dtype, err := safetensors.DTypeName(want.DType)
		require.NoError(t, err)
		assert.Equal(t, dtype, got[want.Name].DType, want.Name)
		assert.Equal(t, data[want.Name], append([]byte{}, got[want.Name].Bytes...), want.Name)
		assert.Len(t, got[want.Name].Shape, len(want.Shape))
	}
}

func TestGoReadsWhatPythonWrites(t *testing.T) {
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
	require.Len(t, r.Tensors(), len(want))
	for _, info := range r.Tensors() {
		b := make([]byte, info.Bytes)
		require.NoError(t, r.ReadInto(info.Name, b))
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
		for _, info := range r.Tensors() {
			require.LessOrEqual(t, info.Bytes, int64(len(b)))
			_ = r.ReadInto(info.Name, make([]byte, info.Bytes))
		}
	})
}
