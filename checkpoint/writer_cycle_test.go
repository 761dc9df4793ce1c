package checkpoint_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/internal/vfs/crashfs"
)

// saveAndForget does what a saver does that keeps one checkpoint: it writes the new
// one, names it in the state file, and removes the old one.
func saveAndForget(f vfs.FS, old, new model) error {
	path := func(m model) string { return fmt.Sprintf("/d/m-%d", m.version) }
	if err := new.write(f, path(new), false); err != nil {
		return err
	}
	err := dir.UpdateState(onFS(f), "/d", dir.State{ModelCheckpointPath: path(new)}, &dir.StateOptions{SaveRelativePaths: true})
	if err != nil || old.version == 0 {
		return err
	}
	return dir.Remove(onFS(f), path(old), nil)
}

// However a save ends that keeps one checkpoint, the newest one in the state file is
// whole and has its meta graph, and after Sweep there are only whole checkpoints.
func TestNewestIsWholeAfterFault(t *testing.T) {
	t.Parallel()
	old, new := model{1, 1, true}, model{2, 2, true}
	s := scenario{
		prepare: func(t *testing.T, f *crashfs.FS) {
			require.NoError(t, f.MkdirAll("/d", 0o755))
			require.NoError(t, saveAndForget(f, model{}, old))
		},
		act: func(f vfs.FS) error { return saveAndForget(f, old, new) },
	}
	check := func(f *crashfs.FS, succeeded bool, where string) {
		newest, err := dir.Latest(onFS(f), "/d", nil)
		require.NoError(t, err, where)
		want := map[string]model{"/d/m-1": old, "/d/m-2": new}[newest]
		require.NoError(t, want.check(f, newest), where)
		if succeeded {
			require.Equal(t, "/d/m-2", newest, where)
		}
		_, err = dir.Sweep(onFS(f), "/d", &dir.SweepOptions{Idle: -1})
		require.NoError(t, err, where)
		files := 1 // The state file.
		for _, c := range []struct {
			prefix string
			m      model
		}{{"/d/m-1", old}, {"/d/m-2", new}} {
			if c.m.check(f, c.prefix) == nil {
				files += c.m.shards + 2
			}
		}
		require.Len(t, f.Names("/"), files, "%s: strays:\n%s", where, strings.Join(f.Names("/"), "\n"))
	}
	for _, fault := range []crashfs.Fault{crashfs.Kill, crashfs.NoSpace, crashfs.IOError} {
		s.eachOperation(t, func(f *crashfs.FS, n int) {
			f.FailAt(n, fault)
			err := s.act(f)
			where := fmt.Sprintf("%v at %d: %s", fault, n, lastOf(f.Log()))
			f.Restart()
			check(f, err == nil, where)
		})
	}
	for loss := crashfs.KeepNothing; loss < crashfs.KeepSome+3; loss++ {
		s.eachOperation(t, func(f *crashfs.FS, n int) {
			f.FailAt(n, crashfs.Kill)
			err := s.act(f)
			where := fmt.Sprintf("power cut (%d) at %d: %s", loss, n, lastOf(f.Log()))
			f.PowerCut(loss)
			check(f, err == nil, where)
		})
	}
}

// Until a merge is committed, its sources are whole. After that the result is whole.
func TestMergeIsAtomic(t *testing.T) {
	t.Parallel()
	part := model{1, 1, false}
	s := scenario{
		prepare: func(t *testing.T, f *crashfs.FS) {
			require.NoError(t, f.MkdirAll("/d", 0o755))
			require.NoError(t, part.write(f, "/d/parts/p0", false))
		},
		act: func(f vfs.FS) error {
			return checkpoint.Merge(onFS(f), []string{"/d/parts/p0"}, "/d/m", &checkpoint.MergeOptions{DeleteOldDirs: true})
		},
	}
	check := func(f *crashfs.FS, err error, where string) {
		merged, source := part.check(f, "/d/m"), part.check(f, "/d/parts/p0")
		require.True(t, merged == nil || source == nil, "%s: %v; %v", where, merged, source)
		if err == nil {
			require.NoError(t, merged, where)
		}
	}
	for _, fault := range []crashfs.Fault{crashfs.Kill, crashfs.NoSpace, crashfs.IOError} {
		s.eachOperation(t, func(f *crashfs.FS, n int) {
			f.FailAt(n, fault)
			err := s.act(f)
			where := fmt.Sprintf("%v at %d: %s", fault, n, lastOf(f.Log()))
			f.Restart()
			check(f, err, where)
			for _, folder := range []string{"/d", "/d/parts"} {
				_, err = dir.Sweep(onFS(f), folder, &dir.SweepOptions{Idle: -1})
				require.NoError(t, err, where)
			}
			check(f, errors.New("unknown"), where)
			for _, name := range f.Names("/") {
				require.NotContains(t, name, filenames.Temp(""), where)
			}
		})
	}
	for loss := crashfs.KeepNothing; loss < crashfs.KeepSome+3; loss++ {
		s.eachOperation(t, func(f *crashfs.FS, n int) {
			f.FailAt(n, crashfs.Kill)
			err := s.act(f)
			f.PowerCut(loss)
			check(f, err, fmt.Sprintf("power cut (%d) at %d: %s", loss, n, lastOf(f.Log())))
		})
	}
}

// A reader that runs at the same time as a writer of the same prefix reads one save or
// the next one, and never gets an error or parts of two.
func TestReadersBesideWriterSeeWholeCheckpoints(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	prefix := filepath.Join(dir, "m")
	require.NoError(t, model{0, 1, false}.write(vfs.OS, prefix, true))
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(done)
		for v := range int64(80) {
			assert.NoError(t, model{v + 1, 1 + int(v%2), false}.write(vfs.OS, prefix, true))
		}
	})
	reads := 0
	for running := true; running; reads++ {
		select {
		case <-done:
			running = false
		default:
		}
		r, err := checkpoint.Open(bg, prefix, nil)
		require.NoError(t, err)
		first, err := checkpoint.Values[int64](bg, r, "t0", nil)
		require.NoError(t, err)
		m := model{first[0] / 1000, 1, false}
		got, err := r.ReadBytes(bg, "t1", nil)
		require.NoError(t, err)
		require.Equal(t, m.tensors()[1].Data, got)
		require.NoError(t, r.Close())
	}
	wg.Wait()
	require.Greater(t, reads, 10)
}

// Strict reading accepts a checkpoint that replaced another.
func TestStrictReadersTakeAReplacedCheckpoint(t *testing.T) {
	t.Parallel()
	prefix := filepath.Join(t.TempDir(), "m")
	for v := range int64(3) {
		require.NoError(t, model{v, 1, false}.write(vfs.OS, prefix, true))
		r, err := checkpoint.Open(bg, prefix, &checkpoint.ReaderOptions{Strict: true})
		require.NoError(t, err)
		require.NoError(t, r.Close())
	}
}
