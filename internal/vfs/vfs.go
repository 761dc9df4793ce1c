package vfs

import (
	"io"
	"io/fs"
)

// FS is a file system that can be written durably. Paths are those of the
// operating system (package path/filepath). All methods may be called from many
// goroutines.
type FS interface {
	// Open opens a file for reading.
	Open(name string) (File, error)
	// OpenFile opens a file with the flags of package os.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	// Rename gives a file another name, replacing a file of that name in one
	// step: every observer sees the old file or the new one.
	Rename(oldname, newname string) error
	// Link gives a file a second name, which must not be in use. File systems
	// without such links refuse it with an error.
	Link(oldname, newname string) error
	// Remove removes a file or an empty directory.
	Remove(name string) error
	// MkdirAll makes a directory and those above it; one that exists is fine.
	MkdirAll(name string, perm fs.FileMode) error
	// Stat describes a file.
	Stat(name string) (fs.FileInfo, error)
	// ReadDir lists a directory, sorted by name.
	ReadDir(name string) ([]fs.DirEntry, error)
	// SyncDir makes the names in a directory durable: the files that were
	// created, renamed and removed in it.
	SyncDir(name string) error
	// SameFile tells whether two descriptions, from Stat of this FS or of its
	// files, are of one file.
	SameFile(a, b fs.FileInfo) bool
}

// File is an open file of an FS. ReadAt and WriteAt may be called from many
// goroutines.
type File interface {
	io.Reader
	io.ReaderAt
	io.Writer
	io.WriterAt
	io.Closer
	// Name returns the name that the file was opened with.
	Name() string
	// Stat describes the file, also after it was renamed or removed.
	Stat() (fs.FileInfo, error)
	// Truncate changes the size of the file.
	Truncate(size int64) error
	// Sync makes the contents of the file durable. Its name is another matter:
	// see FS.SyncDir.
	Sync() error
	// TryLock takes the file's exclusive lock, which lasts until Close or the
	// end of the process. It reports false when another open file holds it,
	// in this process or another. On systems without such locks, and on file
	// systems that refuse them, it reports true.
	TryLock() (bool, error)
}
