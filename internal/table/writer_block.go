package table

import "encoding/binary"

// blockBuilder lays out one block. An entry is
//
//	varint  bytes shared with the key before
//	varint  bytes of the key that are not shared
//	varint  length of the value
//	the unshared bytes of the key, then the value
//
// Every interval-th key, a restart point, shares nothing. The block ends with
// the offsets of the restart points and their number, four bytes each.
type blockBuilder struct {
	interval int
	buf      []byte
	restarts []uint32
	lastKey  []byte
	sinceKey int // entries since the last restart point
}

func (b *blockBuilder) empty() bool { return len(b.buf) == 0 }

// size returns the size of the finished block. Its first entry is a restart point.
func (b *blockBuilder) size() int { return len(b.buf) + 4*max(len(b.restarts), 1) + 4 }

func (b *blockBuilder) add(key, value []byte) {
	shared := 0
	if len(b.restarts) == 0 || b.sinceKey >= b.interval {
		b.restarts = append(b.restarts, uint32(len(b.buf)))
		b.sinceKey = 0
	} else {
		shared = commonPrefix(b.lastKey, key)
	}
	b.buf = binary.AppendUvarint(b.buf, uint64(shared))
	b.buf = binary.AppendUvarint(b.buf, uint64(len(key)-shared))
	b.buf = binary.AppendUvarint(b.buf, uint64(len(value)))
	b.buf = append(b.buf, key[shared:]...)
	b.buf = append(b.buf, value...)
	b.lastKey = append(b.lastKey[:0], key...)
	b.sinceKey++
}

// finish returns the bytes of the block, valid until the next add or reset. An empty
// block has one restart point, too.
func (b *blockBuilder) finish() []byte {
	if len(b.restarts) == 0 {
		b.restarts = append(b.restarts, 0)
	}
	for _, r := range b.restarts {
		b.buf = binary.LittleEndian.AppendUint32(b.buf, r)
	}
	b.buf = binary.LittleEndian.AppendUint32(b.buf, uint32(len(b.restarts)))
	return b.buf
}

func (b *blockBuilder) reset() {
	b.buf = b.buf[:0]
	b.restarts = b.restarts[:0]
	b.lastKey = b.lastKey[:0]
	b.sinceKey = 0
}

func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
