package npy_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/npy"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

// file joins a header of version 1 and data.
func file(header string, data ...byte) []byte {
	b := append([]byte("\x93NUMPY"), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	return append(append(b, header...), data...)
}

func dict(descr, order, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n", descr, order, shape)
}

func TestReadRefusesMalformedFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		file []byte
		want string
		kind error
	}{
		{"empty", nil, "too short", tfkeep.ErrCorrupt},
		{"other magic", []byte("PK\x03\x04xxxxxxx"), "magic", tfkeep.ErrCorrupt},
		{"unknown version", []byte("\x93NUMPY\x09\x00\x00\x00"), "version 9.0", tfkeep.ErrUnsupported},
		{"header past the end", []byte("\x93NUMPY\x01\x00\xff\x00{"), "claims 255", tfkeep.ErrCorrupt},
		{"header over the cap", []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff{"), "more than", tfkeep.ErrCorrupt},
		{"no dict", file("[]"), "cannot be read", tfkeep.ErrCorrupt},
		{"a key missing", file("{'descr': '<f4', 'shape': ()}"), "cannot be read", tfkeep.ErrCorrupt},
		{"a key twice", file("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}"), "cannot be read", tfkeep.ErrCorrupt},
		{"another key", file("{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}"), "cannot be read", tfkeep.ErrCorrupt},
		{"text after the dict", file(dict("<f4", "False", "()") + "x"), "cannot be read", tfkeep.ErrCorrupt},
		{"a negative dimension", file(dict("<f4", "False", "(-1,)")), "cannot be read", tfkeep.ErrCorrupt},
		{"dimensions without end", file(dict("<f4", "False", "("+strings.Repeat("1,", 99)+")")), "cannot be read", tfkeep.ErrCorrupt},
		{"a shape that overflows", file(dict("<f4", "False", "(4611686018427387904, 4)")), "can be counted", tfkeep.ErrCorrupt},
		{"a pickle", file(dict("|O", "False", "()"), 0), "pickle", tfkeep.ErrUnsupported},
		{"a date", file(dict("<M8[ns]", "False", "()")), "M8", tfkeep.ErrUnsupported},
		{"a long double", file(dict("<f16", "False", "()")), "f16", tfkeep.ErrUnsupported},
		{"one of several bytes", file(dict("<V1", "False", "()")), "V1", tfkeep.ErrUnsupported},
		{"a structured type", file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}"), "structured", tfkeep.ErrUnsupported},
		{"a width that is none", file(dict("|Sx", "False", "()")), "Sx", tfkeep.ErrCorrupt},
		{"very wide strings", file(dict("<U2000000000", "False", "(1,)")), "characters", tfkeep.ErrUnsupported},
		{"data cut short", file(dict("<f4", "False", "(2,)"), 1, 2, 3, 4), "after 4 of 8", tfkeep.ErrCorrupt},
		{"a huge claim", file(dict("<f4", "False", "(1000000000000,)"), 1, 2, 3, 4), "after 4 of", tfkeep.ErrCorrupt},
		{"data too long", file(dict("<f4", "False", "()"), 1, 2, 3, 4, 5), "follow", tfkeep.ErrCorrupt},
		{"a bool that is none", file(dict("|b1", "False", "(2,)"), 1, 0xff), "not a bool", tfkeep.ErrCorrupt},
		{"an impossible rune", file(dict("<U1", "False", "()"), 0, 0, 0x11, 1), "code point", tfkeep.ErrCorrupt},
		{"strings from nothing", file(dict("|S0", "False", "(99999999999,)")), "no bytes", tfkeep.ErrCorrupt},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := npy.Read(bytes.NewReader(c.file))
			require.ErrorIs(t, err, c.kind)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestReadVariants(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		file []byte
		want npy.Array
	}{
		{"big-endian", file(dict(">i4", "False", "(1,)"), 0, 0, 1, 2), npy.Array{DType: dtype.Int32, Shape: []int64{1}, Data: []byte{2, 1, 0, 0}}},
		{"Fortran order", file(dict("|u1", "True", "(2, 3)"), 1, 4, 2, 5, 3, 6), npy.Array{DType: dtype.Uint8, Shape: []int64{2, 3}, Data: []byte{1, 2, 3, 4, 5, 6}}},
		{"Python 2's longs", file("{'descr': '|u1', 'fortran_order': False, 'shape': (2L,), }", 1, 2), npy.Array{DType: dtype.Uint8, Shape: []int64{2}, Data: []byte{1, 2}}},
		{"ml_dtypes", file(dict("<V2", "False", "()"), 0x80, 0x3f), npy.Array{DType: dtype.BFloat16, Shape: []int64{}, Data: []byte{0x80, 0x3f}}},
		{"bytes", file(dict("|S2", "False", "(2,)"), 'a', 0, 'b', 'c'), npy.Array{DType: dtype.String, Shape: []int64{2}, Strings: [][]byte{[]byte("a"), []byte("bc")}}},
		{"big-endian unicode", file(dict(">U1", "False", "(1,)"), 0, 0, 0, 0xe9), npy.Array{DType: dtype.String, Shape: []int64{1}, Strings: [][]byte{[]byte("é")}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := npy.Read(bytes.NewReader(c.file))
			require.NoError(t, err)
			assert.Equal(t, &c.want, got)
		})
	}
}

// sample returns 6 elements of a type, none of which is NaN.
func sample(dt dtype.DataType) []byte {
	size := dtype.Size(dt)
	b := make([]byte, 6*size)
	for i := range b {
		b[i] = byte(i % 2)
	}
	for i := size - 1; i < len(b); i += size { // signs and exponents
		if dt != dtype.Bool {
			b[i] = []byte{0, 1, 1, 0, 1, 0}[i/size]
		}
	}
	return b
}

var allTypes = []dtype.DataType{
	dtype.Bool, dtype.Int8, dtype.Int16, dtype.Int32, dtype.Int64,
	dtype.Uint8, dtype.Uint16, dtype.Uint32, dtype.Uint64,
	dtype.Float16, dtype.Float32, dtype.Float64, dtype.Complex64, dtype.Complex128,
	dtype.QInt8, dtype.QUint8, dtype.QInt16, dtype.QUint16, dtype.QInt32,
	dtype.BFloat16, dtype.Float8E5M2, dtype.Float8E4M3FN, dtype.Float8E4M3FNUZ,
	dtype.Float8E4M3B11FNUZ, dtype.Float8E5M2FNUZ, dtype.Float4E2M1FN,
	dtype.Int4, dtype.Uint4, dtype.Int2, dtype.Uint2,
}

func writeArchive(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := npy.NewArchiveWriter(&b)
	for _, dt := range allTypes {
		require.NoError(t, w.Add("a/"+dtype.Name(dt), dt, []int64{2, 3}, bytes.NewReader(sample(dt))))
	}
	require.NoError(t, w.AddStrings("a/string", []int64{2}, [][]byte{[]byte("x"), []byte("a\x00b")}))
	require.NoError(t, w.AddStrings("empty", []int64{}, [][]byte{nil}))
	require.NoError(t, w.Add("none", dtype.Float32, []int64{0, 5}, strings.NewReader("")))
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestArchiveRestoresTypes(t *testing.T) {
	t.Parallel()
	b := writeArchive(t)
	a, err := npy.NewArchive(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	assert.Len(t, a.Names(), len(allTypes)+3)
	for _, dt := range allTypes {
		statType, shape, err := a.Stat("a/" + dtype.Name(dt))
		require.NoError(t, err)
		assert.Equal(t, dt, statType)
		assert.Equal(t, []int64{2, 3}, shape)
		got, err := a.Read("a/" + dtype.Name(dt))
		require.NoError(t, err)
		assert.Equal(t, &npy.Array{DType: dt, Shape: []int64{2, 3}, Data: sample(dt)}, got, dtype.Name(dt))
		stream, err := a.Open("a/" + dtype.Name(dt))
		require.NoError(t, err)
		data, err := io.ReadAll(stream)
		require.NoError(t, err)
		assert.Equal(t, sample(dt), data)
		require.NoError(t, stream.Close())
	}
	_, err = a.Open("a/string")
	assert.ErrorIs(t, err, tfkeep.ErrMismatch)
	got, err := a.Read("a/string")
	require.NoError(t, err)
	assert.Equal(t, [][]byte{[]byte("x"), []byte("a\x00b")}, got.Strings)
	_, err = a.Read("b")
	assert.ErrorIs(t, err, tfkeep.ErrNotFound)
	_, _, err = a.Stat("b")
	assert.ErrorIs(t, err, tfkeep.ErrNotFound)
}

func TestNumPyReadsGoArchive(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "go.npz")
	require.NoError(t, os.WriteFile(path, writeArchive(t), 0o644))
	type array struct {
		DType string
		Shape []int64
		Same  bool
	}
	raw := map[string][]byte{}
	for _, dt := range allTypes {
		raw[dtype.Name(dt)] = sample(dt)
	}
	got := oracle.Value[map[string]array](t, `
import ml_dtypes
z = np.load(args[0])
result = {}
for k in z.files:
    a = z[k]
    name, same = k[2:], True
    if name in args[1]:
        plain = name[1:] if name[0] == "q" else name
        dt = np.dtype(getattr(ml_dtypes, plain, None) or plain)
        want = np.frombuffer(args[1][name], dt).reshape(2, 3).astype(a.dtype)
        same = bool((a == want).all())
    result[k] = {"DType": a.dtype.str, "Shape": list(a.shape), "Same": same}
`, path, raw)
	want := map[string]string{
		"bool": "|b1", "int8": "|i1", "uint16": "<u2", "float16": "<f2", "complex128": "<c16",
		"bfloat16": "<f4", "float8_e4m3fn": "<f4", "float4_e2m1fn": "<f4", "qint32": "<i4", "int4": "|i1", "string": "|S3",
	}
	for _, dt := range allTypes {
		name := dtype.Name(dt)
		a := got["a/"+name]
		assert.True(t, a.Same, name)
		assert.Equal(t, []int64{2, 3}, a.Shape)
		if w := want[name]; w != "" {
			assert.Equal(t, w, a.DType, name)
		}
	}
	assert.Equal(t, array{"|S3", []int64{2}, true}, got["a/string"])
	assert.Equal(t, array{"<f4", []int64{0, 5}, true}, got["none"])
}

func TestGoReadsNumPyArchive(t *testing.T) {
	for _, save := range []string{"savez", "savez_compressed"} {
		t.Run(save, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "py.npz")
			want := oracle.Value[map[string][]byte](t, `
import ml_dtypes
d = {n: np.arange(6).reshape(2, 3).astype(n) for n in
     "bool uint8 int8 uint16 int16 uint32 int32 uint64 int64 float16 float32 float64 complex64 complex128".split()}
d["bfloat16"] = np.arange(6).reshape(2, 3).astype(ml_dtypes.bfloat16)
d["fortran"] = np.asfortranarray(np.arange(24, dtype=np.int64).reshape(2, 3, 4))
d["big"] = np.arange(6, dtype=">f8")
d["scalar"] = np.array(7.5)
result = {k: np.ascontiguousarray(v).astype(v.dtype.newbyteorder("<")).tobytes() for k, v in d.items()}
d["bytes"] = np.array([b"a", b"bcd"])
d["text"] = np.array(["é", "日本"])
getattr(np, args[1])(args[0], **d)
`, path, save)
			a, err := npy.OpenArchive(path)
			require.NoError(t, err)
			defer a.Close()
			require.Len(t, a.Names(), len(want)+2)
			for name, data := range want {
				got, err := a.Read(name)
				require.NoError(t, err)
				assert.Equal(t, data, got.Data, name)
				stream, err := a.Open(name)
				require.NoError(t, err)
				streamed, err := io.ReadAll(stream)
				require.NoError(t, err)
				assert.Equal(t, data, streamed, name)
				require.NoError(t, stream.Close())
				if dt, ok := dtype.Parse(name); ok {
					assert.Equal(t, dt, got.DType)
					assert.Equal(t, []int64{2, 3}, got.Shape)
				}
			}
			got, err := a.Read("bytes")
			require.NoError(t, err)
			assert.Equal(t, [][]byte{[]byte("a"), []byte("bcd")}, got.Strings)
			got, err = a.Read("text")
			require.NoError(t, err)
			assert.Equal(t, [][]byte{[]byte("é"), []byte("日本")}, got.Strings)
		})
	}
}

func TestWriteRefusesLossyValues(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	assert.ErrorIs(t, npy.WriteStrings(&b, []int64{1}, [][]byte{[]byte("a\x00")}), tfkeep.ErrUnsupported)
	wide := make([][]byte, 1<<11)
	wide[0] = bytes.Repeat([]byte("x"), 1<<20)
	assert.ErrorContains(t, npy.WriteStrings(&b, []int64{1 << 11}, wide), "fixed width")
	assert.ErrorIs(t, npy.WriteStrings(&b, []int64{2}, nil), tfkeep.ErrUnsupported)
	assert.ErrorIs(t, npy.Write(&b, dtype.Variant, nil, nil), tfkeep.ErrUnsupported)
	assert.ErrorIs(t, npy.Write(&b, dtype.Int8, make([]int64, 65), nil), tfkeep.ErrUnsupported)
	assert.Zero(t, b.Len(), "nothing may be written")
	assert.ErrorIs(t, npy.Write(&b, dtype.Int32, []int64{2}, strings.NewReader("1234")), io.ErrUnexpectedEOF)
	assert.ErrorIs(t, npy.Write(&b, dtype.BFloat16, []int64{2}, strings.NewReader("12")), io.ErrUnexpectedEOF)
	w := npy.NewArchiveWriter(&b)
	require.NoError(t, w.AddStrings("a", nil, [][]byte{nil}))
	assert.ErrorContains(t, w.AddStrings("a", nil, [][]byte{nil}), "twice")
	assert.ErrorIs(t, w.AddStrings("\xff", nil, [][]byte{nil}), tfkeep.ErrUnsupported)
	assert.ErrorIs(t, w.Add("r", dtype.Resource, nil, nil), tfkeep.ErrUnsupported)
}

// archive returns a zip archive of the given members.
func archive(t *testing.T, members ...*zip.FileHeader) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, h := range members {
		w, err := z.CreateHeader(h)
		require.NoError(t, err)
		require.NoError(t, npy.Write(w, dtype.Float32, []int64{1}, strings.NewReader("\x01\x00\x80\x3f")))
	}
	require.NoError(t, z.Close())
	return b.Bytes()
}

