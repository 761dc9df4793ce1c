package checkpoint

import (
	"bytes"
	"context"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/internal/wire"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/table"
	"github.com/tfkeep/tfkeep/internal/table/tabletest"
)

// v1Crafted is a V1 file whose parts a test can change.
type v1Crafted struct {
	tensors  [][]byte // SavedSliceMeta
	versions []byte   // VersionDef
	records  map[string][]byte
	contents []byte // in place of tensors and versions
}

func newV1Crafted() *v1Crafted {
	return &v1Crafted{versions: []byte{0x08, 0x01}, records: map[string][]byte{}}
}

// metaRecord returns a SavedSliceMeta.
func metaRecord(name string, dt dtype.DataType, shape []int64, slices ...Slice) []byte {
	b := append(protoField(1, []byte(name)), protoField(2, appendShape(nil, shape))...)
	b = wire.AppendVarint(b, 3, uint64(dt))
	for _, s := range slices {
		b = append(b, protoField(4, appendSlice(nil, s))...)
	}
	return b
}

// valueRecord returns a SavedTensorSlices with a TensorProto.
func valueRecord(name string, s Slice, values []byte) []byte {
	return protoField(2, append(append(protoField(1, []byte(name)), protoField(2, appendSlice(nil, s))...), protoField(3, values)...))
}

// add adds a whole tensor.
func (c *v1Crafted) add(name string, dt dtype.DataType, shape []int64, values []byte) {
	s := fullSlice(len(shape))
	c.tensors = append(c.tensors, metaRecord(name, dt, shape, s))
	c.records[sliceKey(name, s)] = valueRecord(name, s, values)
}

