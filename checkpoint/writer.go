package checkpoint

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"runtime"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// WriterOptions tunes a [Writer]. Nil and the zero value write one data file in format V2,
// as TensorFlow's SaveV2 does, and sync it.
type WriterOptions struct {
	// Version is the format; 0 means V2. V1 is for programs that cannot read V2. It has
	// every value in a protocol buffer: the Writer holds the encoded checkpoint in memory
	// until Commit, and a tensor or slice may take 2 GiB at most. [V1Holds] reports which
	// types it has.
	Version Version
	// NumShards is the number of data files, and Tensor.Shard chooses one of them. With
	// V2, 0 means 1, and the result is that of as many SaveV2 ops and a MergeV2Checkpoints.
	// With V1, 0 means one file that is called like the prefix; otherwise the files are
	// called prefix-00000-of-NNNNN and so on, and opened by the pattern
	// prefix-?????-of-NNNNN.
	NumShards int
	// Alignment makes the offset of every tensor a multiple of it, in bytes. 0 puts each
	// tensor directly after the one before, as TensorFlow does; it reads either. With a
	// multiple of the page size, 4096, readers can map tensors aligned. V1 ignores it.
	Alignment int
	// Workers is the number of goroutines that compute checksums and write. 0 means
	// runtime.GOMAXPROCS(0), but at most 8. V1 ignores it.
	Workers int
	// NoSync leaves it to the operating system when the files reach the disk. Other
	// processes still see the whole checkpoint or none of it, even if this process dies.
	// But a power cut may leave it damaged, and so may it leave the checkpoint that it
	// replaced. TensorFlow never syncs.
	NoSync bool
}

// Writer writes a checkpoint. The checkpoint appears when Commit succeeds, and not before.
// Until then an earlier checkpoint with the same prefix stays whole, whatever happens. (The
// exception: V1 checkpoints of several files, which cannot replace others in one step. Save
// these under new names.)
//
// For the same tensors in the same order the files are those that TensorFlow writes, byte
// for byte. Over an existing V2 checkpoint the data files get other names; see
// docs/durability.md.
//
// Several goroutines may call the methods at the same time. After the first error all
// further calls return it, and Commit fails.
type Writer struct{ files formatWriter }

// formatWriter writes one format.
type formatWriter interface {
	add(ctx context.Context, tensors []Tensor) error
	addFrom(ctx context.Context, t Tensor, r io.Reader) error
	addFile(suffix string, data []byte) error
	commit(ctx context.Context) error
	close() error
}

// Create begins to write a checkpoint. It makes the folder of the prefix if needed, and
// removes files of an earlier writer of the same prefix that died. If another writer uses
// the prefix, the error is a tfkeep.ErrLocked.
func Create(ctx context.Context, prefix string, o *WriterOptions) (*Writer, error) {
	if err := argcheck.Context(ctx, "create", prefix); err != nil {
		return nil, err
	}
	var opts WriterOptions
	if o != nil {
		opts = *o
	}
	if err := opts.normalize(prefix); err != nil {
		return nil, err
	}
	if err := checkPrefix(prefix); err != nil {
		return nil, err
	}
	var files formatWriter
	var err error
	if opts.Version == V1 {
		files, err = createV1(vfs.FromContext(ctx), prefix, opts)
	} else {
		files, err = createBundle(vfs.FromContext(ctx), prefix, opts)
	}
	if err != nil {
		return nil, err
	}
	return &Writer{files}, nil
}

func (o *WriterOptions) normalize(prefix string) error {
	bad := func(what string, n int) error {
		return &tfkeep.Error{Op: "create", Path: prefix, Err: tfkeep.ErrArgument, Detail: fmt.Sprintf("%s is %d", what, n)}
	}
	switch {
	case o.Version != 0 && o.Version != V1 && o.Version != V2:
		return bad("Version", int(o.Version))
	case o.NumShards < 0 || o.NumShards > 99999:
		return bad("NumShards", o.NumShards)
	case o.Alignment < 0 || o.Alignment > 1<<30:
		return bad("Alignment", o.Alignment)
	case o.Workers < 0:
		return bad("Workers", o.Workers)
	}
	o.Alignment = max(o.Alignment, 1)
	if o.Workers == 0 {
		o.Workers = min(runtime.GOMAXPROCS(0), 8)
	}
	return nil
}

// Add writes tensors and slices, several of them at a time. In the data files they have
// the order of the arguments, and of the calls. If ctx ends meanwhile, Add stops and the
// checkpoint cannot be committed any more. It uses the memory of the tensors until it
// returns.
func (w *Writer) Add(ctx context.Context, tensors ...Tensor) error {
	if err := w.check(); err != nil {
		return err
	}
	if ctx == nil {
		return argcheck.Nil("write", "", "context")
	}
	return w.files.add(ctx, tensors)
}

// AddFrom writes one tensor or slice of numbers and reads its elements from r: in row-major
// order, little-endian, elements × [dtype.Size] bytes up to io.EOF. t.Data must be nil.
// Only a small part of the tensor is in memory at a time (with V1: all of it).
func (w *Writer) AddFrom(ctx context.Context, t Tensor, r io.Reader) error {
	if err := w.check(); err != nil {
		return err
	}
	if ctx == nil {
		return argcheck.Nil("write", "", "context")
	}
	if r == nil {
		return argcheck.Nil("write", "", "io.Reader")
	}
	return w.files.addFrom(ctx, t, r)
}

// AddFile adds a small file that belongs to the checkpoint, such as its meta graph. The
// name of the file is the prefix and then the suffix, for example ".meta". The file is
// part of the commit: it is synced with the data and gets its name just before the
// checkpoint appears, and it is removed if the checkpoint is not committed.
func (w *Writer) AddFile(suffix string, data []byte) error {
	if err := w.check(); err != nil {
		return err
	}
	return w.files.addFile(suffix, data)
}

// Commit makes the checkpoint take effect and closes the Writer. With the default options
// the checkpoint is on the disk when Commit returns. After an error there is the earlier
// checkpoint, if there was one, and nothing of the new one. There is one exception: if the
// folder cannot be synced after the last step, the checkpoint is in place, and the error
// says so.
func (w *Writer) Commit(ctx context.Context) error {
	if err := w.check(); err != nil {
		return err
	}
	if ctx == nil {
		return argcheck.Nil("commit", "", "context")
	}
	return w.files.commit(ctx)
}

// Close removes everything that was written, unless Commit was called. It waits for calls
// of Add. After Commit it does nothing, so that it can be deferred.
func (w *Writer) Close() error {
	if err := w.check(); err != nil {
		return err
	}
	return w.files.close()
}

// check returns an error if Create has not made the Writer.
func (w *Writer) check() error {
	if w == nil || w.files == nil {
		return argcheck.Nil("write", "", "Writer")
	}
	return nil
}

// sidePath returns the path of a file that AddFile adds.
func sidePath(prefix, suffix string) (string, error) {
	path := prefix + suffix
	if suffix == "" || path == filenames.Index(prefix) || filepath.Dir(path) != filepath.Dir(prefix) {
		return path, &tfkeep.Error{Op: "write", Path: path, Err: tfkeep.ErrArgument, Detail: "the suffix does not name another file beside the checkpoint"}
	}
	return path, nil
}
