package checkpoint

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/crc32c"
)

func maskedUpdate(crc uint32, b []byte) uint32 { return crc32c.Mask(crc32c.Update(crc, b)) }

// failingFS has a file whose reads fail.
type failingFS struct {
	fs.FS
	name string
	err  error
}

func (f failingFS) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if err == nil && name == f.name {
		return failingFile{file, f.err}, nil
	}
	return file, err
}

type failingFile struct {
	fs.File
	err error
}

func (f failingFile) ReadAt([]byte, int64) (int, error) { return 0, f.err }

func TestValuesOfEveryType(t *testing.T) {
	t.Parallel()
	craft := newCrafted()
	for dt := dtype.DataType(1); dt < 100; dt++ {
		if size := dtype.Size(dt); size > 0 {
			craft.add(dtype.Name(dt), dt, []int64{1}, []byte("\x01\xf2\x03\x44\x05\x06\x07\x48\x09\x0a\x0b\x4c\x0d\x0e\x0f\x40")[:size])
		}
	}
	craft.addStrings("string", []int64{2}, "a", "")
	r := craft.open(t, nil)
	check(t, r, "bool", []bool{true})
	check(t, r, "int8", []int8{1})
	check(t, r, "qint8", []int8{1})
	check(t, r, "uint8", []uint8{1})
	check(t, r, "quint8", []uint8{1})
	check(t, r, "int16", []int16{-0xdff})
	check(t, r, "qint16", []int16{-0xdff})
	check(t, r, "uint16", []uint16{0xf201})
	check(t, r, "quint16", []uint16{0xf201})
	check(t, r, "int32", []int32{0x4403f201})
	check(t, r, "qint32", []int32{0x4403f201})
	check(t, r, "uint32", []uint32{0x4403f201})
	check(t, r, "int64", []int64{0x480706054403f201})
	check(t, r, "uint64", []uint64{0x480706054403f201})
	check(t, r, "float32", []float32{math.Float32frombits(0x4403f201)})
	check(t, r, "float64", []float64{math.Float64frombits(0x480706054403f201)})
	check(t, r, "complex64", []complex64{complex(math.Float32frombits(0x4403f201), math.Float32frombits(0x48070605))})
	check(t, r, "complex128", []complex128{complex(math.Float64frombits(0x480706054403f201), math.Float64frombits(0x400f0e0d4c0b0a09))})
	check(t, r, "float16", []dtype.F16{0xf201})
	check(t, r, "bfloat16", []dtype.BF16{0xf201})
	check(t, r, "int4", []int8{1})
	check(t, r, "int2", []int8{1})
	for _, name := range []string{"uint4", "uint2", "float8_e5m2", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e4m3b11fnuz", "float8_e5m2fnuz", "float4_e2m1fn"} {
		check(t, r, name, []uint8{1})
	}
	check(t, r, "string", []string{"a", ""})
}

func TestValuesMakesOddBytesValid(t *testing.T) {
	t.Parallel()
	craft := newCrafted()
	craft.add("bool", dtype.Bool, []int64{3}, []byte{0, 1, 0x80})
	craft.add("int4", dtype.Int4, []int64{3}, []byte{0x07, 0x08, 0xff})
	craft.add("int2", dtype.Int2, []int64{2}, []byte{0x02, 0x01})
	craft.add("uint4", dtype.Uint4, []int64{2}, []byte{0xff, 0x18})
	craft.add("uint2", dtype.Uint2, []int64{1}, []byte{0xff})
	r := craft.open(t, nil)
	check(t, r, "bool", []bool{false, true, true})
	check(t, r, "int4", []int8{7, -8, -1})
	check(t, r, "int2", []int8{-2, 1})
	check(t, r, "uint4", []uint8{15, 8})
	check(t, r, "uint2", []uint8{3})
}

func TestVersionNames(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "V2", V2.String())
	assert.Equal(t, "Version(3)", Version(3).String())
}

func TestStringsOfPartitionedTensorsAndFailures(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	craft := newCrafted()
	s := []Slice{{{0, 2}}, {{2, 1}}}
	e := craft.addStrings(sliceKey("p", s[0]), []int64{2}, "a", "b")
	craft.addStrings(sliceKey("p", s[1]), []int64{1}, "c")
	craft.set("p", &bundleEntry{dtype: dtype.String, shape: []int64{3}, slices: s})
	r := craft.open(t, &ReaderOptions{Strict: true})
	check(t, r, "p", []string{"a", "b", "c"})
	got, err := Values[string](ctx, r, "p", Slice{{1, 2}})
	require.NoError(t, err)
	assert.Equal(t, []string{"b", "c"}, got)
	got, err = Values[string](ctx, r, "p", Slice{{1, 0}})
	require.NoError(t, err)
	assert.Empty(t, got)

	craft.data[0][e.offset+e.size-1] ^= 1
	r = craft.open(t, nil)
	_, err = Values[string](ctx, r, "p", nil)
	requireError(t, err, tfkeep.ErrCorrupt)
	require.True(t, errors.Is(err, tfkeep.ErrCorrupt))
}
