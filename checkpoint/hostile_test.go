package checkpoint

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/internal/wire"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/crc32c"
	"github.com/tfkeep/tfkeep/internal/table/tabletest"
)

func appendFloats(b []byte, values ...float32) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// readWholeCheckpoint opens a checkpoint and reads all its tensors.
func readWholeCheckpoint(prefix string, o *ReaderOptions) (values map[string]any, err error) {
	r, err := Open(context.Background(), prefix, o)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	values = map[string]any{}
	ctx := context.Background()
	for info := range r.Tensors() {
		if info.DType == dtype.String {
			values[info.Name], err = r.ReadStrings(ctx, info.Name, nil)
		} else {
			values[info.Name], err = r.ReadBytes(ctx, info.Name, nil)
		}
		if err != nil {
			return nil, err
		}
	}
	return values, nil
}

// requireCheap runs f, which opens files of the given prefix, and checks how much memory
// it allocates: that must be proportional to the size of the files.
func requireCheap(t *testing.T, prefix string, f func()) {
	t.Helper()
	files, err := filepath.Glob(prefix + "*")
	require.NoError(t, err)
	limit := uint64(64 << 20)
	for _, name := range files {
		info, err := os.Stat(name)
		require.NoError(t, err)
		limit += 2 * uint64(info.Size())
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	tooLong := time.AfterFunc(time.Minute, func() { panic("a hostile file takes a minute to refuse") })
	f()
	tooLong.Stop()
	runtime.ReadMemStats(&after)
	assert.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, limit, "bytes of memory")
}

// hostileCase is a checkpoint in which one thing is wrong, and all checksums are right.
// The good checkpoint that it changes has the tensor w, float32 [4].
type hostileCase struct {
	name  string
	make  func(c *crafted, w *bundleEntry)
	kind  error
	want  string // part of the message
	names string // the tensor that the error must name
}

func withShape(dims ...int64) func(*crafted, *bundleEntry) {
	return func(_ *crafted, w *bundleEntry) { w.shape = dims }
}

func withRawEntry(value string) func(*crafted, *bundleEntry) {
	return func(c *crafted, w *bundleEntry) { c.entries["w"] = value; w.shape = nil }
}

func withHeader(h wire.BundleHeader) func(*crafted, *bundleEntry) {
	return func(c *crafted, _ *bundleEntry) { c.header = string(h.Encode()) }
}

func withRawHeader(value string) func(*crafted, *bundleEntry) {
	return func(c *crafted, _ *bundleEntry) { c.header = value }
}

func changeEntry(f func(w *bundleEntry)) func(*crafted, *bundleEntry) {
	return func(_ *crafted, w *bundleEntry) { f(w) }
}

// stringData makes s a string tensor of n elements with the bytes data.
func stringData(n int64, data string) func(*crafted, *bundleEntry) {
	return func(c *crafted, _ *bundleEntry) { c.addStringData("s", []int64{n}, []byte(data)) }
}

// sliced makes p a partitioned 4 × 4 matrix, changed by edit.
func sliced(edit func(c *crafted, p *bundleEntry), parts ...Slice) func(*crafted, *bundleEntry) {
	if len(parts) == 0 {
		parts = []Slice{{{0, 2}, {0, FullExtent}}, {{2, 2}, {0, FullExtent}}}
	}
	return func(c *crafted, _ *bundleEntry) {
		p := c.addPartitioned("p", parts...)
		edit(c, p)
		c.set("p", p)
	}
}

var firstPart = Slice{{0, 2}, {0, FullExtent}}

func varint(v uint64) string { return string(binary.AppendUvarint(nil, v)) }

// checksummedLengths returns string lengths, then their checksum, and then rest.
func checksummedLengths(rest string, lengths ...uint64) string {
	var out, sums []byte
	for _, n := range lengths {
		out = binary.AppendUvarint(out, n)
		if n <= math.MaxUint32 {
			sums = binary.LittleEndian.AppendUint32(sums, uint32(n))
		} else {
			sums = binary.LittleEndian.AppendUint64(sums, n)
		}
	}
	out = binary.LittleEndian.AppendUint32(out, crc32c.Mask(crc32c.Checksum(sums)))
	return string(out) + rest
}

