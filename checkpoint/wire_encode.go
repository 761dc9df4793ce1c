package checkpoint

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tfkeep/tfkeep/checkpoint/internal/wire"
	"github.com/tfkeep/tfkeep/dtype"
)

// The encoding is that of TensorFlow; see package wire.

// bundleEntry is a BundleEntryProto: it says where the bytes of a tensor are. If it has
// slices, the bytes are under the keys of these.
type bundleEntry struct {
	dtype  dtype.DataType
	shape  []int64
	shard  int
	offset int64
	size   int64
	crc    uint32 // masked; 0 for an entry that has slices
	slices []Slice
}

func (e *bundleEntry) encode(b []byte) []byte {
	b = wire.AppendVarint(b, 1, uint64(e.dtype))
	b = wire.AppendMessage(b, 2, func(b []byte) []byte { return appendShape(b, e.shape) })
	b = wire.AppendVarint(b, 3, uint64(e.shard))
	b = wire.AppendVarint(b, 4, uint64(e.offset))
	b = wire.AppendVarint(b, 5, uint64(e.size))
	if e.crc != 0 {
		b = protowire.AppendTag(b, 6, protowire.Fixed32Type)
		b = protowire.AppendFixed32(b, e.crc)
	}
	for _, s := range e.slices {
		b = wire.AppendMessage(b, 7, func(b []byte) []byte { return appendSlice(b, s) })
	}
	return b
}

// appendShape appends a TensorShapeProto.
func appendShape(b []byte, shape []int64) []byte {
	for _, d := range shape {
		b = wire.AppendMessage(b, 2, func(b []byte) []byte { return wire.AppendVarint(b, 1, uint64(d)) })
	}
	return b
}

// appendSlice appends a TensorSliceProto. A full extent is an empty message. A length
// is written even if it is 0, because it is in a oneof.
func appendSlice(b []byte, s Slice) []byte {
	for _, e := range s {
		b = wire.AppendMessage(b, 1, func(b []byte) []byte {
			if e.Length == FullExtent {
				return b
			}
			b = wire.AppendVarint(b, 1, uint64(e.Start))
			b = protowire.AppendTag(b, 2, protowire.VarintType)
			return protowire.AppendVarint(b, uint64(e.Length))
		})
	}
	return b
}
