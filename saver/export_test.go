package saver

import (
	"testing"

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

// ThroughMemoryFrom sets, until the end of the test, the number of tensors from which values go
// through TensorFlow's files in memory.
func ThroughMemoryFrom(t testing.TB, n int) {
	before := manyTensors
	manyTensors = n
	t.Cleanup(func() { manyTensors = before })
}