var hostileCases = []hostileCase{
	{"dimension 2^40, size of 16 bytes", withShape(1 << 40), tfkeep.ErrCorrupt, "do not fit float32", "w"},
	{"dimension 2^40, size to match", changeEntry(func(w *bundleEntry) { w.shape, w.size = []int64{1 << 40}, 1<<42 }), tfkeep.ErrCorrupt, "leave the file", "w"},
	{"dimensions 2^62 × 2^62", withShape(1<<62, 1<<62), tfkeep.ErrCorrupt, "impossible", "w"},
	{"2^62 elements of 4 bytes", withShape(1 << 62), tfkeep.ErrCorrupt, "do not fit", "w"},
	{"dimensions that wrap to 4", withShape(1<<32, 1<<32, 4), tfkeep.ErrCorrupt, "impossible", "w"},
	{"dimension -1", withShape(-1), tfkeep.ErrCorrupt, "impossible", "w"},
	{"dimensions -4 and -1", withShape(-4, -1), tfkeep.ErrCorrupt, "impossible", "w"},
	{"dimensions -1 and 0", withShape(-1, 0), tfkeep.ErrCorrupt, "impossible", "w"},
	{"300 dimensions", withShape(make([]int64, 300)...), tfkeep.ErrCorrupt, "more than 254 dimensions", "w"},
	{"unknown rank", withRawEntry("\x08\x01\x12\x02\x18\x01\x28\x10"), tfkeep.ErrCorrupt, "no rank", "w"},
	{"type 0", changeEntry(func(w *bundleEntry) { w.dtype = 0 }), tfkeep.ErrCorrupt, "0 is not a data type", "w"},
	{"type 999", changeEntry(func(w *bundleEntry) { w.dtype = 999 }), tfkeep.ErrCorrupt, "999 is not a data type", "w"},
	{"type -1", changeEntry(func(w *bundleEntry) { w.dtype = -1 }), tfkeep.ErrCorrupt, "-1 is not a data type", "w"},
	{"type of a reference", changeEntry(func(w *bundleEntry) { w.dtype = 101 }), tfkeep.ErrCorrupt, "101 is not a data type", "w"},
	{"type of 2^32 and more", withRawEntry("\x08" + varint(1<<32+1)), tfkeep.ErrCorrupt, "does not fit 32 bits", "w"},
	{"type of the future", changeEntry(func(w *bundleEntry) { w.dtype = 60 }), tfkeep.ErrUnsupported, "dtype(60)", "w"},
	{"variant", changeEntry(func(w *bundleEntry) { w.dtype = dtype.Variant }), tfkeep.ErrCorrupt, "16 bytes cannot hold 4 variants", "w"},
	{"resource", changeEntry(func(w *bundleEntry) { w.dtype = dtype.Resource }), tfkeep.ErrUnsupported, "resource", "w"},
	{"variants that cannot fit", changeEntry(func(w *bundleEntry) { w.dtype, w.shape = dtype.Variant, []int64{1 << 50} }), tfkeep.ErrCorrupt, "cannot hold", "w"},

	{"entry empty", withRawEntry(""), tfkeep.ErrCorrupt, "0 is not a data type", "w"},
	{"entry of garbage", withRawEntry("\xff\xff\xff"), tfkeep.ErrCorrupt, "does not decode", "w"},
	{"entry cut off", withRawEntry("\x08\x01\x12\x05\x12"), tfkeep.ErrCorrupt, "does not decode", "w"},
	{"entry with a group left open", withRawEntry("\x0b\x08\x01"), tfkeep.ErrCorrupt, "does not decode", "w"},
	{"entry with field 0", withRawEntry("\x00\x01"), tfkeep.ErrCorrupt, "does not decode", "w"},
	{"type of wire type 2", withRawEntry("\x0a\x01\x01"), tfkeep.ErrCorrupt, "field 1 has wire type 2", "w"},
	{"shape of wire type 0", withRawEntry("\x10\x01"), tfkeep.ErrCorrupt, "field 2 has wire type 0", "w"},
	{"dimension of wire type 0", withRawEntry("\x12\x02\x10\x01"), tfkeep.ErrCorrupt, "field 2 has wire type 0", "w"},
	{"size of a dimension of wire type 5", withRawEntry("\x12\x07\x12\x05\x0d\x01\x01\x01\x01"), tfkeep.ErrCorrupt, "field 1 has wire type 5", "w"},
	{"shard of wire type 5", withRawEntry("\x1d\x01\x01\x01\x01"), tfkeep.ErrCorrupt, "field 3 has wire type 5", "w"},
	{"checksum of wire type 0", withRawEntry("\x30\x01"), tfkeep.ErrCorrupt, "field 6 has wire type 0", "w"},
	{"slice of wire type 0", withRawEntry("\x38\x01"), tfkeep.ErrCorrupt, "field 7 has wire type 0", "w"},
	{"extent of wire type 0", withRawEntry("\x3a\x02\x08\x01"), tfkeep.ErrCorrupt, "field 1 has wire type 0", "w"},
	{"slice of 300 dimensions", withRawEntry("\x3a" + varint(600) + strings.Repeat("\x0a\x00", 300)), tfkeep.ErrCorrupt, "slice has more than 254 dimensions", "w"},

	{"offset behind the end", changeEntry(func(w *bundleEntry) { w.offset = 1000 }), tfkeep.ErrCorrupt, "leave the file", "w"},
	{"offset of the last byte", changeEntry(func(w *bundleEntry) { w.offset = 1 }), tfkeep.ErrCorrupt, "leave the file", "w"},
	{"offset negative", changeEntry(func(w *bundleEntry) { w.offset = -8 }), tfkeep.ErrCorrupt, "offset -8", "w"},
	{"offset 2^63-8", changeEntry(func(w *bundleEntry) { w.offset = math.MaxInt64 - 7 }), tfkeep.ErrCorrupt, "are impossible", "w"},
	{"offset 2^62", changeEntry(func(w *bundleEntry) { w.offset = 1 << 62 }), tfkeep.ErrCorrupt, "leave the file", "w"},
	{"size negative", changeEntry(func(w *bundleEntry) { w.size = -16 }), tfkeep.ErrCorrupt, "size -16", "w"},
	{"size too small", changeEntry(func(w *bundleEntry) { w.size = 12 }), tfkeep.ErrCorrupt, "12 bytes do not fit", "w"},
	{"size too large", changeEntry(func(w *bundleEntry) { w.size = 20 }), tfkeep.ErrCorrupt, "20 bytes do not fit", "w"},
	{"size zero", changeEntry(func(w *bundleEntry) { w.size = 0 }), tfkeep.ErrCorrupt, "0 bytes do not fit", "w"},
	{"checksum of other bytes", changeEntry(func(w *bundleEntry) { w.crc ^= 1 }), tfkeep.ErrCorrupt, "checksum", "w"},
	{"checksum missing", changeEntry(func(w *bundleEntry) { w.crc = 0 }), tfkeep.ErrCorrupt, "checksum", "w"},
	{"checksum of an empty tensor", changeEntry(func(w *bundleEntry) { w.shape, w.size = []int64{0}, 0 }), tfkeep.ErrCorrupt, "checksum of an empty tensor", "w"},
	{"shard 7 of 1", changeEntry(func(w *bundleEntry) { w.shard = 7 }), tfkeep.ErrCorrupt, "shard 7 of 1", "w"},
	{"shard -1", changeEntry(func(w *bundleEntry) { w.shard = -1 }), tfkeep.ErrCorrupt, "shard -1 of 1", "w"},
	{"shard that is 0 in 32 bits", withRawEntry("\x08\x01\x18" + varint(1<<32)), tfkeep.ErrCorrupt, "does not fit 32 bits", "w"},

	{"no header", withRawHeader("-"), tfkeep.ErrCorrupt, "header is missing", ""},
	{"header alone is missing", func(c *crafted, _ *bundleEntry) { c.index = tabletest.Table{}.Bytes() }, tfkeep.ErrCorrupt, "the index is empty", ""},
	{"header of garbage", withRawHeader("\xff"), tfkeep.ErrCorrupt, "header", ""},
	{"header empty", withRawHeader(""), tfkeep.ErrCorrupt, "0 data shards", ""},
	{"header with shards of wire type 2", withRawHeader("\x0a\x01\x01"), tfkeep.ErrCorrupt, "field 1 has wire type 2", ""},
	{"header with versions of wire type 0", withRawHeader("\x08\x01\x18\x01"), tfkeep.ErrCorrupt, "field 3 has wire type 0", ""},
	{"header with bad consumers cut off", withRawHeader("\x08\x01\x1a\x03\x1a\x01\xff"), tfkeep.ErrCorrupt, "does not decode", ""},
	{"2^31-1 shards", withHeader(wire.BundleHeader{NumShards: math.MaxInt32}), tfkeep.ErrNotFound, "of-2147483647", "w"},
	{"-1 shards", withHeader(wire.BundleHeader{NumShards: -1}), tfkeep.ErrCorrupt, "-1 data shards", ""},
	{"no shards", withHeader(wire.BundleHeader{}), tfkeep.ErrCorrupt, "0 data shards", ""},
	{"endianness 7", withRawHeader("\x08\x01\x10\x07"), tfkeep.ErrCorrupt, "endianness 7", ""},
	{"endianness of wire type 2", withRawHeader("\x08\x01\x12\x01\x01"), tfkeep.ErrCorrupt, "field 2 has wire type 2", ""},
	{"minimal consumer 2", withHeader(wire.BundleHeader{NumShards: 1, Versions: wire.Versions{Producer: 1, MinConsumer: 2}}), tfkeep.ErrUnsupported, "Checkpoint min consumer version 2 above current version 1 for TensorFlow", ""},
	{"producer -1", withHeader(wire.BundleHeader{NumShards: 1, Versions: wire.Versions{Producer: -1}}), tfkeep.ErrUnsupported, "Checkpoint producer version -1 below min producer 0 supported by TensorFlow", ""},
	{"bad consumer 1", withHeader(wire.BundleHeader{NumShards: 1, Versions: wire.Versions{Producer: 1, BadConsumers: []int32{5, 1}}}), tfkeep.ErrUnsupported, "Checkpoint disallows consumer version 1.  Please upgrade TensorFlow: this version is likely buggy.", ""},
	{"bad consumer 1, not packed", withRawHeader("\x08\x01\x1a\x02\x18\x01"), tfkeep.ErrUnsupported, "disallows consumer version 1", ""},

	{"2^28 strings in 16 bytes", stringData(1<<28, strings.Repeat("\x00", 16)), tfkeep.ErrCorrupt, "16 bytes cannot hold 268435456 strings", "s"},
	{"2^62 strings", stringData(1<<62, "\x00\x00\x00\x00\x00"), tfkeep.ErrCorrupt, "cannot hold", "s"},
	{"strings in 3 bytes", stringData(1, "\x00\x00\x00"), tfkeep.ErrCorrupt, "cannot hold", "s"},
	{"string of 2^34 bytes", stringData(1, checksummedLengths("x", 1<<34)), tfkeep.ErrCorrupt, "leaves the tensor", "s"},
	{"string of 2^40 bytes", stringData(1, checksummedLengths("x", 1<<40)), tfkeep.ErrCorrupt, "leaves the tensor", "s"},
	{"string of 2^63 bytes", stringData(1, checksummedLengths("x", 1<<63)), tfkeep.ErrCorrupt, "leaves the tensor", "s"},
	{"string of 2^64-1 bytes", stringData(1, checksummedLengths("x", math.MaxUint64)), tfkeep.ErrCorrupt, "leaves the tensor", "s"},
	{"strings that wrap together", stringData(2, checksummedLengths("x", 2, math.MaxUint64)), tfkeep.ErrCorrupt, "leaves the tensor", "s"},
	{"strings longer than the tensor", stringData(2, checksummedLengths("xyz", 2, 2)), tfkeep.ErrCorrupt, "take 10 bytes, the tensor has 9", "s"},
	{"strings shorter than the tensor", stringData(2, checksummedLengths("xyz", 1, 1)), tfkeep.ErrCorrupt, "take 8 bytes, the tensor has 9", "s"},
	{"no room for the lengths' checksum", stringData(2, "\x01\x01abcd"), tfkeep.ErrCorrupt, "take 8 bytes, the tensor has 6", "s"},
	{"string length cut off", stringData(1, "\xff\xff\xff\xff\xff"), tfkeep.ErrCorrupt, "does not decode", "s"},
	{"string length of 11 bytes", stringData(1, strings.Repeat("\xff", 11)+"\x00\x00\x00\x00"), tfkeep.ErrCorrupt, "does not decode", "s"},
	{"lengths' checksum false", stringData(1, "\x01\x00\x00\x00\x00x"), tfkeep.ErrCorrupt, "checksum of the strings' lengths", "s"},
	{"strings' checksum false", func(c *crafted, _ *bundleEntry) {
		e := c.addStrings("s", []int64{2}, "ab", "c")
		e.crc ^= 1
		c.set("s", e)
	}, tfkeep.ErrCorrupt, "the checksum of its", "s"},
	{"no strings, false checksum", func(c *crafted, _ *bundleEntry) {
		c.set("s", &bundleEntry{dtype: dtype.String, shape: []int64{0}, crc: 5})
	}, tfkeep.ErrCorrupt, "checksum", "s"},
	{"no strings, bytes all the same", stringData(0, checksummedLengths("x")), tfkeep.ErrCorrupt, "0 strings take 4 bytes, the tensor has 5", "s"},

	{"slices that overlap", sliced(func(*crafted, *bundleEntry) {}, firstPart, Slice{{1, 3}, {0, FullExtent}}), tfkeep.ErrCorrupt, "overlap", "p"},
	{"slices that overlap in as many elements as a gap has", sliced(func(*crafted, *bundleEntry) {}, firstPart, Slice{{1, 2}, {0, FullExtent}}), tfkeep.ErrCorrupt, "overlap", "p"},
	{"one slice twice", sliced(func(*crafted, *bundleEntry) {}, firstPart, firstPart), tfkeep.ErrCorrupt, "overlap", "p"},
	{"slices with a gap", sliced(func(*crafted, *bundleEntry) {}, firstPart, Slice{{3, 1}, {0, FullExtent}}), tfkeep.ErrCorrupt, "do not cover", "p"},
	{"slice out of the shape", sliced(func(_ *crafted, p *bundleEntry) { p.shape = []int64{3, 4} }), tfkeep.ErrCorrupt, "does not lie in the shape", "p"},
	{"slice of another rank", sliced(func(_ *crafted, p *bundleEntry) { p.shape = []int64{16} }), tfkeep.ErrCorrupt, "does not lie in the shape", "p"},
	{"slice starts at -1", sliced(func(_ *crafted, p *bundleEntry) { p.slices[0] = Slice{{-1, 2}, {0, FullExtent}} }), tfkeep.ErrCorrupt, "does not lie in the shape", "p"},
	{"slice of length -4", sliced(func(_ *crafted, p *bundleEntry) { p.slices[0] = Slice{{0, -4}, {0, FullExtent}} }), tfkeep.ErrCorrupt, "does not lie in the shape", "p"},
	{"slice that wraps", sliced(func(_ *crafted, p *bundleEntry) { p.slices[0] = Slice{{4, math.MaxInt64}, {0, FullExtent}} }), tfkeep.ErrCorrupt, "does not lie in the shape", "p"},
	{"slice missing", sliced(func(c *crafted, _ *bundleEntry) { delete(c.entries, sliceKey("p", firstPart)) }), tfkeep.ErrCorrupt, "slice 0,2:- is missing", "p"},
	{"slice that nobody lists", sliced(func(_ *crafted, p *bundleEntry) { p.slices = p.slices[:1] }), tfkeep.ErrCorrupt, "1 stored slices belong to no tensor", ""},
	{"tensor of slices missing", func(c *crafted, _ *bundleEntry) { c.addPartitioned("p", firstPart); delete(c.entries, "p") }, tfkeep.ErrCorrupt, "belong to no tensor", ""},
	{"slice of another type", sliced(func(c *crafted, _ *bundleEntry) {
		c.set(sliceKey("p", firstPart), &bundleEntry{dtype: dtype.Int32, shape: []int64{2, 4}, size: 32})
	}), tfkeep.ErrCorrupt, "is of int32, the tensor of float32", "p"},
	{"slice smaller than it should be", sliced(func(c *crafted, _ *bundleEntry) {
		c.set(sliceKey("p", firstPart), &bundleEntry{dtype: dtype.Float32, shape: []int64{1, 4}, size: 16})
	}), tfkeep.ErrCorrupt, "is stored with shape [1 4]", "p"},
	{"slice of another rank than its entry", sliced(func(c *crafted, _ *bundleEntry) {
		c.set(sliceKey("p", firstPart), &bundleEntry{dtype: dtype.Float32, shape: []int64{8}, size: 32})
	}), tfkeep.ErrCorrupt, "is stored with shape [8]", "p"},
	{"slice whose size is not its shape's", sliced(func(c *crafted, _ *bundleEntry) {
		c.set(sliceKey("p", firstPart), &bundleEntry{dtype: dtype.Float32, shape: []int64{2, 4}, size: 8})
	}), tfkeep.ErrCorrupt, "8 bytes do not fit", sliceKey("p", firstPart)},
	{"slice that has slices", sliced(func(c *crafted, _ *bundleEntry) {
		c.set(sliceKey("p", firstPart), &bundleEntry{dtype: dtype.Float32, shape: []int64{2, 4}, slices: []Slice{firstPart}})
	}), tfkeep.ErrCorrupt, "a slice has slices", sliceKey("p", firstPart)},
	{"slices that share bytes", sliced(func(c *crafted, p *bundleEntry) {
		c.data[0] = c.data[0][:16]
		for i, s := range p.slices {
			box, _ := s.resolve(p.shape)
			c.set(sliceKey("p", p.slices[i]), &bundleEntry{dtype: dtype.Float32, shape: box.lengths(), size: 16, crc: crc32c.Mask(crc32c.Checksum(c.data[0]))})
		}
	}, Slice{{0, 1}, {0, FullExtent}}, Slice{{1, 1}, {0, FullExtent}}, Slice{{2, 1}, {0, FullExtent}}, Slice{{3, 1}, {0, FullExtent}}), tfkeep.ErrCorrupt, "share bytes", "p"},
	{"slices of a scalar", func(c *crafted, _ *bundleEntry) {
		c.add(sliceKey("p", Slice{}), dtype.Float32, nil, appendFloats(nil, 1))
		c.set("p", &bundleEntry{dtype: dtype.Float32, slices: []Slice{{}, {}}})
	}, tfkeep.ErrCorrupt, "overlap", "p"},
	{"slices of 2^62 elements", func(c *crafted, _ *bundleEntry) {
		s := Slice{{0, 1 << 61}}
		c.set(sliceKey("p", s), &bundleEntry{dtype: dtype.Float32, shape: []int64{1 << 61}, size: 1 << 62})
		c.set("p", &bundleEntry{dtype: dtype.Float32, shape: []int64{1 << 62}, slices: []Slice{s}})
	}, tfkeep.ErrCorrupt, "do not fit", sliceKey("p", Slice{{0, 1 << 61}})},
	{"full slice whose entry is false", func(c *crafted, _ *bundleEntry) {
		c.set("p", &bundleEntry{dtype: dtype.Float32, shape: []int64{4}, size: 12, slices: []Slice{fullSlice(1)}})
	}, tfkeep.ErrCorrupt, "12 bytes do not fit", "p"},

	{"data file missing", func(c *crafted, _ *bundleEntry) { delete(c.data, 0) }, tfkeep.ErrNotFound, "data-00000-of-00001", "w"},
	{"data file empty", func(c *crafted, _ *bundleEntry) { c.data[0] = nil }, tfkeep.ErrCorrupt, "cut short", "w"},
	{"index empty", func(c *crafted, _ *bundleEntry) { c.index = []byte{} }, tfkeep.ErrCorrupt, "too few", ""},
	{"index of text", func(c *crafted, _ *bundleEntry) { c.index = bytes.Repeat([]byte("text\n"), 50) }, tfkeep.ErrCorrupt, "magic", ""},
	{"index with a key twice", func(c *crafted, w *bundleEntry) {
		v := string(w.encode(nil))
		c.index = tabletest.Table{Data: []tabletest.Block{tabletest.Entries(tabletest.Pair("", c.header), tabletest.Pair("w", v), tabletest.Pair("w", v))}}.Bytes()
	}, tfkeep.ErrCorrupt, "does not sort after", ""},
	{"index out of order", func(c *crafted, w *bundleEntry) {
		v := string(w.encode(nil))
		c.index = tabletest.Table{Data: []tabletest.Block{tabletest.Entries(tabletest.Pair("", c.header), tabletest.Pair("x", v), tabletest.Pair("w", v))}}.Bytes()
	}, tfkeep.ErrCorrupt, "does not sort after", ""},
	{"index compressed by nobody knows what", func(c *crafted, _ *bundleEntry) {
		c.index = tabletest.Table{Data: []tabletest.Block{{Type: 7}}}.Bytes()
	}, tfkeep.ErrUnsupported, "compression type 7", ""},
}

