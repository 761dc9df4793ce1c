package vfs

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// AtomicFile replaces or creates a file in one step. It writes a temporary file beside
// it, and Commit renames that. Readers see the old content or the new content, never a
// part, also after a crash.
type AtomicFile struct {
	fs   FS
	path string
	tmp  File
	err  error // the first error of a Write
	done bool

	early        *Writeback // or nil
	sent, unsent int64      // bytes written that early knows, and those after them
}

// CreateAtomic begins to replace the file at path. It fails with [ErrLocked] while
// another AtomicFile for the same path is open, in this process or another one. It
// replaces the temporary file of a writer that died.
func CreateAtomic(fsys FS, path string) (*AtomicFile, error) {
	tmp, err := CreateTemp(fsys, path)
	if err != nil {
		return nil, err
	}
	return &AtomicFile{fs: fsys, path: path, tmp: tmp}, nil
}

// SendEarly makes Write send the content to the device while more is written; see
// [Writeback]. It is for files that may be large and that Commit will sync.
func (a *AtomicFile) SendEarly() { a.early = NewWriteback(a.tmp) }

// Write appends to the new content.
func (a *AtomicFile) Write(p []byte) (n int, err error) {
	if a.early == nil {
		n, err = a.tmp.Write(p)
	} else {
		n, err = a.writeEarly(p)
	}
	if err != nil && a.err == nil {
		a.err = err
	}
	return n, err
}

// writeEarly writes p in pieces, each of which is sent before the next is written.
func (a *AtomicFile) writeEarly(p []byte) (n int, err error) {
	const piece = 1 << 20
	for n < len(p) && err == nil {
		var m int
		m, err = a.tmp.Write(p[n:min(len(p), n+piece)])
		n += m
		a.unsent += int64(m)
		if err == nil && a.unsent >= piece {
			err = a.early.Wrote(a.sent, a.unsent)
			a.sent, a.unsent = a.sent+a.unsent, 0
		}
	}
	return n, err
}

// Commit puts the new content in place and closes the file. With sync, the content is
// durable when Commit returns. Without sync, the step is still atomic for other
// processes, and if this process dies, but a power cut may undo it or leave an empty
// file. If Commit fails, as it does after a failed Write, the old file stays, and the
// temporary one is removed; unless [IsCommitted] is true for the error.
func (a *AtomicFile) Commit(sync bool) error {
	if a.done {
		return errors.New("vfs: commit of a closed file")
	}
	if err := a.commit(sync); err != nil {
		if !a.isInPlace() {
			return errors.Join(err, a.Close())
		}
		a.done = true
		return &committedError{errors.Join(err, a.tmp.Close())}
	}
	a.done = true
	err := a.tmp.Close()
	if err == nil && sync {
		err = a.fs.SyncDir(filepath.Dir(a.path))
	}
	if err != nil {
		return &committedError{err}
	}
	return nil
}

// isInPlace reports whether the file was renamed although that returned an error, as may
// happen on a network file system. If that cannot be known, the result is true: nobody may
// take back then what the file has announced.
func (a *AtomicFile) isInPlace() bool {
	named, err := a.fs.Lstat(a.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	ours, err2 := a.tmp.Stat()
	return err != nil || err2 != nil || a.fs.SameFile(ours, named)
}

// committedError is the error of a Commit that has put the new content in place. It says
// that a power cut may undo it.
type committedError struct{ error }

func (e *committedError) Unwrap() error { return e.error }

// IsCommitted reports whether err is that of a Commit that has put the new content in place,
// and only could not make sure that it stays there after a power cut.
func IsCommitted(err error) bool {
	var committed *committedError
	return errors.As(err, &committed)
}

func (a *AtomicFile) commit(sync bool) error {
	if a.err != nil {
		return a.err
	}
	if sync {
		if err := a.tmp.Sync(); err != nil {
			return err
		}
	}
	return a.fs.Rename(a.tmp.Name(), a.path)
}

// Close removes the new content. After Commit it does nothing, so that it can be
// deferred.
func (a *AtomicFile) Close() error {
	if a.done {
		return nil
	}
	a.done = true
	// The file is removed before it is closed, and so unlocked. No other writer can have
	// taken the name in between.
	return errors.Join(a.fs.Remove(a.tmp.Name()), a.tmp.Close())
}

// WriteFileAtomic replaces the content of a file, or creates it, in one step; see
// [AtomicFile].
func WriteFileAtomic(fsys FS, path string, data []byte, sync bool) error {
	a, err := CreateAtomic(fsys, path)
	if err != nil {
		return err
	}
	if sync {
		a.SendEarly()
	}
	_, _ = a.Write(data) // Commit reports it.
	return a.Commit(sync)
}
