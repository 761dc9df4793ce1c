package checkpoint

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/crc32c"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/parallel"
)

// bundle reads the data files of a V2 checkpoint.
type bundle struct {
	fsys      fs.FS
	prefix    string
	numShards int
	bigEndian bool
	opts      ReaderOptions

	mu    sync.Mutex
	files map[int]*input // the files that were opened, by shard
}

// maxOpenAhead is the largest number of data files that are opened together with the
// index.
const maxOpenAhead = 64

// openBundle opens a V2 checkpoint. It opens the first data files at once, so that a
// Saver that replaces or deletes the checkpoint later does no harm. If a file is
// missing already, or if the index has changed meanwhile, so that the data files may
// belong to the next checkpoint, it reads the index again.
func openBundle(ctx context.Context, fsys fs.FS, prefix string, o *ReaderOptions) (*Reader, error) {
	const tries = 10
	for try := 1; ; try++ {
		before, statErr := fs.Stat(fsys, filenames.Index(prefix))
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		x, err := readIndex(ctx, fsys, prefix, o)
		if err != nil {
			return nil, err
		}
		b := &bundle{fsys: fsys, prefix: prefix, numShards: x.header.NumShards,
			bigEndian: x.header.BigEndian, opts: *o, files: map[int]*input{}}
		err = b.openAhead(x.tensors)
		replaced := statErr == nil && !isUnchanged(fsys, filenames.Index(prefix), before)
		if (err != nil || replaced) && try < tries {
			_ = b.close()
			continue
		}
		return newReader(ctx, fsys, prefix, V2, x.tensors, b, o)
	}
}

// isUnchanged reports whether a file is still the one that before describes.
func isUnchanged(fsys fs.FS, name string, before fs.FileInfo) bool {
	now, err := fs.Stat(fsys, name)
	if err != nil || now.Size() != before.Size() || !now.ModTime().Equal(before.ModTime()) {
		return false
	}
	same, ok := fsys.(interface{ SameFile(a, b fs.FileInfo) bool })
	return !ok || same.SameFile(before, now)
}

// openAhead opens the first data files and reports a missing one. All other errors
// wait until the file is used.
func (b *bundle) openAhead(tensors []TensorInfo) error {
	for _, p := range storedParts(tensors) {
		if len(b.files) == maxOpenAhead {
			break
		}
		if _, err := b.file(p.Shard); errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// storedParts returns the stored parts of all tensors.
func storedParts(tensors []TensorInfo) iter.Seq2[*TensorInfo, *SliceInfo] {
	return func(yield func(*TensorInfo, *SliceInfo) bool) {
		for i := range tensors {
			t := &tensors[i]
			if t.Slices == nil {
				whole := SliceInfo{Bytes: t.Bytes, Shard: t.Shard, Offset: t.Offset, CRC32C: t.CRC32C}
				if !yield(t, &whole) {
					return
				}
			}
			for j := range t.Slices {
				if !yield(t, &t.Slices[j]) {
					return
				}
			}
		}
	}
}

func (b *bundle) fileNames(tensors []TensorInfo) []string {
	shards := map[int]bool{}
	for _, p := range storedParts(tensors) {
		shards[p.Shard] = true
	}
	names := []string{displayPath(b.fsys, filenames.Index(b.prefix))}
	for _, shard := range slices.Sorted(maps.Keys(shards)) {
		names = append(names, displayPath(b.fsys, filenames.Data(b.prefix, shard, b.numShards)))
	}
	return names
}

func (b *bundle) file(shard int) (*input, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if in := b.files[shard]; in != nil {
		return in, nil
	}
	in, err := openInput(b.fsys, filenames.Data(b.prefix, shard, b.numShards))
	if err != nil {
		return nil, err
	}
	b.files[shard] = in
	return in, nil
}

func (b *bundle) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var err error
	for _, in := range b.files {
		err = errors.Join(err, in.Close())
	}
	b.files = nil
	return err
}

func (b *bundle) open(t *TensorInfo, p *SliceInfo, box Slice) (storedPart, error) {
	part, err := b.part(t, p)
	if err != nil {
		return nil, err
	}
	part.count = box.volume()
	return &part, nil
}

// part finds a stored part, and checks that its file has all of it.
func (b *bundle) part(t *TensorInfo, p *SliceInfo) (part bundlePart, err error) {
	in, err := b.file(p.Shard)
	if err != nil {
		var e *tfkeep.Error
		if errors.As(err, &e) {
			e.Op, e.Item, e.Name = "read", "tensor", t.Name
		}
		return part, err
	}
	if p.Offset > in.size || p.Bytes > in.size-p.Offset {
		if what := in.kind(); what != "" {
			return part, t.errorf(in.path, -1, tfkeep.ErrCorrupt, "the data file is %s", what)
		}
		return part, t.errorf(in.path, p.Offset, tfkeep.ErrCorrupt, "its %d bytes leave the file, which has %d: cut short?", p.Bytes, in.size)
	}
	return bundlePart{b: b, in: in, t: t, place: *p}, nil
}

// bundlePart is a range of a data file.
type bundlePart struct {
	b     *bundle
	in    *input
	t     *TensorInfo
	place SliceInfo
	count int64 // elements
}

func (p *bundlePart) span() (*input, int64) { return p.in, p.place.Bytes }

// swapWord returns the size of the words whose bytes must be reversed; 1 if none.
func (p *bundlePart) swapWord() int {
	if !p.b.bigEndian {
		return 1
	}
	return wordSize(p.t.DType)
}

// readInto reads a large tensor in chunks, on several goroutines. Each chunk is read
// and summed in steps that stay in the cache of the processor.
const (
	readChunk = 1 << 20
	readStep  = 256 << 10
)

func (p *bundlePart) readInto(ctx context.Context, dst []byte) error {
	crc, err := p.sumChunks(ctx, int64(len(dst)), func(ctx context.Context, off, n int64) (uint32, error) {
		return p.readRange(ctx, dst[off:off+n], off)
	})
	if err != nil {
		return err
	}
	if err := p.checkSum(crc); err != nil {
		return err
	}
	swapBytes(dst, p.swapWord())
	return nil
}

// sumChunks computes the checksum of size bytes chunk by chunk, in parallel if there
// are many chunks.
func (p *bundlePart) sumChunks(ctx context.Context, size int64, sum func(ctx context.Context, off, n int64) (uint32, error)) (uint32, error) {
	workers := p.b.opts.workers()
	if workers == 1 || size < 2*readChunk {
		return sum(ctx, 0, size)
	}
	sums := make([]uint32, (size+readChunk-1)/readChunk)
	last := len(sums) - 1
	err := parallel.Each(ctx, len(sums), workers, func(ctx context.Context, i int) (err error) {
		off := int64(i) * readChunk
		sums[i], err = sum(ctx, off, min(readChunk, size-off))
		return err
	})
	if err != nil || p.b.opts.SkipChecksums {
		return 0, err
	}
	crc, shift := sums[0], crc32c.Shift(readChunk)
	for _, next := range sums[1:last] {
		crc = crc32c.CombineShift(crc, next, shift)
	}
	return crc32c.Combine(crc, sums[last], size-int64(last)*readChunk), nil
}

// readRange reads dst from offset off of the part and returns its checksum.
func (p *bundlePart) readRange(ctx context.Context, dst []byte, off int64) (crc uint32, err error) {
	for len(dst) > 0 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		step := dst[:min(len(dst), readStep)]
		if err := p.readAt(step, off); err != nil {
			return 0, err
		}
		if !p.b.opts.SkipChecksums {
			crc = crc32c.Update(crc, step)
		}
		dst = dst[len(step):]
		off += int64(len(step))
	}
	return crc, nil
}

