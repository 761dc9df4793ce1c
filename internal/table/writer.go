package table

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/tfkeep/tfkeep/internal/crc32c"
)

// WriterOptions chooses a table's layout. The zero value gives TensorFlow's.
type WriterOptions struct {
	BlockSize       int // a block is closed once it reaches this many bytes; 0 means 256 KiB
	RestartInterval int // keys from one that is stored whole to the next; 0 means 16
	// Compress is a Snappy encoder. Blocks that it shrinks by an eighth or more
	// are stored compressed. Nil, as in all that TensorFlow writes, stores them
	// as they are.
	Compress func(block []byte) []byte
}

// ErrKeyOrder reports a key that does not sort after the one before it.
var ErrKeyOrder = errors.New("table: keys must be added in strictly rising order")

// Writer writes a table. Keys come in strictly rising order of their bytes;
// Close writes the index and the footer. For the same keys and values its
// output equals that of TensorFlow's table builder, byte for byte.
type Writer struct {
	w      io.Writer
	opts   WriterOptions
	offset int64
	err    error

	data, index blockBuilder
	lastKey     []byte
	entries     int

	// A block's index entry waits for the first key of the next block, because
	// the key that separates the two may then be shorter than either.
	pending       bool
	pendingHandle []byte
}

// NewWriter makes a writer of one table to w. It does not buffer beyond the
// block at hand, which it hands to w in one Write, and its trailer in another.
func NewWriter(w io.Writer, o *WriterOptions) *Writer {
	tw := &Writer{w: w}
	if o != nil {
		tw.opts = *o
	}
	if tw.opts.BlockSize <= 0 {
		tw.opts.BlockSize = 256 << 10
	}
	if tw.opts.RestartInterval <= 0 {
		tw.opts.RestartInterval = 16
	}
	tw.data.interval = tw.opts.RestartInterval
	tw.index.interval = 1
	return tw
}

// Size returns the bytes written so far.
func (w *Writer) Size() int64 { return w.offset }

// Add appends an entry. A failure is final: all later calls return it.
func (w *Writer) Add(key, value []byte) error {
	if w.err != nil {
		return w.err
	}
	if w.entries > 0 {
		if bytes.Compare(key, w.lastKey) <= 0 {
			w.err = ErrKeyOrder
			return w.err
		}
		// An entry twice as large as a block gets a block of its own.
		if len(key)+len(value) >= 2*w.opts.BlockSize {
			w.flush()
		}
	}
	if w.pending {
		w.addIndexEntry(separator(w.lastKey, key))
	}
	w.lastKey = append(w.lastKey[:0], key...)
	w.entries++
	w.data.add(key, value)
	if w.data.size() >= w.opts.BlockSize {
		w.flush()
	}
	return w.err
}

// Close writes what is left of the table. It does not close the underlying
// writer.
func (w *Writer) Close() error {
	w.flush()
	// The block of "meta" entries is always empty, but always there.
	meta := blockBuilder{interval: w.opts.RestartInterval}
	metaHandle := w.writeBlock(&meta)
	if w.pending {
		w.addIndexEntry(successor(w.lastKey))
	}
	indexHandle := w.writeBlock(&w.index)

	footer := make([]byte, 0, 48)
	footer = append(footer, metaHandle...)
	footer = append(footer, indexHandle...)
	footer = append(footer, make([]byte, 40-len(footer))...)
	footer = binary.LittleEndian.AppendUint64(footer, 0xdb4775248b80fb57)
	w.write(footer)
	if w.err != nil {
		return w.err
	}
	w.err = errors.New("table: writer is closed")
	return nil
}

func (w *Writer) addIndexEntry(key []byte) {
	w.index.add(key, w.pendingHandle)
	w.pending = false
}

// flush ends the data block at hand.
func (w *Writer) flush() {
	if w.err != nil || w.data.empty() {
		return
	}
	w.pendingHandle = w.writeBlock(&w.data)
	w.pending = true
}

// writeBlock writes a block and its trailer, the compression type and a
// checksum of both, and returns the block's encoded handle.
func (w *Writer) writeBlock(b *blockBuilder) []byte {
	contents := b.finish()
	kind := byte(0)
	if w.opts.Compress != nil {
		if c := w.opts.Compress(contents); len(c) < len(contents)-len(contents)/8 {
			contents, kind = c, 1
		}
	}
	handle := binary.AppendUvarint(nil, uint64(w.offset))
	handle = binary.AppendUvarint(handle, uint64(len(contents)))

	trailer := [5]byte{kind}
	crc := crc32c.Update(crc32c.Checksum(contents), trailer[:1])
	binary.LittleEndian.PutUint32(trailer[1:], crc32c.Mask(crc))
	w.write(contents)
	w.write(trailer[:])
	b.reset()
	return handle
}

func (w *Writer) write(p []byte) {
	if w.err != nil {
		return
	}
	n, err := w.w.Write(p)
	w.offset += int64(n)
	w.err = err
}

// separator returns a short key k with a <= k < b: a itself, or its common
// prefix with b and the next byte of a plus one. TensorFlow does not look
// further than that byte.
func separator(a, b []byte) []byte {
	for i := range min(len(a), len(b)) {
		if a[i] == b[i] {
			continue
		}
		if a[i] < 0xff && a[i]+1 < b[i] {
			k := bytes.Clone(a[:i+1])
			k[i]++
			return k
		}
		break
	}
	return a
}

// successor returns a short key k >= a: the bytes up to the first one that can
// grow, which grows by one.
func successor(a []byte) []byte {
	for i, c := range a {
		if c != 0xff {
			k := bytes.Clone(a[:i+1])
			k[i]++
			return k
		}
	}
	return a
}
