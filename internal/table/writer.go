package table

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/crc32c"
)

// WriterOptions chooses the layout of a table. Nil and the zero value choose
// TensorFlow's.
type WriterOptions struct {
	BlockSize       int // a block ends once it has this many bytes; 0 means 256 KiB
	RestartInterval int // one key of this many is stored whole; 0 means 16
	// Compress is a Snappy encoder. Blocks that it shrinks by an eighth or more are
	// stored compressed. Nil stores all blocks as they are, as TensorFlow does.
	Compress func(block []byte) []byte
}

// ErrKeyOrder reports a key that does not sort after the one before it.
var ErrKeyOrder = errors.New("keys must be added in strictly rising order")

// Writer writes a table. Keys must be added in strictly rising order of their bytes.
// Close writes the index and the footer. For the same keys and values the output equals
// that of TensorFlow's table builder, byte for byte.
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

// NewWriter returns a writer of one table. It buffers the current block only, and writes
// it to w in one call, and its trailer in a second one.
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

// Add appends an entry. After an error all later calls return the same error.
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

// Close writes the rest of the table. It does not close the underlying writer.
func (w *Writer) Close() error {
	w.flush()
	// The metaindex block is always there and always empty.
	meta := blockBuilder{interval: w.opts.RestartInterval}
	metaHandle := w.writeBlock(&meta)
	if w.pending {
		w.addIndexEntry(successor(w.lastKey))
	}
	indexHandle := w.writeBlock(&w.index)

	footer := make([]byte, 0, footerSize)
	footer = append(footer, metaHandle...)
	footer = append(footer, indexHandle...)
	footer = append(footer, make([]byte, 40-len(footer))...)
	footer = binary.LittleEndian.AppendUint64(footer, magic)
	w.write(footer)
	if w.err != nil {
		return w.err
	}
	w.err = tfkeep.ErrClosed
	return nil
}

func (w *Writer) addIndexEntry(key []byte) {
	w.index.add(key, w.pendingHandle)
	w.pending = false
}

// flush ends the current data block.
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

// separator returns a short key k with a <= k < b: a itself, or the common prefix of a
// and b followed by the next byte of a, incremented by one. As in TensorFlow, later bytes
// are not considered.
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

// successor returns a short key k >= a: the bytes of a up to the first one that is not
// 0xff, which is increased by one.
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