func TestArchiveRefusesMalformedFiles(t *testing.T) {
	t.Parallel()
	open := func(b []byte) (*npy.Archive, error) { return npy.NewArchive(bytes.NewReader(b), int64(len(b))) }
	_, err := open([]byte("no zip at all"))
	assert.ErrorIs(t, err, tfkeep.ErrCorrupt)
	_, err = open(archive(t, &zip.FileHeader{Name: "a.txt"}))
	assert.ErrorContains(t, err, "not an array")
	_, err = open(archive(t, &zip.FileHeader{Name: "a.npy"}, &zip.FileHeader{Name: "a.npy"}))
	assert.ErrorContains(t, err, "twice")

	for _, c := range []struct{ comment, want string }{
		{"tensorflow dtype: bfloat16", "cannot have been"}, // the value needs more bits
		{"tensorflow dtype: qint8", "cannot have been"},
		{"tensorflow dtype: nonsense", "unknown type"},
	} {
		a, err := open(archive(t, &zip.FileHeader{Name: "a.npy", Comment: c.comment}))
		require.NoError(t, err)
		if !strings.HasSuffix(c.comment, "bfloat16") { // that shows in the values only
			_, _, err = a.Stat("a")
			assert.ErrorIs(t, err, tfkeep.ErrCorrupt)
		}
		_, err = a.Read("a")
		assert.ErrorIs(t, err, tfkeep.ErrCorrupt)
		assert.ErrorContains(t, err, c.want)
	}

	b := archive(t, &zip.FileHeader{Name: "a.npy"})
	b[bytes.Index(b, []byte("\x01\x00\x80\x3f"))] ^= 2
	a, err := open(b)
	require.NoError(t, err)
	_, err = a.Read("a")
	assert.ErrorIs(t, err, tfkeep.ErrCorrupt, "the archive's checksum is checked")

	path := filepath.Join(t.TempDir(), "x.npz")
	_, err = npy.OpenArchive(path)
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = npy.OpenArchive(filepath.Dir(path))
	assert.ErrorContains(t, err, "directory")
	require.NoError(t, os.WriteFile(path, []byte("PK"), 0o644))
	_, err = npy.OpenArchive(path)
	assert.ErrorContains(t, err, path)
}

