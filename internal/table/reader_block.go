package table

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// blockReader reads the entries of one decoded block and checks all rules for blocks. It
// stops at the first violation, and keeps it in err.
type blockReader struct {
	entries  []byte // the block up to the restart points
	restarts []byte // four bytes each
	off      int    // of the next entry
	restart  int    // index of the next restart point

	key, value []byte // of the current entry; valid until the next call
	shared     int    // bytes that the current key shares with the one before
	err        error
}

// newBlockReader checks the restart points. It does not copy the block.
func newBlockReader(block []byte) (*blockReader, error) {
	if len(block) < minBlockSize {
		return nil, fmt.Errorf("%d bytes are too few for a block", len(block))
	}
	count := int64(binary.LittleEndian.Uint32(block[len(block)-4:]))
	if count == 0 || count > int64(len(block)-4)/4 {
		return nil, fmt.Errorf("%d restart points in a block of %d bytes", count, len(block))
	}
	end := len(block) - 4 - 4*int(count)
	if first := binary.LittleEndian.Uint32(block[end:]); first != 0 {
		return nil, fmt.Errorf("the first restart point is at %d, not at the first entry", first)
	}
	return &blockReader{entries: block[:end], restarts: block[end : len(block)-4]}, nil
}

// next moves to the next entry. It reports false at the end and on failure.
func (b *blockReader) next() bool {
	if b.err != nil {
		return false
	}
	if b.off == len(b.entries) {
		b.end()
		return false
	}
	shared, n1 := binary.Uvarint(b.entries[b.off:])
	unshared, n2 := uvarintAt(b.entries, b.off, n1)
	length, n3 := uvarintAt(b.entries, b.off, n1+n2)
	if n1 <= 0 || n2 <= 0 || n3 <= 0 {
		return b.fail("the entry's lengths do not decode")
	}
	rest := b.entries[b.off+n1+n2+n3:]
	if unshared > uint64(len(rest)) || length > uint64(len(rest))-unshared {
		return b.fail("the entry's key of %d and value of %d bytes leave the block", unshared, length)
	}
	if b.atRestart() {
		if shared != 0 {
			return b.fail("a restart point shares %d bytes with the key before it", shared)
		}
		b.restart++
	}
	if shared > uint64(len(b.key)) {
		return b.fail("the key shares %d bytes with one of %d", shared, len(b.key))
	}
	suffix := rest[:unshared]
	if b.off > 0 && bytes.Compare(suffix, b.key[shared:]) <= 0 {
		return b.fail("the key does not sort after the one before it")
	}
	b.key = append(b.key[:shared], suffix...)
	b.shared = int(shared)
	b.value = rest[unshared : unshared+length : unshared+length]
	b.off = len(b.entries) - len(rest) + int(unshared+length)
	return true
}

// end checks that an entry began at every restart point. A block without entries has
// one restart point, too.
func (b *blockReader) end() {
	if len(b.entries) == 0 && len(b.restarts) == 4 {
		return
	}
	if b.restart != len(b.restarts)/4 {
		b.fail("restart point %d is not where an entry begins", b.restart)
	}
}

func (b *blockReader) atRestart() bool {
	i := 4 * b.restart
	return i < len(b.restarts) && binary.LittleEndian.Uint32(b.restarts[i:]) == uint32(b.off)
}

func (b *blockReader) fail(format string, args ...any) bool {
	b.err = fmt.Errorf("byte %d of the block: "+format, append([]any{b.off}, args...)...)
	return false
}

// uvarintAt decodes a number at off+skip. A skip <= 0 means that decoding failed before.
func uvarintAt(b []byte, off, skip int) (uint64, int) {
	if skip <= 0 || off+skip > len(b) {
		return 0, 0
	}
	return binary.Uvarint(b[off+skip:])
}
