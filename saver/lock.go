package saver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// One process at a time may save under one state file. The lock is held from
// the first save into a directory until Close or the end of the process, and
// its file doubles as a journal: it says what a save is about to write and
// delete, so that the next one can tidy up after a process that died midway.
//
// Savers of one process share a lock and take turns.

// note is what the journal says. An empty one says that nothing is under way.
type note struct {
	Writing *files  `json:"writing,omitempty"` // not in the state file yet
	Remove  []files `json:"remove,omitempty"`  // no longer in it
}

// files are those of one checkpoint.
type files struct {
	Path   string `json:"path"` // a bare name lies beside the journal
	Suffix string `json:"meta"` // of the meta graph's file
	V1     bool   `json:"v1,omitempty"`
}

// dirLock is the lock on one state file and the checkpoints that it lists.
type dirLock struct {
	key  lockKey
	dir  string
	name string // of the state file
	refs int    // Savers of this process that hold it

	mu   sync.Mutex // held during a save
	file vfs.File
	now  note // what the journal says, without retired
	// retired is what the save under way removes once it has succeeded.
	retired []files
	left    *note // what the last process left in it, until tidy
	// parts are checkpoints whose shards the graph's nodes may have left unmerged.
	parts []string
	// tidied: what the last process left behind is gone.
	tidied bool
}

type lockKey struct {
	fs   vfs.FS
	path string
}

var locks = struct {
	sync.Mutex
	held map[lockKey]*dirLock
}{held: map[lockKey]*dirLock{}}

// lockSuffix is that of dir.Lock, so that dir.Sweep knows the file
// when its owner has died.
const lockSuffix = ".tfkeep-lock"

func acquire(fsys vfs.FS, dir, stateName string) (*dirLock, error) {
	abs, err := filepath.Abs(filepath.Join(dir, stateName+lockSuffix))
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	key := lockKey{fsys, abs}
	locks.Lock()
	defer locks.Unlock()
	if l := locks.held[key]; l != nil {
		l.refs++
		return l, nil
	}
	f, err := vfs.OpenLocked(fsys, abs)
	if errors.Is(err, vfs.ErrLocked) {
		return nil, &tfkeep.Error{
			Err: tfkeep.ErrLocked, Cause: err,
			Detail: abs + ": another process saves here; end it, save into another directory, or use another LatestFilename",
		}
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	l := &dirLock{key: key, dir: filepath.Dir(abs), name: stateName, refs: 1, file: f}
	l.left = readNote(f)
	locks.held[key] = l
	return l, nil
}

// readNote reads the journal. One that was cut off in writing says nothing: the
// save that it was for had not begun.
func readNote(f vfs.File) *note {
	const limit = 1 << 20
	data, err := io.ReadAll(io.NewSectionReader(f, 0, limit))
	if err != nil || len(data) == 0 {
		return nil
	}
	var n note
	if json.Unmarshal(data, &n) != nil {
		return nil
	}
	return &n
}

// drop gives one hold back; the last one removes the file.
func (l *dirLock) drop() error {
	locks.Lock()
	defer locks.Unlock()
	if l.refs--; l.refs > 0 {
		return nil
	}
	delete(locks.held, l.key)
	err := l.key.fs.Remove(l.key.path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // with the directory
	}
	return errors.Join(err, l.file.Close())
}

// lockSet is the locks that one Saver holds.
type lockSet map[lockKey]*dirLock

// lock takes the lock of a state file, once for the life of the Saver.
func (s *Saver) lock(dir, stateName string) (*dirLock, error) {
	l, err := acquire(s.fs, dir, stateName)
	if err != nil {
		return nil, err
	}
	if s.locks[l.key] != nil {
		return l, l.drop() // held already; the count stays above zero
	}
	if s.locks == nil {
		s.locks = lockSet{}
	}
	s.locks[l.key] = l
	return l, nil
}

func (s lockSet) release() error {
	var errs []error
	for key, l := range s {
		errs = append(errs, l.drop())
		delete(s, key)
	}
	return errors.Join(errs...)
}
