package table

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"sort"

	"github.com/golang/snappy"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/crc32c"
)

// ReaderOptions tunes a [Reader]. Nil and the zero value make every check of the data.
type ReaderOptions struct {
	// SkipChecksums skips the checksums of the blocks, for storage that is trusted.
	SkipChecksums bool
	// Strict also checks the bytes that no lookup reads: the metaindex, the padding of
	// the footer, and that there is no gap between blocks.
	Strict bool
	// MaxBlock is the largest size of a block after decompression, in bytes. 0 means
	// 64 MiB.
	MaxBlock int64
}

// Reader reads a table. Its methods may be called by many goroutines at once.
type Reader struct {
	r      io.ReaderAt
	opts   ReaderOptions
	blocks []dataBlock
}

type handle struct{ offset, size int64 }

func (h handle) end() int64 { return h.offset + h.size + trailerSize }

// dataBlock is an entry of the index. No key of the block is greater than last, and all
// keys of the next block are greater than last.
type dataBlock struct {
	last []byte
	handle
}

// Entry is a key and its value, with the place of their block in the file. Both are
// valid only until the next entry is read; but a value from [Reader.Block] stays valid.
type Entry struct {
	Key, Value []byte
	Block      int
	Offset     int64
}

// NewReader reads the footer and the index of a table of the given size, and
// checks that every block lies within the file.
func NewReader(r io.ReaderAt, size int64, o *ReaderOptions) (*Reader, error) {
	t := &Reader{r: r}
	if o != nil {
		t.opts = *o
	}
	if t.opts.MaxBlock <= 0 {
		t.opts.MaxBlock = 64 << 20
	}
	meta, index, err := t.readFooter(size)
	if err != nil {
		return nil, err
	}
	if err := t.readIndex(index); err != nil {
		return nil, err
	}
	if err := t.checkLayout(size, meta, index); err != nil {
		return nil, err
	}
	return t, nil
}

// NumBlocks returns the number of data blocks.
func (t *Reader) NumBlocks() int { return len(t.blocks) }

// BlockOffset returns where data block i begins in the file.
func (t *Reader) BlockOffset(i int) int64 { return t.blocks[i].offset }

// BlockSize returns the stored size of data block i, without its trailer.
func (t *Reader) BlockSize(i int) int64 { return t.blocks[i].size }

// All returns the entries of the table in order. After an error it stops.
func (t *Reader) All() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var b buffers
		for i := range t.blocks {
			for e, err := range t.block(i, &b) {
				if !yield(e, err) || err != nil {
					return
				}
			}
		}
	}
}

// Block returns the entries of data block i in order. After an error it stops; the
// other blocks may still be readable.
func (t *Reader) Block(i int) iter.Seq2[Entry, error] { return t.block(i, &buffers{}) }

// Find returns the number of the block that would hold key.
func (t *Reader) Find(key []byte) (block int, ok bool) {
	i := sort.Search(len(t.blocks), func(i int) bool {
		return bytes.Compare(t.blocks[i].last, key) >= 0
	})
	return i, i < len(t.blocks)
}

// Get returns the value of a key. It reads only the block that would hold the key. If
// that block is broken, Get returns an error rather than false. The caller owns the
// value.
func (t *Reader) Get(key []byte) (value []byte, ok bool, err error) {
	i, found := t.Find(key)
	if !found {
		return nil, false, nil
	}
	for e, err := range t.Block(i) {
		if err != nil {
			return nil, false, err
		}
		if c := bytes.Compare(e.Key, key); c == 0 {
			return e.Value, true, nil
		} else if c > 0 {
			break
		}
	}
	return nil, false, nil
}

