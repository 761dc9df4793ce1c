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

// TestMain is the program itself when the test starts it.
func TestMain(m *testing.M) {
	if os.Getenv("PREEMPT_PROGRAM") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestASignalSavesBeforeTheEnd(t *testing.T) {
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
		time.Sleep(700 * time.Millisecond)
		require.NoError(t, program.Process.Signal(syscall.SIGTERM))
		require.True(t, lines.Scan())
		saved, ok := strings.CutPrefix(lines.Text(), "told to stop; saved ")
		require.True(t, ok, lines.Text())
		require.NoError(t, program.Wait())
		path, err := dir.Latest(t.Context(), folder, nil)
		require.NoError(t, err)
		assert.True(t, strings.HasSuffix(path, saved))
		assert.NotEqual(t, last, path, "the second run goes on")
		last = path
	}
}