func TestHostileCheckpointsAreErrors(t *testing.T) {
	for _, c := range hostileCases {
		t.Run(c.name, func(t *testing.T) {
			craft := newCrafted()
			w := craft.add("w", dtype.Float32, []int64{4}, appendFloats(nil, 1, 2, 3, 4))
			c.make(craft, w)
			if _, changed := craft.entries["w"]; changed && w.shape != nil {
				craft.set("w", w)
			}
			prefix := craft.write(t)
			for _, o := range []*ReaderOptions{nil, {Strict: true}} {
				requireCheap(t, prefix, func() {
					_, err := readWholeCheckpoint(prefix, o)
					requireError(t, err, c.kind)
					if o == nil {
						require.Contains(t, err.Error(), c.want)
						var e *tfkeep.Error
						errors.As(err, &e)
						require.Equal(t, c.names, e.Name)
					}
				})
			}
		})
	}
}

// requireError checks that an error is a tfkeep.Error, names a file and has the kind.
func requireError(t *testing.T, err, kind error) {
	t.Helper()
	var e *tfkeep.Error
	require.ErrorAs(t, err, &e)
	require.ErrorIs(t, err, kind)
	require.NotEmpty(t, e.Path)
	require.True(t, strings.HasPrefix(err.Error(), e.Op+" "+e.Path), err)
}

