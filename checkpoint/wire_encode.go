package checkpoint

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tfkeep/tfkeep/dtype"
)

// Encoding by hand is not only quicker: a protocol buffer may be serialised in
// many ways, and ours is to be TensorFlow's. That is: fields by rising number,
// and none that has its default value.

// bundleEntry is a BundleEntryProto: where a tensor's bytes are, or, when it has
// slices, that they are under the keys of these.
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
	b = appendVarintField(b, 1, uint64(e.dtype))
	b = appendMessage(b, 2, func(b []byte) []byte { return appendShape(b, e.shape) })
	b = appendVarintField(b, 3, uint64(e.shard))
	b = appendVarintField(b, 4, uint64(e.offset))
	b = appendVarintField(b, 5, uint64(e.size))
	if e.crc != 0 {
		b = protowire.AppendTag(b, 6, protowire.Fixed32Type)
		b = protowire.AppendFixed32(b, e.crc)
	}
	for _, s := range e.slices {
		b = appendMessage(b, 7, func(b []byte) []byte { return appendSlice(b, s) })
	}
	return b
}

// bundleHeader is a BundleHeaderProto, the entry of the empty key.
type bundleHeader struct {
	numShards int
	bigEndian bool
	versions  versions
}

func (h *bundleHeader) encode() []byte {
	b := appendVarintField(nil, 1, uint64(h.numShards))
	if h.bigEndian {
		b = appendVarintField(b, 2, 1)
	}
	return appendMessage(b, 3, h.versions.encode)
}

// encode appends a VersionDef.
func (v versions) encode(b []byte) []byte {
	b = appendVarintField(b, 1, uint64(v.producer))
	b = appendVarintField(b, 2, uint64(v.minConsumer))
	if len(v.badConsumers) == 0 {
		return b
	}
	return appendMessage(b, 3, func(b []byte) []byte {
		for _, c := range v.badConsumers {
			b = protowire.AppendVarint(b, uint64(c))
		}
		return b
	})
}

// appendShape appends a TensorShapeProto.
func appendShape(b []byte, shape []int64) []byte {
	for _, d := range shape {
		b = appendMessage(b, 2, func(b []byte) []byte { return appendVarintField(b, 1, uint64(d)) })
	}
	return b
}

// appendSlice appends a TensorSliceProto. A full extent is an empty message; a
// length is written even when it is 0, for it is in a oneof.
func appendSlice(b []byte, s Slice) []byte {
	for _, e := range s {
		b = appendMessage(b, 1, func(b []byte) []byte {
			if e.Length == FullExtent {
				return b
			}
			b = appendVarintField(b, 1, uint64(e.Start))
			b = protowire.AppendTag(b, 2, protowire.VarintType)
			return protowire.AppendVarint(b, uint64(e.Length))
		})
	}
	return b
}

func appendVarintField(b []byte, number protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	b = protowire.AppendTag(b, number, protowire.VarintType)
	return protowire.AppendVarint(b, v)
}

func appendBytesField(b []byte, number protowire.Number, v []byte) []byte {
	b = protowire.AppendTag(b, number, protowire.BytesType)
	return protowire.AppendBytes(b, v)
}

// appendMessage appends a nested message, empty ones too.
func appendMessage(b []byte, number protowire.Number, body func([]byte) []byte) []byte {
	return appendBytesField(b, number, body(nil))
}
