package vfs

import (
	"io/fs"
	"os"
)

// RootFS returns the files of an os.Root as an fs.FS, in which opening a file never waits:
// what is neither a regular file nor a folder cannot be opened.
func RootFS(root *os.Root) fs.FS { return rootFS{root.FS().(rootMethods), root} }

// rootMethods are what the FS of an os.Root has.
type rootMethods interface {
	fs.StatFS
	fs.ReadDirFS
	fs.ReadFileFS
	fs.ReadLinkFS
}

type rootFS struct {
	rootMethods
	root *os.Root
}

func (r rootFS) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	info, err := r.root.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return r.rootMethods.Open(name)
	}
	if err := CheckRegular(name, info); err != nil {
		return nil, err
	}
	f, err := r.root.OpenFile(name, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, err
	}
	return checked(f, name)
}

// ReadFile reads a file as Open opens it.
func (r rootFS) ReadFile(name string) ([]byte, error) {
	const limit = 1 << 40
	return ReadIn(r, name, limit)
}
