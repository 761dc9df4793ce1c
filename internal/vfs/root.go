package vfs

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// OpenRoot opens a folder as os.OpenRoot does, which would wait where the name is that of a
// pipe without a writer.
func OpenRoot(dir string) (*os.Root, error) {
	if dir == "" {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: fs.ErrNotExist}
	}
	root, err := os.OpenRoot(dir + string(os.PathSeparator) + ".")
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		pathError.Path = dir
	}
	return root, err
}

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
		return r.root.OpenFile(name, os.O_RDONLY|openFlags|onlyFolder, 0)
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

// ReadDir lists a folder as the FS of the operating system does.
func (r rootFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
	}
	f, err := r.root.OpenFile(name, os.O_RDONLY|openFlags|onlyFolder, 0)
	if err != nil {
		return nil, err
	}
	return entries(f)
}

// entries lists an open folder, sorted by name, and closes it.
func entries(f *os.File) ([]fs.DirEntry, error) {
	list, err := f.ReadDir(-1)
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, errors.Join(err, f.Close())
}

// ReadFile reads a file as Open opens it.
func (r rootFS) ReadFile(name string) ([]byte, error) {
	const limit = 1 << 40
	return ReadIn(r, name, limit)
}