func (c *v1Crafted) bytes(t testing.TB) []byte {
	contents := c.contents
	if contents == nil {
		var meta []byte
		for _, x := range c.tensors {
			meta = append(meta, protoField(1, x)...)
		}
		contents = protoField(1, append(meta, protoField(2, c.versions)...))
	}
	keys := map[string][]byte{"": contents}
	for key, record := range c.records {
		keys[key] = record
	}
	var out bytes.Buffer
	w := table.NewWriter(&out, nil)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		require.NoError(t, w.Add([]byte(key), keys[key]))
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

func packedFloats(values ...float32) []byte { return protoField(5, appendFloats(nil, values...)) }

func packedVarints(field protowire.Number, values ...int64) []byte {
	var b []byte
	for _, v := range values {
		b = protowire.AppendVarint(b, uint64(v))
	}
	return protoField(field, b)
}

func TestV1ValuesOfEveryKind(t *testing.T) {
	t.Parallel()
	c := newV1Crafted()
	c.add("f32", dtype.Float32, []int64{2}, packedFloats(1, -2))
	c.add("f32 in two pieces", dtype.Float32, []int64{3}, append(packedFloats(1), packedFloats(2, 3)...))
	c.add("f32 one by one", dtype.Float32, []int64{2}, []byte("\x2d\x00\x00\x80\x3f\x2d\x00\x00\x00\x40"))
	c.add("f32 mixed", dtype.Float32, []int64{4}, append(append([]byte("\x2d\x00\x00\x80\x3f"), packedFloats(2, 3)...), "\x2d\x00\x00\x80\x40"...))
	c.add("f64", dtype.Float64, nil, protoField(6, []byte{0, 0, 0, 0, 0, 0, 0xf0, 0x3f}))
	c.add("i8", dtype.Int8, []int64{2}, packedVarints(7, -128, 127))
	c.add("u8", dtype.Uint8, []int64{2}, packedVarints(7, 0, 255))
	c.add("i16", dtype.Int16, []int64{2}, packedVarints(7, -32768, 32767))
	c.add("u16", dtype.Uint16, []int64{1}, packedVarints(7, 65535))
	c.add("i32", dtype.Int32, []int64{2}, packedVarints(7, math.MinInt32, math.MaxInt32))
	c.add("i64", dtype.Int64, []int64{2}, packedVarints(10, math.MinInt64, math.MaxInt64))
	c.add("u32", dtype.Uint32, []int64{1}, packedVarints(16, math.MaxUint32))
	c.add("u64", dtype.Uint64, []int64{1}, packedVarints(17, -1))
	c.add("bool", dtype.Bool, []int64{2}, packedVarints(11, 1, 0))
	c.add("half", dtype.Float16, []int64{1}, packedVarints(13, 0x3c00))
	c.add("c64", dtype.Complex64, []int64{1}, protoField(9, appendFloats(nil, 1, 2)))
	c.add("c128", dtype.Complex128, nil, protoField(12, make([]byte, 16)))
	c.add("text", dtype.String, []int64{3}, append(append(protoField(8, []byte("a")), protoField(8, nil)...), protoField(8, []byte("bc"))...))
	c.add("empty", dtype.Float32, []int64{0, 3}, nil)
	c.add("other fields", dtype.Int32, nil, append(packedVarints(7, 5), append(packedFloats(9), 0x08, 0x03)...))
	r, err := openFS(fstest.MapFS{"m": {Data: c.bytes(t)}}, "m", &ReaderOptions{Strict: true})
	require.NoError(t, err)
	defer r.Close()
	assert.Equal(t, V1, r.Version())
	check(t, r, "f32", []float32{1, -2})
	check(t, r, "f32 in two pieces", []float32{1, 2, 3})
	check(t, r, "f32 one by one", []float32{1, 2})
	check(t, r, "f32 mixed", []float32{1, 2, 3, 4})
	check(t, r, "f64", []float64{1})
	check(t, r, "i8", []int8{-128, 127})
	check(t, r, "u8", []uint8{0, 255})
	check(t, r, "i16", []int16{-32768, 32767})
	check(t, r, "u16", []uint16{65535})
	check(t, r, "i32", []int32{math.MinInt32, math.MaxInt32})
	check(t, r, "i64", []int64{math.MinInt64, math.MaxInt64})
	check(t, r, "u32", []uint32{math.MaxUint32})
	check(t, r, "u64", []uint64{math.MaxUint64})
	check(t, r, "bool", []bool{true, false})
	check(t, r, "half", []dtype.F16{0x3c00})
	check(t, r, "c64", []complex64{complex(1, 2)})
	check(t, r, "c128", []complex128{0})
	check(t, r, "text", []string{"a", "", "bc"})
	check(t, r, "empty", []float32{})
	check(t, r, "other fields", []int32{5})
	mapped, release, err := r.Map(context.Background(), "f32")
	require.NoError(t, err)
	assert.Equal(t, appendFloats(nil, 1, -2), mapped)
	require.NoError(t, release())
	f, err := r.OpenTensor(context.Background(), "f32 mixed", nil)
	require.NoError(t, err)
	streamed, err := io.ReadAll(f)
	require.NoError(t, err)
	assert.Equal(t, appendFloats(nil, 1, 2, 3, 4), streamed)
}

// The shapes, slices and holes are those of TensorFlow's own test of its V1 reader.
func TestV1SlicesInSeveralFilesWithAHole(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	part := func(s Slice, values ...float32) []byte {
		c := newV1Crafted()
		c.tensors = [][]byte{metaRecord("test", dtype.Float32, []int64{4, 5}, s)}
		c.records[sliceKey("test", s)] = valueRecord("test", s, packedFloats(values...))
		return c.bytes(t)
	}
	files := fstest.MapFS{
		"m_0": {Data: part(Slice{{0, 2}, {0, FullExtent}}, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)},
		"m_1": {Data: part(Slice{{2, 2}, {0, 3}}, 10, 11, 12, 15, 16, 17)},
		"m_2": {Data: part(Slice{{3, 1}, {3, 2}}, 18, 19)},
	}
	r, err := openFS(files, "m_*", nil)
	require.NoError(t, err)
	defer r.Close()
	info, ok := r.Lookup("test")
	require.True(t, ok)
	assert.Equal(t, []int64{4, 5}, info.Shape)
	assert.EqualValues(t, 80, info.Bytes)
	assert.Equal(t, []int{0, 1, 2}, []int{info.Slices[0].Shard, info.Slices[1].Shard, info.Slices[2].Shard})

	got, err := Values[float32](ctx, r, "test", Slice{{1, 1}, {0, FullExtent}})
	require.NoError(t, err)
	assert.Equal(t, []float32{5, 6, 7, 8, 9}, got)
	got, err = Values[float32](ctx, r, "test", Slice{{3, 1}, {0, FullExtent}})
	require.NoError(t, err)
	assert.Equal(t, []float32{15, 16, 17, 18, 19}, got)
	_, err = Values[float32](ctx, r, "test", Slice{{2, 1}, {2, 2}})
	requireError(t, err, tfkeep.ErrCorrupt)
	require.ErrorContains(t, err, "do not cover 2,1:2,2")
	_, err = openFS(files, "m_*", &ReaderOptions{Strict: true})
	require.ErrorContains(t, err, "leave gaps")
}

var wholeVector = fullSlice(1)

var hostileV1Cases = []struct {
	name string
	make func(c *v1Crafted)
	kind error
	want string
}{
	{"no contents", func(c *v1Crafted) { c.contents = []byte{} }, tfkeep.ErrCorrupt, "not a table of contents"},
	{"contents of garbage", func(c *v1Crafted) { c.contents = []byte{0xff} }, tfkeep.ErrCorrupt, "does not decode"},
	{"contents that are values", func(c *v1Crafted) { c.contents = valueRecord("w", wholeVector, packedFloats(1)) }, tfkeep.ErrCorrupt, "not a table of contents"},
	{"contents of wire type 0", func(c *v1Crafted) { c.contents = []byte{0x08, 0x01} }, tfkeep.ErrCorrupt, "wire type 0"},
	{"tensor of wire type 0", func(c *v1Crafted) { c.contents = protoField(1, []byte{0x08, 0x01}) }, tfkeep.ErrCorrupt, "wire type 0"},
	{"name of wire type 0", func(c *v1Crafted) { c.tensors = [][]byte{{0x08, 0x01}} }, tfkeep.ErrCorrupt, "wire type 0"},
	{"minimal consumer 2", func(c *v1Crafted) { c.versions = []byte{0x08, 0x01, 0x10, 0x02} }, tfkeep.ErrUnsupported, "Checkpoint min consumer version 2 above current version 1 for TensorFlow"},
	{"bad consumer 1", func(c *v1Crafted) { c.versions = []byte{0x1a, 0x01, 0x01} }, tfkeep.ErrUnsupported, "Checkpoint disallows consumer version 1."},
	{"versions of garbage", func(c *v1Crafted) { c.versions = []byte{0xff} }, tfkeep.ErrCorrupt, "does not decode"},
	{"type missing", func(c *v1Crafted) { c.tensors[0] = metaRecord("w", 0, []int64{4}, wholeVector) }, tfkeep.ErrCorrupt, "0 is not a data type"},
	{"type 999", func(c *v1Crafted) { c.tensors[0] = metaRecord("w", 999, []int64{4}, wholeVector) }, tfkeep.ErrCorrupt, "999 is not a data type"},
	{"type of the future", func(c *v1Crafted) { c.tensors[0] = metaRecord("w", 60, []int64{4}, wholeVector) }, tfkeep.ErrUnsupported, "dtype(60)"},
	{"type that V1 lacks", func(c *v1Crafted) { c.tensors[0] = metaRecord("w", dtype.Float8E5M2, []int64{4}, wholeVector) }, tfkeep.ErrUnsupported, "float8_e5m2"},
	{"dimension -1", func(c *v1Crafted) { c.tensors[0] = metaRecord("w", dtype.Float32, []int64{-1}, wholeVector) }, tfkeep.ErrCorrupt, "impossible"},
	{"dimensions 2^62 × 2^62", func(c *v1Crafted) {
		c.tensors[0] = metaRecord("w", dtype.Float32, []int64{1 << 62, 1 << 62}, fullSlice(2))
	}, tfkeep.ErrCorrupt, "impossible"},
	{"2^61 elements", func(c *v1Crafted) { c.tensors[0] = metaRecord("w", dtype.Float32, []int64{1 << 61}, wholeVector) }, tfkeep.ErrCorrupt, "impossible"},
	{"2^40 elements", func(c *v1Crafted) { c.tensors[0] = metaRecord("w", dtype.Float32, []int64{1 << 40}, wholeVector) }, tfkeep.ErrCorrupt, "4 values are stored, its shape needs 1099511627776"},
	{"300 dimensions", func(c *v1Crafted) { c.tensors[0] = metaRecord("w", dtype.Float32, make([]int64, 300), wholeVector) }, tfkeep.ErrCorrupt, "254 dimensions"},
	{"no slice", func(c *v1Crafted) { c.tensors[0] = metaRecord("w", dtype.Float32, []int64{4}) }, tfkeep.ErrCorrupt, "no slice"},
	{"slice of length -10", func(c *v1Crafted) { c.tensors[0] = metaRecord("w", dtype.Float32, []int64{4}, Slice{{0, -10}}) }, tfkeep.ErrCorrupt, "does not lie"},
	{"slice of another rank", func(c *v1Crafted) { c.tensors[0] = metaRecord("w", dtype.Float32, []int64{4}, fullSlice(2)) }, tfkeep.ErrCorrupt, "does not lie"},
	{"slice twice", func(c *v1Crafted) {
		c.tensors[0] = metaRecord("w", dtype.Float32, []int64{4}, wholeVector, wholeVector)
	}, tfkeep.ErrCorrupt, "overlap"},
	{"tensor twice", func(c *v1Crafted) { c.tensors = append(c.tensors, c.tensors[0]) }, tfkeep.ErrCorrupt, "overlap"},
	{"tensor twice, of two types", func(c *v1Crafted) {
		c.tensors = append(c.tensors, metaRecord("w", dtype.Int32, []int64{4}, wholeVector))
	}, tfkeep.ErrCorrupt, "it is int32 [4] here and float32 [4] elsewhere"},
	{"values missing", func(c *v1Crafted) { clear(c.records) }, tfkeep.ErrCorrupt, "the values of slice - are missing"},
	{"values that nobody lists", func(c *v1Crafted) { c.records[sliceKey("x", wholeVector)] = nil }, tfkeep.ErrCorrupt, "does not list"},
	{"record that is no slice", func(c *v1Crafted) { c.records["zzz"] = nil }, tfkeep.ErrCorrupt, "does not list"},
	{"values of another tensor", func(c *v1Crafted) {
		c.records[sliceKey("w", wholeVector)] = valueRecord("x", wholeVector, packedFloats(1, 2, 3, 4))
	}, tfkeep.ErrCorrupt, `that of "x"`},
	{"values of another slice", func(c *v1Crafted) {
		c.records[sliceKey("w", wholeVector)] = valueRecord("w", Slice{{0, 4}}, packedFloats(1, 2, 3, 4))
	}, tfkeep.ErrCorrupt, "slice 0,4"},
	{"values of garbage", func(c *v1Crafted) { c.records[sliceKey("w", wholeVector)] = []byte{0xff} }, tfkeep.ErrCorrupt, "does not decode"},
	{"too few values", func(c *v1Crafted) {
		c.records[sliceKey("w", wholeVector)] = valueRecord("w", wholeVector, packedFloats(1, 2, 3))
	}, tfkeep.ErrCorrupt, "3 values are stored, its shape needs 4"},
	{"too many values", func(c *v1Crafted) {
		c.records[sliceKey("w", wholeVector)] = valueRecord("w", wholeVector, packedFloats(1, 2, 3, 4, 5))
	}, tfkeep.ErrCorrupt, "5 values are stored"},
	{"values of another type", func(c *v1Crafted) {
		c.records[sliceKey("w", wholeVector)] = valueRecord("w", wholeVector, packedVarints(7, 1, 2, 3, 4))
	}, tfkeep.ErrCorrupt, "0 values are stored"},
	{"values of wire type 0", func(c *v1Crafted) {
		c.records[sliceKey("w", wholeVector)] = valueRecord("w", wholeVector, []byte{0x28, 1})
	}, tfkeep.ErrCorrupt, "wire type 0"},
	{"half a float", func(c *v1Crafted) {
		c.records[sliceKey("w", wholeVector)] = valueRecord("w", wholeVector, protoField(5, make([]byte, 18)))
	}, tfkeep.ErrCorrupt, "does not decode"},
	{"half a complex number", func(c *v1Crafted) { c.add("c", dtype.Complex64, nil, protoField(9, appendFloats(nil, 1))) }, tfkeep.ErrCorrupt, "do not make whole complex numbers"},
	{"half a varint", func(c *v1Crafted) { c.add("i", dtype.Int32, nil, protoField(7, []byte{0x80})) }, tfkeep.ErrCorrupt, "does not decode"},
	{"varint of 11 bytes", func(c *v1Crafted) {
		c.add("i", dtype.Int64, nil, protoField(10, []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")))
	}, tfkeep.ErrCorrupt, "does not decode to a int64"},
	{"int8 of 128", func(c *v1Crafted) { c.add("i", dtype.Int8, nil, packedVarints(7, 128)) }, tfkeep.ErrCorrupt, "does not decode to a int8"},
	{"uint8 of -1", func(c *v1Crafted) { c.add("i", dtype.Uint8, nil, packedVarints(7, -1)) }, tfkeep.ErrCorrupt, "does not decode"},
	{"int16 of 2^15", func(c *v1Crafted) { c.add("i", dtype.Int16, nil, packedVarints(7, 1<<15)) }, tfkeep.ErrCorrupt, "does not decode"},
	{"half of 2^16", func(c *v1Crafted) { c.add("i", dtype.Float16, nil, packedVarints(13, 1<<16)) }, tfkeep.ErrCorrupt, "does not decode"},
	{"int32 of 2^31", func(c *v1Crafted) { c.add("i", dtype.Int32, nil, packedVarints(7, 1<<31)) }, tfkeep.ErrCorrupt, "does not decode"},
	{"uint32 of 2^32", func(c *v1Crafted) { c.add("i", dtype.Uint32, nil, packedVarints(16, 1<<32)) }, tfkeep.ErrCorrupt, "does not decode"},
	{"bool of 2", func(c *v1Crafted) { c.add("i", dtype.Bool, nil, packedVarints(11, 2)) }, tfkeep.ErrCorrupt, "does not decode"},
	{"more strings than elements", func(c *v1Crafted) { c.add("s", dtype.String, nil, append(protoField(8, nil), protoField(8, nil)...)) }, tfkeep.ErrCorrupt, "more than the 1 strings"},
	{"2^40 strings", func(c *v1Crafted) { c.add("s", dtype.String, []int64{1 << 40}, protoField(8, nil)) }, tfkeep.ErrCorrupt, "1 values are stored, its shape needs 1099511627776"},
}

func TestHostileV1CheckpointsAreErrors(t *testing.T) {
	for _, c := range hostileV1Cases {
		t.Run(c.name, func(t *testing.T) {
			craft := newV1Crafted()
			craft.add("w", dtype.Float32, []int64{4}, packedFloats(1, 2, 3, 4))
			c.make(craft)
			dir := putFiles(t, map[string][]byte{"m": craft.bytes(t)})
			for _, o := range []*ReaderOptions{nil, {Strict: true}} {
				requireCheap(t, dir+"/m", func() {
					_, err := readWholeCheckpoint(dir+"/m", o)
					requireError(t, err, c.kind)
					require.ErrorContains(t, err, c.want)
				})
			}
		})
	}
}

func TestV1IsNoTableOfContents(t *testing.T) {
	t.Parallel()
	file := tabletest.Table{Data: []tabletest.Block{tabletest.Entries(tabletest.Pair("a", "b"))}}.Bytes()
	_, err := openFS(fstest.MapFS{"m": {Data: file}}, "m", nil)
	requireError(t, err, tfkeep.ErrCorrupt)
	require.ErrorContains(t, err, "table of contents is missing")
}

func TestV1KeepsToItsMemory(t *testing.T) {
	t.Parallel()
	c := newV1Crafted()
	for i := range 3000 {
		c.tensors = append(c.tensors, metaRecord(string(rune('a'+i)), dtype.Float32, nil, Slice{}))
	}
	fsys := fstest.MapFS{"m": {Data: c.bytes(t)}}
	_, err := openFS(fsys, "m", &ReaderOptions{MemoryLimit: 300 << 10})
	requireError(t, err, tfkeep.ErrUnsupported)
	require.ErrorContains(t, err, "MemoryLimit")

	c = newV1Crafted()
	c.add("w", dtype.Float32, []int64{100000}, packedFloats(make([]float32, 100000)...))
	_, err = openFS(fstest.MapFS{"m": {Data: c.bytes(t)}}, "m", &ReaderOptions{MemoryLimit: 300 << 10})
	requireError(t, err, tfkeep.ErrUnsupported)
	require.ErrorContains(t, err, "raise ReaderOptions.MemoryLimit")
}

// A block with many records is decoded once. A block with too many, or with too large
// ones, is decoded for each record.
func TestV1BlocksLargeAndSmall(t *testing.T) {
	t.Parallel()
	c := newV1Crafted()
	want := map[string]any{}
	for i := range 2*maxKeptRecords + 5 {
		name := string([]byte{'a' + byte(i>>12), 'a' + byte(i>>8&15), 'a' + byte(i>>4&15), 'a' + byte(i&15)})
		c.add(name, dtype.Uint8, nil, packedVarints(7, int64(i&0xff)))
		want[name] = []byte{byte(i)}
	}
	c.add("zz", dtype.Float32, []int64{500000}, packedFloats(make([]float32, 500000)...))
	want["zz"] = make([]byte, 2000000)
	got, err := readFS(map[string][]byte{"m": c.bytes(t)}, nil)
	require.NoError(t, err)
	assert.Equal(t, len(want), len(got))
	for name, value := range want {
		require.Equal(t, value, got[name], name)
	}
}

// TestV1FaultOfOneTensor reads the neighbor of a tensor that cannot be read.
func TestV1FaultOfOneTensor(t *testing.T) {
	t.Parallel()
	for _, dt := range []dtype.DataType{0, dtype.Resource, dtype.Variant, 60, 101, 999} {
		c := newV1Crafted()
		c.add("w", dtype.Float32, []int64{4}, packedFloats(1, 2, 3, 4))
		c.add("i", dtype.Int32, nil, packedVarints(7, 5))
		c.tensors[0] = metaRecord("w", dt, []int64{4}, wholeVector)
		name := filepath.Join(t.TempDir(), "m")
		require.NoError(t, os.WriteFile(name, c.bytes(t), 0o666))
		r, err := Open(t.Context(), name, nil)
		require.NoError(t, err, dt)
		got, err := Values[int32](t.Context(), r, "i", nil)
		require.NoError(t, err)
		assert.Equal(t, []int32{5}, got)
		_, err = r.ReadBytes(t.Context(), "w", nil)
		require.ErrorContains(t, err, `tensor "w"`)
		require.NoError(t, r.Close())
		report, err := Verify(t.Context(), name, nil)
		require.NoError(t, err)
		require.Len(t, report.Faults, 1, dt)
	}
}
