package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// ReadOnly makes an [FS] of an fs.FS. Names are cleaned before use. Everything that
// changes a file fails with [errors.ErrUnsupported].
func ReadOnly(fsys fs.FS) FS { return readOnly{fsys} }

type readOnly struct{ fsys fs.FS }

func slashed(name string) string { return path.Clean(filepath.ToSlash(name)) }

func (r readOnly) Open(name string) (File, error) {
	f, err := r.fsys.Open(slashed(name))
	if err != nil {
		return nil, err
	}
	return readOnlyFile{f, name}, nil
}

func (r readOnly) OpenFile(name string, flag int, _ fs.FileMode) (File, error) {
	if flag != os.O_RDONLY {
		return nil, errors.ErrUnsupported
	}
	return r.Open(name)
}

func (r readOnly) Stat(name string) (fs.FileInfo, error) { return fs.Stat(r.fsys, slashed(name)) }

func (r readOnly) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(r.fsys, slashed(name)) }

func (r readOnly) ReadDir(name string) ([]fs.DirEntry, error) {
	return fs.ReadDir(r.fsys, slashed(name))
}

func (readOnly) Rename(string, string) error        { return errors.ErrUnsupported }
func (readOnly) Link(string, string) error          { return errors.ErrUnsupported }
func (readOnly) Remove(string) error                { return errors.ErrUnsupported }
func (readOnly) MkdirAll(string, fs.FileMode) error { return errors.ErrUnsupported }
func (readOnly) SyncDir(string) error               { return errors.ErrUnsupported }
func (readOnly) SameFile(a, b fs.FileInfo) bool     { return os.SameFile(a, b) }

type readOnlyFile struct {
	fs.File
	name string
}

func (f readOnlyFile) Name() string { return f.name }

func (f readOnlyFile) ReadAt(p []byte, off int64) (int, error) {
	if at, ok := f.File.(io.ReaderAt); ok {
		return at.ReadAt(p, off)
	}
	return 0, errors.ErrUnsupported
}

func (readOnlyFile) Write([]byte) (int, error)          { return 0, errors.ErrUnsupported }
func (readOnlyFile) WriteAt([]byte, int64) (int, error) { return 0, errors.ErrUnsupported }
func (readOnlyFile) Truncate(int64) error               { return errors.ErrUnsupported }
func (readOnlyFile) Sync() error                        { return errors.ErrUnsupported }
func (readOnlyFile) TryLock() (bool, error)             { return false, errors.ErrUnsupported }
