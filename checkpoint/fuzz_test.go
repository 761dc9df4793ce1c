package checkpoint

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/internal/wire"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/table"
)

// fuzzOptions skip the checksums, so that mutations reach the code behind them.
var fuzzOptions = &ReaderOptions{SkipChecksums: true, MemoryLimit: 16 << 20, Workers: 1}

// readEveryWay reads all tensors of a Reader with each of its methods, and requires
// that the methods agree.
func readEveryWay(t *testing.T, r *Reader) {
	ctx := context.Background()
	for info := range r.Tensors() {
		if info.DType == dtype.String {
			elems, err := r.ReadStrings(ctx, info.Name, nil)
			if n, _ := dtype.NumElements(info.Shape); err == nil {
				require.EqualValues(t, n, len(elems))
			}
			continue
		}
		whole, err := r.ReadBytes(ctx, info.Name, nil)
		if err != nil {
			requireError(t, err, kindOf(err))
			continue
		}
		require.EqualValues(t, info.Bytes, len(whole))
		f, err := r.OpenTensor(ctx, info.Name, nil)
		require.NoError(t, err)
		streamed, err := io.ReadAll(f)
		require.NoError(t, err)
		require.True(t, bytes.Equal(whole, streamed))
		s := make(Slice, len(info.Shape))
		for i, d := range info.Shape {
			s[i] = Extent{d / 3, (d + 1) / 2}
		}
		if len(whole) > 0 {
			part, err := r.ReadBytes(ctx, info.Name, s)
			require.NoError(t, err)
			require.EqualValues(t, s.volume()*int64(dtype.Size(info.DType)), len(part))
		}
	}
}

// FuzzBundle mutates the records of a V2 checkpoint: the header, a tensor's
// entry, the entry of each slice it lists, and the data.
func FuzzBundle(f *testing.F) {
	seed := smallCheckpoint()
	part := sliceKey("part", Slice{{0, 2}, {0, FullExtent}})
	for key, entry := range seed.entries {
		if !strings.HasPrefix(key, "\x00") {
			f.Add([]byte(seed.header), []byte(entry), []byte(seed.entries[part]), seed.data[0])
		}
	}
	big := wire.BundleHeader{NumShards: 1, BigEndian: true}
	f.Add(big.Encode(), []byte(seed.entries["dense/kernel"]), []byte{}, seed.data[0])
	f.Fuzz(func(t *testing.T, header, whole, part, data []byte) {
		craft := newCrafted()
		craft.header, craft.entries["w"], craft.data[0] = string(header), string(whole), data
		if e, _, err := decodeBundleEntry(whole, nil); err == nil {
			for _, s := range e.slices {
				craft.entries[sliceKey("w", s)] = string(part)
			}
		}
		fsys := fstest.MapFS{"m.index": {Data: craft.indexBytes(t)}, "m.data-00000-of-00001": {Data: data}}
		r, err := openFS(fsys, "m", fuzzOptions)
		if err != nil {
			requireError(t, err, kindOf(err))
			return
		}
		defer r.Close()
		require.NotEmpty(t, slices.Collect(r.Tensors()))
		readEveryWay(t, r)
	})
}

// FuzzV1 mutates the records of a V1 checkpoint: its table of contents, and the values
// of each slice in that.
func FuzzV1(f *testing.F) {
	file := smallV1Checkpoint(f)["m"]
	tab, err := table.NewReader(bytes.NewReader(file), int64(len(file)), nil)
	require.NoError(f, err)
	var contents []byte
	for e, err := range tab.All() {
		require.NoError(f, err)
		if len(e.Key) == 0 {
			contents = bytes.Clone(e.Value)
		} else {
			f.Add(contents, bytes.Clone(e.Value))
		}
	}
	// Values of other types, packed and not.
	for _, dt := range []dtype.DataType{dtype.Float64, dtype.Complex64, dtype.Int64, dtype.Bool, dtype.Float16, dtype.Uint8} {
		field, wire := tensorField(dt)
		meta := protoField(1, protoField(1, append(append(protoField(1, []byte("v")), protoField(2, protoField(2, []byte{8, 2}))...),
			append([]byte{0x18, byte(dt)}, protoField(4, protoField(1, nil))...)...)))
		one := protowire.AppendTag(nil, field, wire)
		one = append(one, appendElement(nil, wire, 1)...)
		packed := protoField(field, append(appendElement(nil, wire, 0), appendElement(nil, wire, 1)...))
		for _, values := range [][]byte{append(one, one...), packed} {
			record := protoField(2, append(append(protoField(1, []byte("v")), protoField(2, protoField(1, nil))...), protoField(3, values)...))
			f.Add(meta, record)
		}
	}
	f.Fuzz(func(t *testing.T, contents, record []byte) {
		var out bytes.Buffer
		w := table.NewWriter(&out, nil)
		require.NoError(t, w.Add(nil, contents))
		for _, key := range listedKeys(contents) {
			_ = w.Add([]byte(key), record)
		}
		_ = w.Close()
		r, err := openFS(fstest.MapFS{"m": {Data: out.Bytes()}}, "m", fuzzOptions)
		if err != nil {
			requireError(t, err, kindOf(err))
			return
		}
		defer r.Close()
		readEveryWay(t, r)
	})
}

func protoField(number protowire.Number, body []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), body)
}

// listedKeys returns the keys of the slices in a table of contents, sorted.
func listedKeys(contents []byte) []string {
	v := &v1Files{opts: *fuzzOptions}
	known := map[string]*TensorInfo{}
	var empty bytes.Buffer
	w := table.NewWriter(&empty, nil)
	_ = w.Close()
	tab, _ := table.NewReader(bytes.NewReader(empty.Bytes()), int64(empty.Len()), nil)
	v.tables = []*v1Table{{in: &input{}, table: tab}}
	_ = wire.Each(contents, func(f wire.Field) error {
		return f.Message(func(f wire.Field) error {
			if f.Number == 1 {
				return v.addMeta(f, 0, known)
			}
			return nil
		})
	})
	keys := map[string]bool{}
	for _, t := range known {
		for _, s := range t.Slices {
			keys[sliceKey(t.Name, s.Slice)] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// FuzzStrings mutates the bytes of a string tensor.
func FuzzStrings(f *testing.F) {
	f.Add(encodeStrings(binary.LittleEndian, "a", "", "bcd"), uint16(3), false)
	f.Add(encodeStrings(binary.BigEndian, "a", "", "bcd"), uint16(3), true)
	f.Add(encodeStrings(binary.LittleEndian, strings.Repeat("x", 300)), uint16(1), false)
	f.Add([]byte(checksummedLengths("x", 1<<40)), uint16(1), false)
	f.Add([]byte{}, uint16(0), false)
	f.Fuzz(func(t *testing.T, data []byte, count uint16, big bool) {
		for _, skip := range []bool{false, true} {
			b := &bundle{bigEndian: big, opts: ReaderOptions{SkipChecksums: skip}}
			p := &bundlePart{b: b, in: &input{ReaderAt: bytes.NewReader(data), size: int64(len(data)), path: "data"},
				t: &TensorInfo{Name: "s", DType: dtype.String}, place: SliceInfo{Bytes: int64(len(data))}, count: int64(count)}
			elems, err := p.strings(context.Background())
			if err != nil {
				requireError(t, err, tfkeep.ErrCorrupt)
				continue
			}
			require.Len(t, elems, int(count))
			total := 0
			for _, s := range elems {
				total += len(s)
			}
			require.LessOrEqual(t, total, len(data))
		}
	})
}