// These look unusual, but TensorFlow reads them.
func TestUnusualCheckpointsAreRead(t *testing.T) {
	t.Parallel()
	floats := appendFloats(nil, 1, 2, 3, 4)
	for _, c := range []struct {
		name string
		make func(c *crafted, w *bundleEntry)
		want []byte
	}{
		{"producer 99", withHeader(wire.BundleHeader{NumShards: 1, Versions: wire.Versions{Producer: 99}}), floats},
		{"bad consumers that are not ours", withHeader(wire.BundleHeader{NumShards: 1, Versions: wire.Versions{BadConsumers: []int32{0, 2, 3}}}), floats},
		{"no versions", withRawHeader("\x08\x01"), floats},
		{"unknown fields", func(c *crafted, w *bundleEntry) {
			c.header += "\x7a\x03abc"
			c.entries["w"] = string(protowire.AppendVarint(protowire.AppendTag(w.encode(nil), 30, protowire.VarintType), 7))
			w.shape = nil
		}, floats},
		{"a dimension with a name", withRawEntry("\x08\x01\x12\x07\x12\x05\x08\x04\x12\x01n\x28\x10\x35" + fixed32(crc32c.Mask(crc32c.Checksum(floats)))), floats},
		{"254 dimensions", changeEntry(func(w *bundleEntry) {
			w.shape = append(bytesToInts(bytes.Repeat([]byte{1}, 253)), 4)
		}), floats},
		{"only the second of two shards", func(c *crafted, w *bundleEntry) {
			withHeader(wire.BundleHeader{NumShards: 2})(c, w)
			w.shard, c.numShards = 1, 2
			c.data = map[int][]byte{1: c.data[0]}
		}, floats},
		{"a full slice in the list", changeEntry(func(w *bundleEntry) { w.slices = []Slice{fullSlice(1)} }), floats},
		{"big-endian", withHeader(wire.BundleHeader{NumShards: 1, BigEndian: true}), []byte{0x3f, 0x80, 0, 0, 0x40, 0, 0, 0, 0x40, 0x40, 0, 0, 0x40, 0x80, 0, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			craft := newCrafted()
			w := craft.add("w", dtype.Float32, []int64{4}, floats)
			c.make(craft, w)
			if w.shape != nil {
				craft.set("w", w)
			}
			values, err := readWholeCheckpoint(craft.write(t), nil)
			require.NoError(t, err)
			assert.Equal(t, map[string]any{"w": c.want}, values)
		})
	}
}