func (t *Reader) block(i int, b *buffers) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		at := t.blocks[i]
		name := fmt.Sprintf("block %d", i)
		fail := func(format string, args ...any) { yield(Entry{}, corrupt(name, at.offset, format, args...)) }
		contents, err := t.readBlock(name, at.handle, b)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		it, err := newBlockReader(contents)
		if err != nil {
			fail("%v", err)
			return
		}
		for it.next() {
			if i > 0 && bytes.Compare(it.key, t.blocks[i-1].last) <= 0 {
				fail("a key belongs to an earlier block by the index")
				return
			}
			if bytes.Compare(it.key, at.last) > 0 {
				fail("a key belongs to a later block by the index")
				return
			}
			if !yield(Entry{Key: it.key, Value: it.value, Block: i, Offset: at.offset}, nil) {
				return
			}
		}
		if it.err != nil {
			fail("%v", it.err)
		}
	}
}

// readFooter returns the handles of the metaindex and of the index.
func (t *Reader) readFooter(size int64) (meta, index handle, err error) {
	if size < footerSize {
		return meta, index, corrupt("footer", 0, "%d bytes are too few for a table", size)
	}
	at := size - footerSize
	footer := make([]byte, footerSize)
	if err := t.readAt("footer", footer, at); err != nil {
		return meta, index, err
	}
	if binary.LittleEndian.Uint64(footer[40:]) != magic {
		return meta, index, corrupt("footer", at, "the magic number is missing: not a table, or cut short")
	}
	rest := footer[:40]
	for _, h := range []*handle{&meta, &index} {
		var ok bool
		if *h, rest, ok = readHandle(rest, at); !ok {
			return meta, index, corrupt("footer", at, "a block handle leaves the file")
		}
	}
	if t.opts.Strict && len(bytes.Trim(rest, "\x00")) > 0 {
		return meta, index, corrupt("footer", at, "the padding is not zero")
	}
	return meta, index, nil
}

// readHandle decodes a handle whose block must end before limit. It accepts only the
// shortest encoding, which every writer chooses.
func readHandle(b []byte, limit int64) (h handle, rest []byte, ok bool) {
	offset, n := binary.Uvarint(b)
	size, m := uvarintAt(b, 0, n)
	if n <= 0 || m <= 0 || n > 1 && b[n-1] == 0 || m > 1 && b[n+m-1] == 0 || offset > uint64(limit) || size > uint64(limit) {
		return handle{}, nil, false
	}
	h = handle{int64(offset), int64(size)}
	return h, b[n+m:], h.size >= minBlockSize && h.end() <= limit
}

// readIndex fills t.blocks. Keys that the index block stores whole, as TensorFlow does,
// stay in the memory of that block.
func (t *Reader) readIndex(at handle) error {
	const name = "index block"
	contents, err := t.readBlock(name, at, &buffers{})
	if err != nil {
		return err
	}
	count, err := t.countIndex(contents, at)
	if err != nil {
		return err
	}
	t.blocks = make([]dataBlock, 0, count)
	it, _ := newBlockReader(contents)
	var end int64
	for it.next() {
		h, rest, ok := readHandle(it.value, at.offset)
		switch i := len(t.blocks); {
		case !ok || len(rest) > 0:
			return corrupt(name, at.offset, "the handle of block %d does not decode, or leaves the file", i)
		case h.offset < end:
			return corrupt(name, at.offset, "block %d overlaps the one before it", i)
		}
		end = h.end()
		key := it.key
		if it.shared > 0 {
			key = bytes.Clone(key)
		} else {
			stop := it.off - len(it.value)
			key = it.entries[stop-len(key) : stop : stop]
		}
		t.blocks = append(t.blocks, dataBlock{key, h})
	}
	return nil
}

// countIndex checks the index block and returns its number of entries. It refuses a
// block whose keys together exceed MaxBlock, which prefix compression makes possible.
func (t *Reader) countIndex(contents []byte, at handle) (int, error) {
	const name = "index block"
	it, err := newBlockReader(contents)
	if err != nil {
		return 0, corrupt(name, at.offset, "%v", err)
	}
	count, cloned := 0, int64(0)
	for it.next() {
		count++
		if it.shared > 0 {
			cloned += int64(len(it.key))
		}
		if cloned > t.opts.MaxBlock {
			return 0, &Error{name, at.offset, tfkeep.ErrTooLarge, "its keys exceed the limit"}
		}
	}
	if it.err != nil {
		return 0, corrupt(name, at.offset, "%v", it.err)
	}
	return count, nil
}

