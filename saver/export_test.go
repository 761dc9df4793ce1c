package saver

import (
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// SetFS gives a Saver another file system.
func (s *Saver) SetFS(fs vfs.FS) { s.fs = fs }

// Die is what a kill does to a Saver: its locks are gone, its files stay.
func (s *Saver) Die() {
	locks.Lock()
	defer locks.Unlock()
	for key := range s.locks {
		delete(locks.held, key)
		delete(s.locks, key)
	}
	s.closed = true
}