func (p *bundlePart) readAt(dst []byte, off int64) error {
	off += p.place.Offset
	n, err := p.in.ReadAt(dst, off)
	switch {
	case n == len(dst):
		return nil
	case err == nil || isEOF(err):
		return p.t.errorf(p.in.path, off, tfkeep.ErrCorrupt, "the file ends after %d of %d bytes", n, len(dst))
	}
	return atOffset(off, &tfkeep.Error{Op: "read", Path: p.in.path, Item: "tensor", Name: p.t.Name, Cause: err})
}

func (p *bundlePart) checkSum(crc uint32) error {
	if p.b.opts.SkipChecksums || crc == p.place.CRC32C {
		return nil
	}
	return p.t.errorf(p.in.path, p.place.Offset, tfkeep.ErrCorrupt, "the checksum of its %d bytes is %08x, the index has %08x", p.place.Bytes, crc, p.place.CRC32C)
}

func (p *bundlePart) stream(buffer int) partStream {
	return &bundleStream{p: p, buf: make([]byte, min(int64(max(buffer&^15, 16)), p.place.Bytes))}
}

// bundleStream reads a part from start to end.
type bundleStream struct {
	p   *bundlePart
	buf []byte // a multiple of every element size, or all of the part
	off int64
	crc uint32
}

func (s *bundleStream) next(ctx context.Context) ([]byte, error) {
	if s.off == s.p.place.Bytes {
		if err := s.p.checkSum(s.crc); err != nil {
			return nil, err
		}
		return nil, io.EOF
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	piece := s.buf[:min(int64(len(s.buf)), s.p.place.Bytes-s.off)]
	if err := s.p.readAt(piece, s.off); err != nil {
		return nil, err
	}
	s.off += int64(len(piece))
	if !s.p.b.opts.SkipChecksums {
		s.crc = crc32c.Update(s.crc, piece)
	}
	swapBytes(piece, s.p.swapWord())
	return piece, nil
}

func (s *bundleStream) skipTo(off int64) int64 {
	if s.p.b.opts.SkipChecksums && off > s.off {
		s.off = off
	}
	return s.off
}

// swapBytes reverses the bytes of each word of the given size.
func swapBytes(b []byte, word int) {
	switch word {
	case 2:
		for i := 0; i+2 <= len(b); i += 2 {
			b[i], b[i+1] = b[i+1], b[i]
		}
	case 4:
		for i := 0; i+4 <= len(b); i += 4 {
			b[i], b[i+1], b[i+2], b[i+3] = b[i+3], b[i+2], b[i+1], b[i]
		}
	case 8:
		for i := 0; i+8 <= len(b); i += 8 {
			for j := range 4 {
				b[i+j], b[i+7-j] = b[i+7-j], b[i+j]
			}
		}
	}
}
