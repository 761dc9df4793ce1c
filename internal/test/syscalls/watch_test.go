package syscalls_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/syscalls"
)

// watchedDir is the environment variable with the folder in which this test binary is watched.
const watchedDir = "TFKEEP_SYSCALLS_WATCHED"

// child does what the parent expects to see.
func child(dir string) int {
	if err := syscalls.Install(); err != nil {
		return 77
	}
	done := make(chan struct{})
	go func() { // on another thread, perhaps
		_, _ = os.ReadFile(filepath.Join(dir, "read"))
		close(done)
	}()
	<-done
	_ = os.WriteFile(filepath.Join(dir, "written"), nil, 0o600)
	_ = os.Remove(filepath.Join(dir, "removed"))
	if c, err := net.Dial("tcp", "127.0.0.1:1"); err == nil {
		_ = c.Close()
	}
	return 3
}

func TestWatchSeesCalls(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), watchedDir+"="+dir)
	var calls []syscalls.Call
	status, err := syscalls.Watch(t.Context(), cmd, func(c syscalls.Call) { calls = append(calls, c) })
	if err != nil || status.ExitStatus() == 77 {
		t.Skip("this system does not let processes be traced: ", err)
	}
	require.Equal(t, 3, status.ExitStatus())
	saw := func(name, path string, write bool) bool {
		return slices.ContainsFunc(calls, func(c syscalls.Call) bool {
			return c.Name == name && c.Path == path && c.Change == write
		})
	}
	assert.True(t, saw("openat", filepath.Join(dir, "read"), false), calls)
	assert.True(t, saw("openat", filepath.Join(dir, "written"), true), calls)
	assert.True(t, saw("unlinkat", filepath.Join(dir, "removed"), true), calls)
	assert.True(t, saw("connect", "", true), calls)
	assert.FileExists(t, filepath.Join(dir, "written"))
}
