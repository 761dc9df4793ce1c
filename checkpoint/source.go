package checkpoint

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"sync"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/filekind"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// displayPath returns the name of a file, or a prefix, for messages and for Prefix.
func displayPath(fsys fs.FS, name string) string {
	shown := name
	if d, ok := fsys.(interface{ Path(name string) string }); ok {
		shown = d.Path(name)
	}
	if name == "" || strings.HasSuffix(name, "/") {
		return filenames.Join(shown, "")
	}
	return shown
}

// input is an open file of a checkpoint.
type input struct {
	io.ReaderAt
	file   fs.File
	size   int64
	stored int64  // the size without holes
	path   string // for messages
}

func openInput(fsys fs.FS, name string) (*input, error) {
	in := &input{path: displayPath(fsys, name)}
	f, err := vfs.OpenIn(fsys, name)
	if err != nil {
		return nil, vfs.Error("open", in.path, err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, vfs.Error("open", in.path, err)
	}
	in.file, in.size, in.stored = f, info.Size(), vfs.Stored(f, info)
	if at, ok := f.(io.ReaderAt); ok {
		in.ReaderAt = at
	} else {
		in.ReaderAt = &forwardReader{fsys: fsys, name: name, f: f}
	}
	return in, nil
}

// memoryLimit is the default of ReaderOptions.MemoryLimit for this file.
func (in *input) memoryLimit() int64 { return 64<<20 + 2*min(in.stored, 1<<60) }

// notATable returns the error for a file that should be a table and is none, with what it is
// instead if it is one of the files that people pass by mistake.
func (in *input) notATable(op string, err error) error {
	err = tableError(op, in.path, err)
	if !errors.Is(err, tfkeep.ErrCorrupt) {
		return err
	}
	if what := in.kind(); what != "" {
		return &tfkeep.Error{Op: op, Path: in.path, Err: tfkeep.ErrCorrupt, Detail: "this is " + what}
	}
	return err
}

// kind says what the file is, if it is one that people pass by mistake.
func (in *input) kind() string {
	head := make([]byte, min(in.size, filekind.HeadSize))
	n, _ := in.ReadAt(head, 0)
	return filekind.Of(in.path, head[:n])
}

func (in *input) Close() error {
	if f, ok := in.ReaderAt.(*forwardReader); ok {
		return f.close()
	}
	return in.file.Close()
}

// forwardReader reads at offsets from a file that can only be read forward, such as a
// compressed file in an archive. To go back it opens the file again.
type forwardReader struct {
	fsys fs.FS
	name string

	mu  sync.Mutex
	f   fs.File
	pos int64
}

func (r *forwardReader) ReadAt(p []byte, off int64) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.moveTo(off); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(r.f, p)
	r.pos += int64(n)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}

func (r *forwardReader) moveTo(off int64) error {
	if s, ok := r.f.(io.Seeker); ok {
		_, err := s.Seek(off, io.SeekStart)
		return err
	}
	if r.f == nil || off < r.pos {
		if err := r.reopen(); err != nil {
			return err
		}
	}
	n, err := io.CopyN(io.Discard, r.f, off-r.pos)
	r.pos += n
	return err
}

func (r *forwardReader) reopen() error {
	if r.f != nil {
		r.f.Close()
		r.f = nil
	}
	f, err := r.fsys.Open(r.name)
	if err != nil {
		return err
	}
	r.f, r.pos = f, 0
	return nil
}

func (r *forwardReader) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.f == nil {
		return nil
	}
	return r.f.Close()
}

// isEOF reports whether err is the end of a stream: io.EOF itself, as io.Reader requires. An
// error that wraps io.EOF is a failure.
func isEOF(err error) bool { return err == io.EOF } //nolint:errorlint // see above