func fixed32(v uint32) string { return string(binary.LittleEndian.AppendUint32(nil, v)) }

func bytesToInts(b []byte) (out []int64) {
	for _, c := range b {
		out = append(out, int64(c))
	}
	return out
}

// Strict mode refuses bytes in a data file that belong to no tensor.
func TestStrictRefusesUnownedBytes(t *testing.T) {
	t.Parallel()
	good := func(c *crafted) {
		c.add("a", dtype.Float32, []int64{1}, appendFloats(nil, 1))
		c.data[0] = append(c.data[0], 0, 0, 0, 0)
		c.add("b", dtype.Float32, []int64{1}, appendFloats(nil, 2))
		c.add("empty", dtype.Float32, []int64{0}, nil)
	}
	for _, c := range []struct {
		name, want string
		make       func(c *crafted)
	}{
		{"nothing", "", func(*crafted) {}},
		{"bytes behind the last", "belongs to no tensor", func(c *crafted) { c.data[0] = append(c.data[0], 0) }},
		{"a byte between two", "byte between tensors", func(c *crafted) { c.data[0][6] = 1 }},
		{"bytes that two share", "shares bytes", func(c *crafted) { c.entries["c"] = c.entries["a"] }},
		{"slices with a gap", "leave gaps", func(c *crafted) { c.addPartitioned("p", firstPart) }},
		{"a missing file", "not found", func(c *crafted) { delete(c.data, 0) }},
		{"a file cut short", "cut short", func(c *crafted) { c.data[0] = c.data[0][:10] }},
	} {
		t.Run(c.name, func(t *testing.T) {
			craft := newCrafted()
			good(craft)
			c.make(craft)
			prefix := craft.write(t)
			r, err := Open(context.Background(), prefix, nil)
			require.NoError(t, err)
			require.NoError(t, r.Close())
			r, err = Open(context.Background(), prefix, &ReaderOptions{Strict: true})
			if c.want == "" {
				require.NoError(t, err)
				require.NoError(t, r.Close())
				return
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}

// A small index can have long names: each shares all bytes except one with the name
// before it.
func TestIndexBeyondMemoryLimit(t *testing.T) {
	craft := newCrafted()
	w := craft.add("w", dtype.Float32, nil, appendFloats(nil, 1))
	b := tabletest.Block{Entries: tabletest.Entry(0, "", craft.header)}
	for i := range 40000 {
		b.Entries = append(b.Entries, tabletest.Entry(i, "k", string(w.encode(nil)))...)
	}
	craft.index = tabletest.Table{Data: []tabletest.Block{b}}.Bytes()
	prefix := craft.write(t)
	requireCheap(t, prefix, func() {
		_, err := Open(context.Background(), prefix, nil)
		requireError(t, err, tfkeep.ErrUnsupported)
		require.ErrorContains(t, err, "MemoryLimit")
	})
	r, err := Open(context.Background(), prefix, &ReaderOptions{MemoryLimit: 2 << 30})
	require.NoError(t, err)
	assert.Len(t, slices.Collect(r.Tensors()), 40000)
	require.NoError(t, r.Close())
}

// There can be so many slices of a tensor that it would take hours to compare all
// pairs.
func TestTangledSlicesAreRefused(t *testing.T) {
	craft := newCrafted()
	const n = 7000
	p := &bundleEntry{dtype: dtype.Uint8, shape: []int64{n, n}}
	for i := range int64(n) {
		// Squares on a diagonal: each shares rows and columns with only one other.
		s := Slice{{0, n - i}, {i, 1}}
		p.slices = append(p.slices, s)
		craft.set(sliceKey("p", s), &bundleEntry{dtype: dtype.Uint8, shape: []int64{n - i, 1}, size: n - i})
	}
	craft.set("p", p)
	prefix := craft.write(t)
	requireCheap(t, prefix, func() {
		r, err := Open(context.Background(), prefix, nil)
		require.NoError(t, err)
		require.NoError(t, r.Close())
	})
	boxes := make([]Slice, n)
	for i := range boxes {
		i := int64(i)
		boxes[i] = Slice{{i, 2 * n}, {(i * 7919) % n, 1}}
	}
	require.ErrorContains(t, checkDisjoint(boxes), "tangled")
}

func TestErrorTellsWhere(t *testing.T) {
	t.Parallel()
	err := atOffset(12, &tfkeep.Error{Op: "read", Path: "f.index", Item: "tensor", Name: "w", Err: tfkeep.ErrCorrupt, Detail: "why"})
	assert.Equal(t, `read f.index: tensor "w": corrupt: offset 12: why`, err.Error())
	require.ErrorIs(t, err, tfkeep.ErrCorrupt)
	assert.Equal(t, int64(12), offsetOf(err))
	assert.Equal(t, int64(-1), offsetOf(&tfkeep.Error{Op: "slice", Err: tfkeep.ErrMismatch}))
}
