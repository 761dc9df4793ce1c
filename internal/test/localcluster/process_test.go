package localcluster_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/localcluster"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/cluster"
)

func shell(script string) func(string, int) *exec.Cmd {
	return func(string, int) *exec.Cmd { return exec.Command("sh", "-c", script) }
}

// serves is a shell script that claims to serve until its input ends.
const serves = "echo serving nothing; cat >/dev/null; "

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func TestTasksGetTFConfig(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"ps0", "ps1"} {
		require.NoError(t, os.Mkdir(filepath.Join(root, dir), 0o755))
	}
	var log lockedBuffer
	c := started(t, localcluster.Options{
		Jobs:    map[string]int{"ps": 2},
		Command: shell(`echo "$TF_CONFIG" > config; printf '%s' "$NAME is " >&2; echo "in $(basename "$PWD")" >&2; ` + serves),
		Dir:     func(job string, task int) string { return filepath.Join(root, job+string(rune('0'+task))) },
		Env:     []string{"NAME=it"},
		Log:     &log,
	})
	assert.Equal(t, 2, c.Spec().NumTasks("ps"))
	for task, dir := range []string{"ps0", "ps1"} {
		text, err := os.ReadFile(filepath.Join(root, dir, "config"))
		require.NoError(t, err)
		t.Setenv("TF_CONFIG", string(text))
		spec, at, err := cluster.FromEnv()
		require.NoError(t, err)
		assert.Equal(t, c.Spec().String(), spec.String())
		assert.Equal(t, cluster.Task{Job: "ps", Index: task}, at)
		address, err := spec.Address(at)
		require.NoError(t, err)
		assert.Equal(t, "grpc://"+address, c.Target("ps", task))
	}
	require.Eventually(t, func() bool {
		return strings.Contains(log.String(), "it is in ps0\n") && strings.Contains(log.String(), "it is in ps1\n")
	}, 10*time.Second, 10*time.Millisecond, "whole lines: %q", log.String())
	assert.Empty(t, c.Target("worker", 0))
	assert.Error(t, c.Kill("worker", 0))
	assert.Error(t, c.Wait(t.Context(), "ps", 2))
	assert.Zero(t, c.Pid("ps", 2))
}

func TestStopEndsAllProcesses(t *testing.T) {
	c := started(t, localcluster.Options{Jobs: map[string]int{"ps": 1, "stubborn": 1}, Command: func(job string, _ int) *exec.Cmd {
		if job == "stubborn" {
			return exec.Command("sh", "-c", "echo serving nothing; exec sleep 1000")
		}
		return exec.Command("sh", "-c", serves)
	}})
	pids := []int{c.Pid("ps", 0), c.Pid("stubborn", 0)}
	for _, pid := range pids {
		assert.True(t, alive(pid))
	}
	c.Stop()
	c.Stop()
	for _, pid := range pids {
		assert.False(t, alive(pid))
	}
	require.ErrorContains(t, c.Restart(t.Context(), "ps", 0), "stopped")
}

func TestRestartKeepsAddress(t *testing.T) {
	c := started(t, localcluster.Options{Jobs: map[string]int{"ps": 1}})
	target, pid := c.Target("ps", 0), c.Pid("ps", 0)
	for range 3 {
		require.NoError(t, c.Kill("ps", 0))
		require.NoError(t, c.Kill("ps", 0), "a second time")
		assert.False(t, alive(pid))
		var exit *exec.ExitError
		require.ErrorAs(t, c.Wait(t.Context(), "ps", 0), &exit)
		assert.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal())
		require.NoError(t, c.Restart(t.Context(), "ps", 0))
		assert.NotEqual(t, pid, c.Pid("ps", 0))
		pid = c.Pid("ps", 0)
		assert.Equal(t, target, c.Target("ps", 0))
	}
}

func TestPausedTaskDoesNotAnswer(t *testing.T) {
	c := started(t, localcluster.Options{Jobs: map[string]int{"ps": 1}})
	g, init, add, _ := counter(t, "/job:ps/task:0")
	sess, err := tf.NewSession(g, &tf.SessionOptions{Target: c.Target("ps", 0), OperationTimeout: 20 * time.Second})
	require.NoError(t, err)
	defer sess.Close()
	require.NoError(t, sess.RunOps(t.Context(), init))
	require.NoError(t, c.Pause("ps", 0))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, sess.RunOps(ctx, add), status.DeadlineExceeded)
	require.NoError(t, c.Continue("ps", 0))
	require.NoError(t, sess.RunOps(t.Context(), add))
}

func TestStartReportsFailedTask(t *testing.T) {
	start := func(o localcluster.Options) error {
		o.Jobs = map[string]int{"ps": 1}
		c, err := localcluster.Start(t.Context(), o)
		if err == nil {
			c.Stop()
		}
		return err
	}
	err := start(localcluster.Options{Command: shell("echo no disk >&2; exit 3")})
	require.ErrorContains(t, err, "/job:ps/task:0")
	require.ErrorContains(t, err, "no disk")
	require.ErrorContains(t, err, "exit status 3")
	err = start(localcluster.Options{Command: shell("cat >/dev/null"), StartTimeout: 100 * time.Millisecond})
	require.ErrorContains(t, err, "not up after 100ms")
	require.Error(t, start(localcluster.Options{Command: func(string, int) *exec.Cmd { return exec.Command("/no/such/program") }}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = localcluster.Start(ctx, localcluster.Options{Jobs: map[string]int{"ps": 1}, Command: shell("cat >/dev/null")})
	require.ErrorIs(t, err, context.Canceled)
}

func TestStartChoosesAnotherPort(t *testing.T) {
	marker := filepath.Join(t.TempDir(), "tried")
	c := started(t, localcluster.Options{
		Jobs: map[string]int{"ps": 1},
		Env:  []string{"MARKER=" + marker},
		Command: shell(`if [ ! -e "$MARKER" ]; then echo "$TF_CONFIG" > "$MARKER"; echo port is in use >&2; exit 1; fi; ` +
			serves),
	})
	first, err := os.ReadFile(marker)
	require.NoError(t, err)
	address, err := c.Spec().Address(cluster.Task{Job: "ps"})
	require.NoError(t, err)
	assert.NotContains(t, string(first), address)
}

// TestServersEndWithParent kills a process that has started a cluster.
func TestServersEndWithParent(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), asParent+"=1")
	parent.Stderr = os.Stderr
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	defer func() { _ = parent.Wait() }()
	var pid int
	line := make([]byte, 64)
	n, err := out.Read(line)
	require.NoError(t, err)
	for _, digit := range bytes.TrimSpace(line[:n]) {
		pid = pid*10 + int(digit-'0')
	}
	require.True(t, alive(pid))
	require.NoError(t, parent.Process.Kill())
	require.Eventually(t, func() bool { return !alive(pid) }, 20*time.Second, 10*time.Millisecond)
}

// asParent is the environment variable with which this test binary starts a cluster and
// waits.
const asParent = "TFKEEP_LOCALCLUSTER_PARENT"

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
