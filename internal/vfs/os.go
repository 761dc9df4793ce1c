package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// OS is the operating system's file system.
var OS FS = osFS{}

type osFS struct{}

func (osFS) Open(name string) (File, error) { return wrap(openRegular(name, os.O_RDONLY, 0)) }

func (osFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	return wrap(openRegular(name, flag, perm))
}

func (osFS) Rename(oldname, newname string) error         { return os.Rename(oldname, newname) }
func (osFS) Link(oldname, newname string) error           { return os.Link(oldname, newname) }
func (osFS) Remove(name string) error                     { return os.Remove(name) }
func (osFS) MkdirAll(name string, perm fs.FileMode) error { return os.MkdirAll(name, perm) }
func (osFS) Stat(name string) (fs.FileInfo, error)        { return os.Stat(name) }
func (osFS) Lstat(name string) (fs.FileInfo, error)       { return os.Lstat(name) }
func (osFS) ReadDir(name string) ([]fs.DirEntry, error)   { return readDir(name) }
func (osFS) SameFile(a, b fs.FileInfo) bool               { return os.SameFile(a, b) }

func (osFS) SyncDir(name string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be synced there, and need not be
	}
	d, err := os.OpenFile(name, os.O_RDONLY|openFlags|onlyFolder, 0)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

type osFile struct{ *os.File }

// wrap avoids a File that is not nil and has a nil *os.File.
func wrap(f *os.File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// OSFile returns the file of the operating system that f is, if it is one.
func OSFile(f fs.File) (*os.File, bool) {
	if wrapped, ok := f.(osFile); ok {
		return wrapped.File, true
	}
	file, ok := f.(*os.File)
	return file, ok
}

func (f osFile) TryLock() (bool, error) { return tryLock(f.File) }

// SyncDirOf makes the names in the folder of a file durable, unless noSync is set.
func SyncDirOf(fsys FS, name string, noSync bool) error {
	if noSync {
		return nil
	}
	dir := filepath.Dir(name)
	if err := fsys.SyncDir(dir); err != nil {
		return Error("sync", dir, err)
	}
	return nil
}
