package checkpoint

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"runtime"
	"sort"
	"sync"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/table"
)

// ReaderOptions tunes a [Reader]. The zero value, or nil, is the careful
// reader.
type ReaderOptions struct {
	// FS is the file system that has the checkpoint: an archive, an embedded one, one
	// in memory. Nil is the operating system's. Files need not implement io.ReaderAt,
	// but reading is slow if they implement neither that nor io.Seeker, because every
	// read begins at the start of the file.
	FS fs.FS
	// SkipChecksums trusts the storage: no checksum is computed. Every other
	// check stays.
	SkipChecksums bool
	// Strict refuses what TensorFlow overlooks because it never looks there:
	// a table's padding and metaindex, bytes between and behind the tensors,
	// slices that leave gaps, files that are missing. Opening then takes a look
	// at every file, and a large V1 checkpoint is read whole, as small ones
	// always are.
	Strict bool
	// MemoryLimit bounds the memory that a Reader takes beside the values it
	// returns, in bytes. 0 means 64 MiB and twice the size of the file read.
	MemoryLimit int64
	// Workers is the number of goroutines that read one large tensor. 0 means
	// runtime.GOMAXPROCS(0).
	Workers int
}

func (o *ReaderOptions) memoryLimit(fileSize int64) int64 {
	if o.MemoryLimit > 0 {
		return o.MemoryLimit
	}
	return 64<<20 + 2*min(fileSize, 1<<60)
}

// tableOptions leaves half of the memory to blocks: what is decoded from them
// takes the other.
func (o *ReaderOptions) tableOptions(limit int64) *table.ReaderOptions {
	return &table.ReaderOptions{SkipChecksums: o.SkipChecksums, Strict: o.Strict, MaxBlock: limit / 2}
}

func (o *ReaderOptions) workers() int {
	if o.Workers > 0 {
		return o.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// Reader reads one checkpoint. Its methods may be called by many goroutines at
// once.
type Reader struct {
	prefix  string
	version Version
	opts    ReaderOptions
	tensors []TensorInfo // sorted by name
	values  valueStore

	mu     sync.RWMutex // held for reading while files are in use
	closed bool
}

// valueStore is where a format keeps the values.
type valueStore interface {
	// open finds one stored part of a tensor, whose box is the resolved slice,
	// and checks that the files hold all of it. No memory is taken on the word
	// of t or p before.
	open(t *TensorInfo, p *SliceInfo, box Slice) (storedPart, error)
	// verify checks, for strict mode, what no tensor's reading would.
	verify(ctx context.Context, tensors []TensorInfo) error
	close() error
	// fileNames returns the names of the files that hold the tensors.
	fileNames(tensors []TensorInfo) []string
}

// storedPart is a part of a tensor that is really there.
type storedPart interface {
	// readInto fills dst, which has the part's size, little-endian.
	readInto(ctx context.Context, dst []byte) error
	// stream reads the part from its start on through a buffer of about the
	// given size.
	stream(buffer int) partStream
	// strings gives the elements of a DT_STRING part.
	strings(ctx context.Context) ([][]byte, error)
	// span is how many bytes of which file the part takes: parts of one tensor
	// may not share bytes.
	span() (file *input, bytes int64)
}

// partStream gives a part's bytes in order, in pieces that end between
// elements, then io.EOF. A false checksum is an error in place of io.EOF.
type partStream interface {
	next(ctx context.Context) ([]byte, error)
	// skipTo passes over bytes, up to off at most, where no checksum needs
	// them, and tells where the next piece begins.
	skipTo(off int64) int64
}

// Version tells the format.
func (r *Reader) Version() Version { return r.version }

// Prefix is the checkpoint's own name: what Saver.save returned when it was
// made. For a V1 checkpoint it is the file, or the pattern of its files.
func (r *Reader) Prefix() string { return r.prefix }

// Files returns the names of the files that the checkpoint consists of: the index and
// the data files that hold its tensors, or the files of a V1 checkpoint. A file may be
// missing; then reading a tensor of it fails.
func (r *Reader) Files() []string { return r.values.fileNames(r.tensors) }

// Tensors returns the tensors of the checkpoint, sorted by name.
func (r *Reader) Tensors() iter.Seq[TensorInfo] {
	return func(yield func(TensorInfo) bool) {
		for i := range r.tensors {
			if !yield(r.tensors[i].clone()) {
				return
			}
		}
	}
}

// Lookup returns the tensor that has a name.
func (r *Reader) Lookup(name string) (TensorInfo, bool) {
	if t := r.find(name); t != nil {
		return t.clone(), true
	}
	return TensorInfo{}, false
}

func (r *Reader) find(name string) *TensorInfo {
	i := sort.Search(len(r.tensors), func(i int) bool { return r.tensors[i].Name >= name })
	if i < len(r.tensors) && r.tensors[i].Name == name {
		return &r.tensors[i]
	}
	return nil
}

// Close closes the files. It waits for the reads that are under way; those that
// begin later fail with tfkeep.ErrClosed. Mapped memory stays valid.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	return r.values.close()
}

// begin holds the files open for one operation and finds its tensor.
func (r *Reader) begin(name string) (t *TensorInfo, end func(), err error) {
	r.mu.RLock()
	if r.closed {
		r.mu.RUnlock()
		return nil, nil, &tfkeep.Error{Op: "read", Path: r.prefix, Item: "tensor", Name: name, Err: tfkeep.ErrClosed}
	}
	if t = r.find(name); t == nil {
		r.mu.RUnlock()
		return nil, nil, &tfkeep.Error{Op: "read", Path: r.prefix, Item: "tensor", Name: name, Err: tfkeep.ErrNotFound,
			Detail: fmt.Sprintf("the checkpoint holds %d tensors, none of that name", len(r.tensors))}
	}
	return t, r.mu.RUnlock, nil
}

// newReader finishes opening. The name is that of the checkpoint in fsys.
func newReader(ctx context.Context, fsys fs.FS, name string, version Version, tensors []TensorInfo, values valueStore, o *ReaderOptions) (*Reader, error) {
	r := &Reader{prefix: displayPath(fsys, name), version: version, opts: *o, tensors: tensors, values: values}
	if o.Strict {
		if err := values.verify(ctx, tensors); err != nil {
			values.close()
			return nil, err
		}
	}
	return r, nil
}

func (t *TensorInfo) errorf(file string, offset int64, kind error, format string, args ...any) error {
	return atOffset(offset, &tfkeep.Error{Op: "read", Path: file, Item: "tensor", Name: t.Name, Err: kind, Detail: fmt.Sprintf(format, args...)})
}
