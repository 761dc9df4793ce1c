//go:build unix

package savedmodel_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/tf"
)

// killing is a file system that kills its process with SIGKILL at the call number at
// of those that change the disk.
type killing struct {
	vfs.FS
	calls *atomic.Int64
	at    int64
}

// call counts a call, and kills the process when the count reaches k.at.
func (k killing) call() {
	if k.calls.Add(1) == k.at {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

func (k killing) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	if flag&(os.O_CREATE|os.O_TRUNC) != 0 {
		k.call()
	}
	f, err := k.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return killingFile{f, k}, nil
}

func (k killing) Rename(a, b string) error  { k.call(); return k.FS.Rename(a, b) }
func (k killing) Link(a, b string) error    { k.call(); return k.FS.Link(a, b) }
func (k killing) Remove(name string) error  { k.call(); return k.FS.Remove(name) }
func (k killing) SyncDir(name string) error { k.call(); return k.FS.SyncDir(name) }
func (k killing) MkdirAll(name string, perm fs.FileMode) error {
	k.call()
	return k.FS.MkdirAll(name, perm)
}

type killingFile struct {
	vfs.File
	k killing
}

func (f killingFile) Write(p []byte) (int, error)            { f.k.call(); return f.File.Write(p) }
func (f killingFile) WriteAt(p []byte, o int64) (int, error) { f.k.call(); return f.File.WriteAt(p, o) }
func (f killingFile) Truncate(n int64) error                 { f.k.call(); return f.File.Truncate(n) }
func (f killingFile) Sync() error                            { f.k.call(); return f.File.Sync() }

// export makes the next version of a model with an asset, a manifest and a limit of
// versions, that is, with everything that an export can change on disk.
func export(t *testing.T, base string, keep int) {
	t.Helper()
	sess := session(t, map[string]float32{"v": 7})
	words := asset(t, sess.Graph(), "words", base+".words", "a\n")
	b, err := savedmodel.NewVersion(base, &savedmodel.BuilderOptions{Manifest: true, KeepVersions: keep})
	require.NoError(t, err)
	defer b.Close()
	require.NoError(t, b.AddMetaGraphAndVariables(ctx, sess, []string{"serve"}, &savedmodel.GraphOptions{Assets: []tf.Output{words}}))
	_, err = b.Save(ctx)
	require.NoError(t, err)
}

// TestKilledExport runs in the process that TestKilledExports starts.
func TestKilledExport(t *testing.T) {
	base, at := os.Getenv("TFKEEP_EXPORT_TO"), os.Getenv("TFKEEP_KILL_AT")
	if base == "" {
		return // not in the subprocess
	}
	n, err := strconv.ParseInt(at, 10, 64)
	require.NoError(t, err)
	vfs.OS = killing{FS: vfs.OS, calls: &atomic.Int64{}, at: n}
	export(t, base, 1)
}

// exportInProcess runs export in a process that is killed at a call. killed is false if
// the export makes fewer calls.
func exportInProcess(t *testing.T, base string, at int64) (killed bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledExport$", "-test.v")
	cmd.Env = append(os.Environ(), "TFKEEP_EXPORT_TO="+base, "TFKEEP_KILL_AT="+strconv.FormatInt(at, 10))
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal(), "%s", out)
		return true
	}
	require.NoError(t, err, "%s", out)
	return false
}

// TestKilledExports kills an export at every third call that changes the disk, or at
// every call with TFKEEP_KILL_STEP=1. The new version exists completely or not at all,
// the version before it stays until the new one exists, and the next export removes
// what the killed one left.
func TestKilledExports(t *testing.T) {
	root := t.TempDir()
	step := int64(3) // each kill starts a process with TensorFlow
	if n, err := strconv.ParseInt(os.Getenv("TFKEEP_KILL_STEP"), 10, 64); err == nil {
		step = n
	}
	died := 0
	for at := int64(1); ; at += step {
		base := filepath.Join(root, strconv.FormatInt(at, 10), "model")
		export(t, base, 0)
		killed := exportInProcess(t, base, at)
		versions, err := savedmodel.Versions(base)
		require.NoError(t, err)
		require.NotEmpty(t, versions, "killed at change %d", at)
		for _, v := range versions { // Open checks the manifest
			m, err := savedmodel.Open(ctx, filepath.Join(base, strconv.FormatInt(v, 10)), nil)
			require.NoError(t, err, "version %d after the kill at change %d", v, at)
			require.Equal(t, float32(7), value(t, m, "v"))
			require.NoError(t, m.Close())
		}
		if !killed {
			assert.Equal(t, []int64{2}, versions)
			break
		}
		died++
		export(t, base, 1)
		entries, err := os.ReadDir(base)
		require.NoError(t, err)
		require.Len(t, entries, 1, "after the kill at change %d the next export leaves %v", at, entries)
	}
	t.Logf("killed %d times, at every %d. call", died, step)
	assert.Greater(t, died*int(step), 30)
}
