package vfs

import (
	"io"
	"io/fs"
)

// FS is a file system that can be written durably. Paths are those of the operating
// system (package path/filepath). Several goroutines may call the methods at the same
// time.
type FS interface {
	// Open opens a regular file for reading. It never waits: a pipe or a device is a
	// tfkeep.ErrCorrupt.
	Open(name string) (File, error)
	// OpenFile opens a regular file with the flags of package os. With os.O_CREATE it
	// refuses a symbolic link: that is a tfkeep.ErrUnsafe.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	// Rename changes the name of a file. If there is a file of the new name, it is
	// replaced in one step: every reader sees either the old file or the new one.
	Rename(oldname, newname string) error
	// Link gives a file a second name, which must not exist. File systems without such
	// links return an error.
	Link(oldname, newname string) error
	// Remove removes a file or an empty folder.
	Remove(name string) error
	// MkdirAll creates a folder and those above it. It is not an error if the folder
	// exists.
	MkdirAll(name string, perm fs.FileMode) error
	// Stat describes a file.
	Stat(name string) (fs.FileInfo, error)
	// Lstat describes a file, or a symbolic link itself.
	Lstat(name string) (fs.FileInfo, error)
	// ReadDir returns the entries of a folder, sorted by name.
	ReadDir(name string) ([]fs.DirEntry, error)
	// SyncDir makes the names in a folder durable: the files that were created, renamed
	// and removed in it.
	SyncDir(name string) error
	// SameFile reports whether two descriptions, from Stat of this FS or of its files,
	// are of the same file.
	SameFile(a, b fs.FileInfo) bool
}

// File is an open file of an FS. Several goroutines may call ReadAt and WriteAt at the
// same time.
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
	// Sync makes the content of the file durable. FS.SyncDir does that for its name.
	Sync() error
	// TryLock takes the exclusive lock of the file, which lasts until Close or the end
	// of the process. It returns false if another open file holds the lock, in this
	// process or another one. It returns true if the system or the file system has no
	// such locks.
	TryLock() (bool, error)
}
