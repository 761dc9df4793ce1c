package main

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint/dir"
)

// TestMain runs the program in the process that the test starts.
func TestMain(m *testing.M) {
	if os.Getenv("PREEMPT_PROGRAM") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestSignalSaves(t *testing.T) {
	folder := t.TempDir()
	last := ""
	for range 2 {
		program := exec.Command(os.Args[0], "-dir", folder)
		program.Env = append(os.Environ(), "PREEMPT_PROGRAM=1")
		out, err := program.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, program.Start())
		lines := bufio.NewScanner(out)
		require.True(t, lines.Scan())
		assert.Equal(t, "training", lines.Text())
		require.Eventually(t, func() bool {
			path, err := dir.Latest(t.Context(), folder, nil)
			return err == nil && path != last
		}, 30*time.Second, 10*time.Millisecond, "saved in the background")
		require.NoError(t, program.Process.Signal(syscall.SIGTERM))
		require.True(t, lines.Scan())
		saved, ok := strings.CutPrefix(lines.Text(), "stopping; saved ")
		require.True(t, ok, lines.Text())
		require.NoError(t, program.Wait())
		path, err := dir.Latest(t.Context(), folder, nil)
		require.NoError(t, err)
		assert.True(t, strings.HasSuffix(path, saved))
		assert.NotEqual(t, last, path, "the second run continues")
		last = path
	}
}
