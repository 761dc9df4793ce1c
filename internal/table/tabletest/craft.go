// Package tabletest builds tables that no writer would write, with correct checksums, to
// test readers of tables.
package tabletest

import (
	"encoding/binary"

	"github.com/golang/snappy"

	"github.com/tfkeep/tfkeep/internal/crc32c"
)

// KV is a key and its value.
type KV struct{ Key, Value string }

// Pair makes a KV.
func Pair(key, value string) KV { return KV{Key: key, Value: value} }

// Block is one block before it is stored. The zero value is an empty one.
type Block struct {
	Entries  []byte   // as [Entry] makes them
	Restarts []uint32 // nil is a single restart point at 0
	Count    uint32   // of restart points, as claimed; 0 is their number
	Snappy   bool     // compress
	Type     byte     // the compression type, if it is not what Snappy says
	Stored   []byte   // in place of all above but Type
}

// Entry encodes an entry whose key is the first shared bytes of the last key
// and then key.
func Entry(shared int, key, value string) []byte {
	b := binary.AppendUvarint(nil, uint64(shared))
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(append(b, key...), value...)
}

// Entries makes a block of keys stored whole, in the order given.
func Entries(kvs ...KV) Block {
	var b Block
	for _, kv := range kvs {
		b.Restarts = append(b.Restarts, uint32(len(b.Entries)))
		b.Entries = append(b.Entries, Entry(0, kv.Key, kv.Value)...)
	}
	return b
}

// contents returns the block as stored, without its trailer.
func (b Block) contents() (stored []byte, kind byte) {
	if b.Stored != nil {
		return b.Stored, b.Type
	}
	out := append([]byte(nil), b.Entries...)
	restarts := b.Restarts
	if restarts == nil {
		restarts = []uint32{0}
	}
	for _, r := range restarts {
		out = binary.LittleEndian.AppendUint32(out, r)
	}
	count := b.Count
	if count == 0 {
		count = uint32(len(restarts))
	}
	out = binary.LittleEndian.AppendUint32(out, count)
	if b.Snappy {
		return snappy.Encode(nil, out), max(b.Type, 1)
	}
	return out, b.Type
}

// Handle encodes a block's place, as an index stores it.
func Handle(offset, size uint64) string {
	return string(binary.AppendUvarint(binary.AppendUvarint(nil, offset), size))
}

// Table describes a table to build.
type Table struct {
	Data []Block
	// Last is the index's key for each data block; nil stands for keys that
	// sort behind all others.
	Last []string
	// Meta is the metaindex, empty if nil.
	Meta *Block
	// Index makes the index block from the true entries; nil takes them as
	// they are.
	Index func(entries []KV) Block
	// Handles makes the two handles of the footer from the true ones.
	Handles func(meta, index string) (string, string)
}

// Bytes returns the file.
func (t Table) Bytes() []byte {
	var file []byte
	add := func(b Block) string {
		stored, kind := b.contents()
		handle := Handle(uint64(len(file)), uint64(len(stored)))
		file = append(append(file, stored...), kind)
		crc := crc32c.Checksum(file[len(file)-len(stored)-1:])
		file = binary.LittleEndian.AppendUint32(file, crc32c.Mask(crc))
		return handle
	}
	var entries []KV
	for i, b := range t.Data {
		last := "\xff\xff\xff\xff" + string(rune('0'+i))
		if i < len(t.Last) {
			last = t.Last[i]
		}
		entries = append(entries, Pair(last, add(b)))
	}
	if t.Meta == nil {
		t.Meta = &Block{}
	}
	meta := add(*t.Meta)
	if t.Index == nil {
		t.Index = func(entries []KV) Block { return Entries(entries...) }
	}
	index := add(t.Index(entries))
	if t.Handles != nil {
		meta, index = t.Handles(meta, index)
	}
	footer := make([]byte, 40)
	copy(footer, meta+index)
	file = append(file, footer...)
	return binary.LittleEndian.AppendUint64(file, 0xdb4775248b80fb57)
}
