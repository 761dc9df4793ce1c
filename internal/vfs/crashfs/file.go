package crashfs

import (
	"io"
	"io/fs"
	"time"
)

type file struct {
	fs     *FS
	node   *inode
	name   string
	epoch  int
	pos    int64
	closed bool
	dirty  bool // written since the last sync
}

// enter locks the file system and checks that the file may still be used.
func (f *file) enter() error {
	f.fs.mu.Lock()
	if f.closed {
		return fs.ErrClosed
	}
	if f.fs.killed || f.epoch != f.fs.epoch {
		return ErrKilled
	}
	return nil
}

func (f *file) Name() string { return f.name }

func (f *file) Stat() (fs.FileInfo, error) {
	err := f.enter()
	defer f.fs.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return f.node.info(f.node.name), nil
}

func (f *file) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, f.pos)
	f.pos += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	err := f.enter()
	defer f.fs.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[off:])
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
	err := f.enter()
	defer f.fs.mu.Unlock()
	if err != nil {
		return 0, err
	}
	half, err := f.fs.change("write", f.name, true)
	if err != nil && !half {
		return 0, err
	}
	if half {
		p = p[:len(p)/2]
	}
	if end := off + int64(len(p)); end > int64(len(f.node.data)) {
		grown := make([]byte, end)
		copy(grown, f.node.data)
		f.node.data = grown
	}
	f.dirty = true
	n := copy(f.node.data[off:], p)
	f.node.mtime = f.fs.clock
	return n, err
}

func (f *file) Truncate(size int64) error {
	err := f.enter()
	defer f.fs.mu.Unlock()
	if err != nil {
		return err
	}
	if size == int64(len(f.node.data)) {
		return nil
	}
	if _, err := f.fs.change("truncate", f.name, size > int64(len(f.node.data))); err != nil {
		return err
	}
	resized := make([]byte, size)
	copy(resized, f.node.data)
	f.node.data, f.node.mtime = resized, f.fs.clock
	return nil
}

func (f *file) Sync() error {
	err := f.enter()
	defer f.fs.mu.Unlock()
	if err != nil {
		return err
	}
	if _, err := f.fs.change("sync", f.name, false); err != nil {
		return err
	}
	f.node.synced = append([]byte(nil), f.node.data...)
	f.node.durable = true
	f.dirty = false
	return nil
}

func (f *file) TryLock() (bool, error) {
	err := f.enter()
	defer f.fs.mu.Unlock()
	if err != nil {
		return false, err
	}
	if f.node.lock != nil && f.node.lock != f {
		return false, nil
	}
	f.node.lock = f
	return true, nil
}

// Close of a file with unsynced writes counts as a change, because network file systems
// report failed writes there.
func (f *file) Close() error {
	err := f.enter()
	defer f.fs.mu.Unlock()
	if err != nil {
		return err
	}
	f.closed = true
	if f.node.lock == f {
		f.node.lock = nil
	}
	if f.dirty {
		_, err = f.fs.change("close", f.name, true)
	}
	return err
}

func (n *inode) info(name string) fs.FileInfo {
	return info{node: n, name: name, size: int64(len(n.data)), mtime: n.mtime}
}

type info struct {
	node  *inode
	name  string
	size  int64
	mtime time.Time
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) ModTime() time.Time { return i.mtime }
func (i info) IsDir() bool        { return i.node.dir }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.node.dir {
		return fs.ModeDir | 0o755
	}
	return 0o644
}