// checkLayout checks, in strict mode, the bytes that no lookup reads.
func (t *Reader) checkLayout(size int64, meta, index handle) error {
	if !t.opts.Strict {
		return nil
	}
	var end int64
	for i, b := range t.blocks {
		if b.offset != end {
			return corrupt(fmt.Sprintf("block %d", i), b.offset, "bytes from %d on belong to no block", end)
		}
		end = b.end()
	}
	if meta.offset != end || index.offset != meta.end() || index.end() != size-footerSize {
		return corrupt("footer", size-footerSize, "the blocks do not fill the file")
	}
	contents, err := t.readBlock("metaindex block", meta, &buffers{})
	if err != nil {
		return err
	}
	it, err := newBlockReader(contents)
	if err != nil {
		return corrupt("metaindex block", meta.offset, "%v", err)
	}
	if it.next() || it.err != nil {
		return corrupt("metaindex block", meta.offset, "it is not empty")
	}
	return nil
}

// buffers are used again for each block.
type buffers struct{ stored, decoded []byte }

// readBlock reads, checks and decompresses a block. The result is valid until b is used
// again.
func (t *Reader) readBlock(name string, h handle, b *buffers) ([]byte, error) {
	if h.size > t.opts.MaxBlock {
		return nil, tooLarge(name, h, h.size, t.opts.MaxBlock)
	}
	b.stored = grow(b.stored, int(h.size)+trailerSize)
	if err := t.readAt(name, b.stored, h.offset); err != nil {
		return nil, err
	}
	stored, trailer := b.stored[:h.size], b.stored[h.size:]
	if !t.opts.SkipChecksums {
		want := crc32c.Unmask(binary.LittleEndian.Uint32(trailer[1:]))
		if got := crc32c.Checksum(b.stored[:h.size+1]); got != want {
			return nil, corrupt(name, h.offset, "checksum is %08x, stored is %08x", got, want)
		}
	}
	switch trailer[0] {
	case noCompression:
		return stored, nil
	case snappyCompression:
		return t.decompress(name, h, stored, b)
	}
	return nil, &Error{name, h.offset, tfkeep.ErrUnsupported, fmt.Sprintf("compression type %d", trailer[0])}
}

// decompress decodes Snappy. In a Snappy stream 3 bytes become 64 at most, so a longer
// length is refused before memory is allocated for it.
func (t *Reader) decompress(name string, h handle, stored []byte, b *buffers) ([]byte, error) {
	n, err := snappy.DecodedLen(stored)
	if err != nil || int64(n) > 64*int64(len(stored))/3 {
		return nil, corrupt(name, h.offset, "the Snappy length is impossible")
	}
	if int64(n) > t.opts.MaxBlock {
		return nil, tooLarge(name, h, int64(n), t.opts.MaxBlock)
	}
	b.decoded = grow(b.decoded, n)
	out, err := snappy.Decode(b.decoded, stored)
	if err != nil {
		return nil, corrupt(name, h.offset, "%v", err)
	}
	return out, nil
}

func (t *Reader) readAt(name string, p []byte, off int64) error {
	n, err := t.r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		return corrupt(name, off, "the file ends after %d of %d bytes", n, len(p))
	}
	return &Error{Block: name, Offset: off, Err: err}
}

// grow returns a slice of n bytes, in the memory of b if that is large enough.
func grow(b []byte, n int) []byte {
	if cap(b) >= n {
		return b[:n]
	}
	return make([]byte, n)
}

func corrupt(name string, off int64, format string, args ...any) error {
	return &Error{name, off, tfkeep.ErrCorrupt, fmt.Sprintf(format, args...)}
}

func tooLarge(name string, h handle, n, limit int64) error {
	return &Error{name, h.offset, tfkeep.ErrTooLarge, fmt.Sprintf("it needs %d bytes of memory, the limit is %d", n, limit)}
}
