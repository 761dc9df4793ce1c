package vfs_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/vfs"
)

// sentFile records what a Writeback sends and frees.
type sentFile struct {
	vfs.File
	sent, freed int64
	err         error
}

func (f *sentFile) StartWriteback(_, length int64) { f.sent += length }

func (f *sentFile) FinishWriteback(offset, length int64) error {
	if offset != f.freed {
		return errors.New("a part of the file stays in memory")
	}
	f.freed += length
	return f.err
}

func TestWritebackSendsAndFrees(t *testing.T) {
	t.Parallel()
	const piece, pieces = 1<<20 - 1, 100
	f := &sentFile{}
	w := vfs.NewWriteback(f)
	for i := range int64(pieces) {
		require.NoError(t, w.Wrote(i*piece, piece))
		require.NoError(t, w.Wrote(i*piece, 100), "too small to be sent by itself")
	}
	assert.Equal(t, int64(piece*pieces), f.sent)
	assert.InDelta(t, piece*pieces-32<<20, f.freed, 1<<20, "all but the window")
	f.err = errors.New("broken device")
	require.ErrorIs(t, w.Wrote(pieces*piece, piece), f.err)
}

// sentFS opens files as sentFiles.
type sentFS struct {
	vfs.FS
	last *sentFile
	err  error
}

func (s *sentFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := s.FS.OpenFile(name, flag, perm)
	s.last = &sentFile{File: f, err: s.err}
	return s.last, err
}

// Sync would not return the error of the device again.
func TestAtomicFileTellsErrorOfEarlierPart(t *testing.T) {
	t.Parallel()
	data := make([]byte, 40<<20)
	for _, broken := range []error{nil, errors.New("broken device")} {
		fsys := &sentFS{FS: vfs.OS, err: broken}
		path := filepath.Join(t.TempDir(), "f")
		err := vfs.WriteFileAtomic(fsys, path, data, true)
		require.ErrorIs(t, err, broken)
		info, err := vfs.OS.Stat(path)
		if broken != nil {
			require.ErrorIs(t, err, fs.ErrNotExist)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, int64(len(data)), info.Size())
		assert.Equal(t, int64(len(data)), fsys.last.sent)
		assert.Positive(t, fsys.last.freed)
		require.NoError(t, vfs.WriteFileAtomic(fsys, path, data, false))
		assert.Zero(t, fsys.last.sent, "nothing waits for the device without a sync")
	}
}
