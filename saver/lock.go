package saver

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/saver/internal/journal"
)

// LockOptions tune Lock. Nil, and the zero value, are the defaults.
type LockOptions struct {
	// LatestFilename is the name of the state file; "" means "checkpoint".
	LatestFilename string
	// Wait waits while another process saves into the folder, until ctx is done.
	Wait bool
}

// Lock says at the start of a training what its first save would say: it makes the
// folder if there is none, takes the lock that saves into it need, and tries to write a
// file. The Saver holds the lock until Close. Savers of one process share it.
//
// If another process holds the lock, the error is tfkeep.ErrLocked and names that process,
// its machine and the time since when, as far as the lock file says so. If the folder
// cannot be written, it is the error of the file system.
func (s *Saver) Lock(ctx context.Context, folder string, o *LockOptions) error {
	if err := s.check(ctx); err != nil {
		return wrap("lock", folder, err)
	}
	var opts LockOptions
	if o != nil {
		opts = *o
	}
	lock, err := s.lock(ctx, folder, &opts)
	if err == nil {
		err = s.tryToWrite(ctx, lock, folder, opts.latestFilename())
	}
	return wrap("lock", folder, err)
}

func (o *LockOptions) latestFilename() string {
	if o.LatestFilename == "" {
		return dir.DefaultLatestFilename
	}
	return o.LatestFilename
}

// lock makes the folder and takes its lock. It does not hold turn while it waits for
// another process.
func (s *Saver) lock(ctx context.Context, folder string, o *LockOptions) (*journal.Folder, error) {
	const firstPause, lastPause = 20 * time.Millisecond, time.Second
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		lock, err := s.tryLock(folder, o.latestFilename())
		if !o.Wait || !errors.Is(err, tfkeep.ErrLocked) {
			return lock, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), err)
		case <-time.After(pause):
		}
	}
}

func (s *Saver) tryLock(folder, latestFilename string) (*journal.Folder, error) {
	if isRemotePath(folder) {
		return nil, fault(tfkeep.ErrUnsupported, "only TensorFlow's nodes reach the folder, and they cannot list it; use a folder that this process can read, or Restore with the path of a checkpoint")
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.closed {
		return nil, s.ready(nil)
	}
	folder = localPath(folder)
	if err := s.fs.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	return s.locks.Take(s.fs, folder, latestFilename)
}

// tryToWrite makes a temporary file and removes it.
func (s *Saver) tryToWrite(ctx context.Context, lock *journal.Folder, folder, latestFilename string) error {
	// Begin also replaces the name of a process that died in the lock file.
	if err := s.beginIn(ctx, lock, localPath(folder)); err != nil {
		return err
	}
	defer lock.End()
	f, err := vfs.CreateAtomic(s.fs, filepath.Join(localPath(folder), latestFilename))
	if err != nil {
		return err
	}
	return f.Close()
}

// beginIn is Begin for a lock of this Saver. If another folder is now where the one was that
// this Saver saved in, checkpoints of the same names there are not its own, and stay.
func (s *Saver) beginIn(ctx context.Context, lock *journal.Folder, folder string) error {
	if err := lock.Begin(ctx, s.opts.NoSync); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if moves, known := s.moves[lock]; known && moves != lock.Moves() {
		elsewhere := func(list []Checkpoint) []Checkpoint {
			return slices.DeleteFunc(slices.Clone(list), func(c Checkpoint) bool { return s.inside(folder, c.Path) })
		}
		s.kept.last, s.kept.doomed = elsewhere(s.kept.last), elsewhere(s.kept.doomed)
	}
	if s.moves == nil {
		s.moves = map[*journal.Folder]int{}
	}
	s.moves[lock] = lock.Moves()
	return nil
}

// cannotWrite reports whether an error says that a folder can be read at most.
func cannotWrite(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) || errors.Is(err, errors.ErrUnsupported)
}
