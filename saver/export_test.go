package saver

import (
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// SetFS sets the file system of a Saver.
func (s *Saver) SetFS(fs vfs.FS) { s.fs = fs }

// Die does to a Saver what a kill does: its locks are released, and its files stay.
func (s *Saver) Die() {
	s.locks.Abandon()
	s.closed = true
}

// ShardError is the error of a checkpoint whose files other machines do not see.
type ShardError = shardError
