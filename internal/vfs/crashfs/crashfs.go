// Package crashfs is a file system in memory for tests of durable writing.
//
// It implements vfs.FS. Besides the content that processes see, it has the content that
// a power cut would leave. Sync of a file makes its content durable, and [FS.SyncDir]
// the names in a folder. [FS.PowerCut] loses the rest, in one of the ways in which file
// systems do.
//
// Every change counts as an operation, and [FS.FailAt] makes the n-th one fail: as in a
// kill (it fails, and so do all later ones), with a full disk (it fails, and so do all
// later writes, but removals help) or with a single I/O error. A test runs an action
// once to count its operations, and then once for each of them. So it proves that the
// action is safe at every point.
package crashfs

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tfkeep/tfkeep/internal/vfs"
)

// ErrKilled is the error of every operation after the kill.
var ErrKilled = errors.New("crashfs: the process was killed")

// Fault is a kind of failure.
type Fault int

// The faults. None disarms FailAt.
const (
	None    Fault = iota
	Kill          // neither the operation nor any later one happens; locks are gone
	NoSpace       // it and all later ones that need space fail with ENOSPC; half of a write fits
	IOError       // it alone fails with EIO; half of a write has happened
)

func (f Fault) String() string { return [...]string{"none", "kill", "ENOSPC", "EIO"}[f] }

// FS is the file system. New returns one that is ready.
type FS struct {
	mu      sync.Mutex
	live    map[string]*inode // what processes see
	durable map[string]*inode // what survives
	clock   time.Time
	epoch   int // increases with each restart; files that were opened before are dead

	ops     int
	log     []string
	fault   Fault
	faultAt int
	killed  bool
	full    bool
}

type inode struct {
	name    string // the base name at opening or after the last rename
	dir     bool
	data    []byte
	synced  []byte
	mtime   time.Time
	lock    *file
	durable bool // its content was synced at least once
}

var _ vfs.FS = (*FS)(nil)

// New returns an empty file system with a root folder.
func New() *FS {
	root := &inode{dir: true}
	return &FS{
		live:    map[string]*inode{"/": root},
		durable: map[string]*inode{"/": root},
		clock:   time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC),
	}
}

// FailAt makes the n-th change from now, counted from 1, fail. Counting starts again.
func (f *FS) FailAt(n int, fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops, f.log = 0, nil
	f.faultAt, f.fault = n, fault
	f.full = false
}

// Ops returns the number of changes since FailAt or the start.
func (f *FS) Ops() int { f.mu.Lock(); defer f.mu.Unlock(); return f.ops }

// Log describes the changes that Ops counts, for the message of a failing test.
func (f *FS) Log() []string { f.mu.Lock(); defer f.mu.Unlock(); return append([]string(nil), f.log...) }

// Restart ends all processes: open files and locks are gone, and no change fails any
// more. What the processes have written stays.
func (f *FS) Restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.restart()
}

func (f *FS) restart() {
	f.epoch++
	f.killed, f.full, f.fault = false, false, None
	for _, n := range f.live {
		n.lock = nil
	}
}

// Clone returns a copy of the file system without open files, locks or faults.
func (f *FS) Clone() *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	copies := map[*inode]*inode{}
	clone := func(names map[string]*inode) map[string]*inode {
		out := make(map[string]*inode, len(names))
		for p, n := range names {
			c := copies[n]
			if c == nil {
				c = &inode{name: n.name, dir: n.dir, mtime: n.mtime, durable: n.durable,
					data: append([]byte(nil), n.data...), synced: append([]byte(nil), n.synced...)}
				copies[n] = c
			}
			out[p] = c
		}
		return out
	}
	return &FS{live: clone(f.live), durable: clone(f.durable), clock: f.clock}
}

// Files returns the contents of all files below a folder by their full paths.
func (f *FS) Files(dir string) map[string][]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir = clean(dir)
	out := map[string][]byte{}
	for p, n := range f.live {
		if !n.dir && strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/") {
			out[p] = append([]byte(nil), n.data...)
		}
	}
	return out
}

// Names returns the paths of all files below a folder, sorted.
func (f *FS) Names(dir string) []string {
	return slices.Sorted(maps.Keys(f.Files(dir)))
}

// change counts an operation and reports whether it may happen. If half is set, half of
// a write happens before its error. The caller holds mu.
func (f *FS) change(op, name string, needsSpace bool) (half bool, err error) {
	if f.killed {
		return false, ErrKilled
	}
	f.ops++
	f.log = append(f.log, op+" "+name)
	f.clock = f.clock.Add(time.Millisecond)
	if f.fault != None && f.ops == f.faultAt {
		switch f.fault {
		case Kill:
			f.killed = true
			return false, ErrKilled
		case NoSpace:
			f.full = true
		case IOError:
			return true, &fs.PathError{Op: op, Path: name, Err: syscall.EIO}
		}
	}
	if f.full && needsSpace {
		return true, &fs.PathError{Op: op, Path: name, Err: syscall.ENOSPC}
	}
	return false, nil
}

func clean(name string) string {
	name = filepath.Clean(name)
	if !filepath.IsAbs(name) {
		name = "/" + name
	}
	return name
}

