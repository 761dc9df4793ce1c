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
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/table"
)

// ReaderOptions tunes a [Reader]. Nil and the zero value make every check that
// TensorFlow makes, and more.
type ReaderOptions struct {
	// FS is the file system that has the checkpoint, such as an archive, embedded files
	// or files in memory. Nil means the operating system's. Files need not implement
	// io.ReaderAt, but reading is slow if they implement neither io.ReaderAt nor
	// io.Seeker, because every read then begins at the start of the file.
	FS fs.FS
	// SkipChecksums skips the checksums, for storage that is trusted. All other checks
	// are still made.
	SkipChecksums bool
	// Strict also refuses what TensorFlow ignores: wrong padding and metaindex of a
	// table, bytes between and after the tensors, slices that leave gaps, missing
	// files. Open then looks at every file, and reads a V1 checkpoint whole even if it
	// is large.
	Strict bool
	// MemoryLimit is the largest number of bytes that a Reader may allocate in addition
	// to the values that it returns. 0 means 64 MiB and twice the size of the file; holes in
	// a large file do not count.
	MemoryLimit int64
	// Workers is the number of goroutines that read one large tensor. 0 means
	// runtime.GOMAXPROCS(0).
	Workers int
}

func (o *ReaderOptions) memoryLimit(in *input) int64 {
	if o.MemoryLimit > 0 {
		return o.MemoryLimit
	}
	return in.memoryLimit()
}

// tableOptions gives half of the memory to blocks, and leaves the other half to what is
// decoded from them.
func (o *ReaderOptions) tableOptions(limit int64) *table.ReaderOptions {
	return &table.ReaderOptions{SkipChecksums: o.SkipChecksums, Strict: o.Strict, MaxBlock: limit / 2}
}

func (o *ReaderOptions) workers() int {
	if o.Workers > 0 {
		return o.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// Reader reads one checkpoint. Several goroutines may call its methods at the same
// time.
type Reader struct {
	prefix  string
	version Version
	opts    ReaderOptions
	tensors []TensorInfo // sorted by name
	values  valueStore

	mu     sync.RWMutex // held for reading while files are in use
	closed bool
}

// valueStore reads the values of one format.
type valueStore interface {
	// open finds one stored part of a tensor, whose box is the resolved slice, and
	// checks that the files have all of it. It must not allocate memory for sizes in t
	// and p that were not checked.
	open(t *TensorInfo, p *SliceInfo, box Slice) (storedPart, error)
	// verify makes the checks of strict mode that reading the tensors does not make.
	verify(ctx context.Context, tensors []TensorInfo) error
	close() error
	// fileNames returns the names of the files that hold the tensors.
	fileNames(tensors []TensorInfo) []string
}

// storedPart is a part of a tensor that the files have.
type storedPart interface {
	// readInto fills dst, which has the size of the part, little-endian.
	readInto(ctx context.Context, dst []byte) error
	// stream reads the part from its start through a buffer of about the given size.
	stream(buffer int) partStream
	// strings returns the elements of a part of strings.
	strings(ctx context.Context) ([][]byte, error)
	// span returns the file of the part and the number of bytes in it. The parts of one
	// tensor must not share bytes.
	span() (file *input, bytes int64)
}

// partStream returns the bytes of a part in order, in pieces that end between elements,
// and then io.EOF. If the checksum is wrong, it returns an error in place of io.EOF.
type partStream interface {
	next(ctx context.Context) ([]byte, error)
	// skipTo skips bytes, at most up to off, if no checksum needs them. It returns
	// where the next piece begins.
	skipTo(off int64) int64
}

// Version returns the format.
func (r *Reader) Version() Version { return r.version }

// Prefix returns the checkpoint's own name: the one that Saver.save returned. For a V1
// checkpoint it is the file, or the pattern of its files.
func (r *Reader) Prefix() string { return r.prefix }

// Files returns the names of the files that the checkpoint consists of: the index and
// the data files that hold its tensors, or the files of a V1 checkpoint. A file may be
// missing; then reading a tensor of it fails.
func (r *Reader) Files() []string { return r.values.fileNames(r.tensors) }

// Tensors returns the tensors of the checkpoint, sorted by name.
func (r *Reader) Tensors() iter.Seq[TensorInfo] {
	return func(yield func(TensorInfo) bool) {
		if r == nil {
			return
		}
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
	if r == nil {
		return nil
	}
	// Not by slices.BinarySearchFunc, which copies a TensorInfo for each comparison.
	i := sort.Search(len(r.tensors), func(i int) bool { return r.tensors[i].Name >= name })
	if i == len(r.tensors) || r.tensors[i].Name != name {
		return nil
	}
	return &r.tensors[i]
}

// Close closes the files. It waits for reads that are running. Later ones fail with a
// tfkeep.ErrClosed. Mapped memory stays valid.
func (r *Reader) Close() error {
	if r == nil || r.values == nil {
		return argcheck.Nil("close", "", "Reader")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	return r.values.close()
}

// begin keeps the files open for one operation and finds its tensor. The caller calls
// end after the operation.
func (r *Reader) begin(ctx context.Context, name string) (t *TensorInfo, end func(), err error) {
	if r == nil {
		return nil, nil, argcheck.Nil("read", "", "Reader")
	}
	if ctx == nil {
		return nil, nil, argcheck.Nil("read", r.prefix, "context")
	}
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
	if t.Fault != nil {
		r.mu.RUnlock()
		return nil, nil, t.Fault
	}
	return t, r.mu.RUnlock, nil
}

// newReader makes a Reader of an opened checkpoint, with the name that it has in fsys.
func newReader(ctx context.Context, fsys fs.FS, name string, version Version, tensors []TensorInfo, values valueStore, o *ReaderOptions) (*Reader, error) {
	r := &Reader{prefix: displayPath(fsys, name), version: version, opts: *o, tensors: tensors, values: values}
	if o.Strict {
		if err := values.verify(ctx, tensors); err != nil {
			_ = values.close()
			return nil, err
		}
	}
	return r, nil
}

func (t *TensorInfo) errorf(file string, offset int64, kind error, format string, args ...any) error {
	return atOffset(offset, &tfkeep.Error{Op: "read", Path: file, Item: "tensor", Name: t.Name, Err: kind, Detail: fmt.Sprintf(format, args...)})
}
