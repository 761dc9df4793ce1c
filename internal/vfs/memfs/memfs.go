// Package memfs keeps files in memory, for checkpoints that are on their way between Go and
// TensorFlow and never reach a disk.
package memfs

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tfkeep/tfkeep/internal/vfs"
)

// FS is a file system in memory. Every folder exists, and a path is the name of a file.
// Nobody else uses it, so that locks are always free.
type FS struct {
	mu    sync.Mutex
	files map[string]*content
}

// New returns a file system without files.
func New() *FS { return &FS{files: map[string]*content{}} }

// content is that of one file, which may have several names.
type content struct {
	mu   sync.RWMutex
	data []byte
}

// Bytes returns the content of a file, which must not be changed, or nil if there is none.
func (m *FS) Bytes(name string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.files[filepath.Clean(name)]
	if c == nil {
		return nil
	}
	return c.data
}

// Put adds a file with data, which the caller must not change.
func (m *FS) Put(name string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[filepath.Clean(name)] = &content{data: data}
}

// Names returns the names of all files, sorted.
func (m *FS) Names() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := make([]string, 0, len(m.files))
	for name := range m.files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Open opens a file for reading.
func (m *FS) Open(name string) (vfs.File, error) { return m.OpenFile(name, os.O_RDONLY, 0) }

// OpenFile opens a file, and makes it with os.O_CREATE.
func (m *FS) OpenFile(name string, flag int, _ fs.FileMode) (vfs.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	path := filepath.Clean(name)
	c := m.files[path]
	switch {
	case c == nil && flag&os.O_CREATE == 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case c != nil && flag&os.O_CREATE != 0 && flag&os.O_EXCL != 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrExist}
	case c == nil:
		c = new(content)
		m.files[path] = c
	case flag&os.O_TRUNC != 0:
		c.data = nil
	}
	return &file{content: c, name: name}, nil
}

// Rename gives a file another name, which it takes from another one.
func (m *FS) Rename(oldname, newname string) error {
	if err := m.name("rename", oldname, newname, true); err != nil {
		return err
	}
	if filepath.Clean(oldname) == filepath.Clean(newname) {
		return nil
	}
	return m.Remove(oldname)
}

// Link gives a file a second name.
func (m *FS) Link(oldname, newname string) error { return m.name("link", oldname, newname, false) }

// name gives a file a second name.
func (m *FS) name(op, oldname, newname string, replace bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, path := m.files[filepath.Clean(oldname)], filepath.Clean(newname)
	if c == nil {
		return &fs.PathError{Op: op, Path: oldname, Err: fs.ErrNotExist}
	}
	if m.files[path] != nil && !replace {
		return &fs.PathError{Op: op, Path: newname, Err: fs.ErrExist}
	}
	m.files[path] = c
	return nil
}

// Remove removes a name of a file.
func (m *FS) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if path := filepath.Clean(name); m.files[path] != nil {
		delete(m.files, path)
		return nil
	}
	return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
}

// MkdirAll does nothing: each folder exists.
func (m *FS) MkdirAll(string, fs.FileMode) error { return nil }

// SyncDir does nothing.
func (m *FS) SyncDir(string) error { return nil }

// Stat describes a file.
func (m *FS) Stat(name string) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.files[filepath.Clean(name)]; c != nil {
		return info{filepath.Base(name), c}, nil
	}
	return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
}

// Lstat is Stat: there are no links.
func (m *FS) Lstat(name string) (fs.FileInfo, error) { return m.Stat(name) }

// ReadDir lists the files of a folder.
func (m *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	var entries []fs.DirEntry
	for _, path := range m.Names() {
		rest, ok := strings.CutPrefix(path, filepath.Clean(name)+string(filepath.Separator))
		if !ok || strings.ContainsRune(rest, filepath.Separator) {
			continue
		}
		if i, err := m.Stat(path); err == nil {
			entries = append(entries, fs.FileInfoToDirEntry(i))
		}
	}
	return entries, nil
}

// SameFile reports whether two descriptions are of one file.
func (m *FS) SameFile(a, b fs.FileInfo) bool {
	one, ok := a.(info)
	other, ok2 := b.(info)
	return ok && ok2 && one.content == other.content
}

// info describes a file.
type info struct {
	name    string
	content *content
}

func (i info) Name() string { return i.name }

func (i info) Size() int64 {
	i.content.mu.RLock()
	defer i.content.mu.RUnlock()
	return int64(len(i.content.data))
}

func (i info) Mode() fs.FileMode  { return 0o600 }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return false }
func (i info) Sys() any           { return nil }

// file is an open file.
type file struct {
	content *content
	name    string
	pos     int64
}

func (f *file) Name() string               { return f.name }
func (f *file) Stat() (fs.FileInfo, error) { return info{filepath.Base(f.name), f.content}, nil }
func (f *file) Close() error               { return nil }
func (f *file) Sync() error                { return nil }
func (f *file) TryLock() (bool, error)     { return true, nil }

func (f *file) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, f.pos)
	f.pos += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.content.mu.RLock()
	defer f.content.mu.RUnlock()
	if off >= int64(len(f.content.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.content.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) Write(p []byte) (int, error) {
	n, err := f.WriteAt(p, f.pos)
	f.pos += int64(n)
	return n, err
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	f.content.mu.Lock()
	defer f.content.mu.Unlock()
	f.content.resize(max(off+int64(len(p)), int64(len(f.content.data))))
	return copy(f.content.data[off:], p), nil
}

func (f *file) Truncate(size int64) error {
	f.content.mu.Lock()
	defer f.content.mu.Unlock()
	f.content.resize(size)
	return nil
}

// resize changes the size of a file. New bytes are 0.
func (c *content) resize(size int64) {
	if have := int64(len(c.data)); size > have {
		c.data = append(c.data, make([]byte, size-have)...)
	}
	c.data = c.data[:size]
}