func FuzzRead(f *testing.F) {
	f.Add(file(dict("<f4", "True", "(1, 2)"), 1, 2, 3, 4, 5, 6, 7, 8))
	f.Add(file(dict(">U2", "False", "(1,)"), 0, 0, 0, 0x61, 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := npy.Read(bytes.NewReader(b))
		if err != nil || a.DType == dtype.String {
			return
		}
		require.LessOrEqual(t, len(a.Data), len(b))
		var again bytes.Buffer
		require.NoError(t, npy.Write(&again, a.DType, a.Shape, bytes.NewReader(a.Data)))
	})
}

func TestReadStoredArrayCopiesOnce(t *testing.T) {
	const n = 16 << 20
	var file bytes.Buffer
	w := npy.NewArchiveWriter(&file)
	require.NoError(t, w.Add("w", dtype.Uint8, []int64{n}, bytes.NewReader(make([]byte, n))))
	require.NoError(t, w.Close())
	a, err := npy.NewArchive(bytes.NewReader(file.Bytes()), int64(file.Len()))
	require.NoError(t, err)
	r := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			got, err := a.Read("w")
			if err != nil || len(got.Data) != n {
				b.Fatal(err)
			}
		}
	})
	assert.Less(t, r.AllocedBytesPerOp(), int64(n+n/4))
}