func (f *FS) lookup(op, name string) (*inode, error) {
	if f.killed {
		return nil, ErrKilled
	}
	n := f.live[clean(name)]
	if n == nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return n, nil
}

func (f *FS) parent(op, name string) error {
	n, err := f.lookup(op, filepath.Dir(clean(name)))
	if err != nil {
		return err
	}
	if !n.dir {
		return &fs.PathError{Op: op, Path: name, Err: syscall.ENOTDIR}
	}
	return nil
}

// Open implements vfs.FS.
func (f *FS) Open(name string) (vfs.File, error) { return f.OpenFile(name, os.O_RDONLY, 0) }

// OpenFile implements vfs.FS.
func (f *FS) OpenFile(name string, flag int, _ fs.FileMode) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.lookup("open", name)
	switch {
	case err == nil:
		if flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrExist}
		}
		if n.dir && flag&(os.O_WRONLY|os.O_RDWR) != 0 {
			return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
		}
	case errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE != 0:
		if err := f.parent("open", name); err != nil {
			return nil, err
		}
		if _, err := f.change("create", name, true); err != nil {
			return nil, err
		}
		n = &inode{name: filepath.Base(name), mtime: f.clock}
		f.live[clean(name)] = n
	default:
		return nil, err
	}
	if flag&os.O_TRUNC != 0 && len(n.data) > 0 {
		if _, err := f.change("truncate", name, false); err != nil {
			return nil, err
		}
		n.data, n.mtime = nil, f.clock
	}
	return &file{fs: f, node: n, name: name, epoch: f.epoch}, nil
}

// Rename implements vfs.FS.
func (f *FS) Rename(oldname, newname string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.lookup("rename", oldname)
	if err != nil {
		return err
	}
	if err := f.parent("rename", newname); err != nil {
		return err
	}
	if _, err := f.change("rename", oldname+" "+newname, false); err != nil {
		return err
	}
	delete(f.live, clean(oldname))
	f.live[clean(newname)] = n
	n.name = filepath.Base(newname)
	return nil
}

// Link implements vfs.FS.
func (f *FS) Link(oldname, newname string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.lookup("link", oldname)
	if err != nil {
		return err
	}
	if err := f.parent("link", newname); err != nil {
		return err
	}
	if f.live[clean(newname)] != nil {
		return &fs.PathError{Op: "link", Path: newname, Err: fs.ErrExist}
	}
	if _, err := f.change("link", oldname+" "+newname, true); err != nil {
		return err
	}
	f.live[clean(newname)] = n
	return nil
}

// Remove implements vfs.FS.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.lookup("remove", name)
	if err != nil {
		return err
	}
	if n.dir {
		for p := range f.live {
			if strings.HasPrefix(p, clean(name)+"/") {
				return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
			}
		}
	}
	if _, err := f.change("remove", name, false); err != nil {
		return err
	}
	delete(f.live, clean(name))
	return nil
}

// MkdirAll creates folders, which are durable at once: they are not what is tested.
func (f *FS) MkdirAll(name string, _ fs.FileMode) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for p := clean(name); ; p = filepath.Dir(p) {
		n := f.live[p]
		if n != nil && !n.dir {
			return &fs.PathError{Op: "mkdir", Path: name, Err: syscall.ENOTDIR}
		}
		if n != nil {
			return nil
		}
		if _, err := f.change("mkdir", p, true); err != nil {
			return err
		}
		n = &inode{name: filepath.Base(p), dir: true, mtime: f.clock}
		f.live[p], f.durable[p] = n, n
	}
}

// Stat implements vfs.FS.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.lookup("stat", name)
	if err != nil {
		return nil, err
	}
	return n.info(filepath.Base(clean(name))), nil
}

// Lstat implements vfs.FS: there are no links.
func (f *FS) Lstat(name string) (fs.FileInfo, error) { return f.Stat(name) }

// SameFile implements vfs.FS.
func (f *FS) SameFile(a, b fs.FileInfo) bool {
	x, ok1 := a.(info)
	y, ok2 := b.(info)
	return ok1 && ok2 && x.node == y.node
}

// ReadDir implements vfs.FS.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.lookup("readdir", name); err != nil {
		return nil, err
	}
	dir := strings.TrimSuffix(clean(name), "/") + "/"
	var out []fs.DirEntry
	for p, n := range f.live {
		if base, ok := strings.CutPrefix(p, dir); ok && base != "" && !strings.Contains(base, "/") {
			out = append(out, fs.FileInfoToDirEntry(n.info(base)))
		}
	}
	slices.SortFunc(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return out, nil
}

// SyncDir implements vfs.FS.
func (f *FS) SyncDir(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.lookup("syncdir", name); err != nil {
		return err
	}
	if _, err := f.change("syncdir", name, false); err != nil {
		return err
	}
	dir := clean(name)
	for p := range f.durable {
		if p != "/" && filepath.Dir(p) == dir && f.live[p] == nil {
			delete(f.durable, p)
		}
	}
	for p, n := range f.live {
		if filepath.Dir(p) == dir {
			f.durable[p] = n
		}
	}
	return nil
}
