package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/tf"
)

// TestMain runs the command in the processes that the tests start.
func TestMain(m *testing.M) {
	if os.Getenv("TFKEEP_SERVER_COMMAND") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// server is a process that runs the command.
type server struct {
	cmd    *exec.Cmd
	stdin  interface{ Close() error }
	stderr string // the file with standard error
	line   string // the first line of standard output
}

// errors returns what the process has written to standard error.
func (s *server) errors() string {
	text, _ := os.ReadFile(s.stderr) // without it, only a message of a failed test is shorter
	return string(text)
}

func start(t *testing.T, env string, args ...string) *server {
	t.Helper()
	s := &server{cmd: exec.Command(os.Args[0], args...), stderr: filepath.Join(t.TempDir(), "stderr")}
	stderr, err := os.Create(s.stderr)
	require.NoError(t, err)
	defer stderr.Close()
	s.cmd.Env = append(os.Environ(), "TFKEEP_SERVER_COMMAND=1", "TF_CONFIG="+env)
	s.cmd.Stderr = stderr
	stdin, err := s.cmd.StdinPipe()
	require.NoError(t, err)
	s.stdin = stdin
	stdout, err := s.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // if the test failed
		_ = s.cmd.Wait()
	})
	lines := bufio.NewScanner(stdout)
	if lines.Scan() {
		s.line = lines.Text()
	}
	return s
}

// wait waits for the process and returns its exit code.
func (s *server) wait(t *testing.T) int {
	t.Helper()
	timer := time.AfterFunc(30*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer timer.Stop()
	_ = s.cmd.Wait() // the code shows it
	return s.cmd.ProcessState.ExitCode()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func TestServeUntilSignal(t *testing.T) {
	for _, test := range []struct {
		name string
		stop func(s *server) error
	}{
		{"SIGTERM", func(s *server) error { return s.cmd.Process.Signal(syscall.SIGTERM) }},
		{"SIGINT", func(s *server) error { return s.cmd.Process.Signal(os.Interrupt) }},
		{"end of standard input", func(s *server) error { return s.stdin.Close() }},
	} {
		name, stop := test.name, test.stop
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := freeAddress(t)
			s := start(t, "", "--cluster", "ps="+address, "--job", "ps", "--while-stdin")
			require.Equal(t, "serving grpc://"+address+" as /job:ps/task:0", s.line, s.errors())
			g := tf.NewGraph()
			v, err := tf.NewVariable(g, "v", tf.Value(float32(5)), nil)
			require.NoError(t, err)
			sess, err := tf.NewSession(g, &tf.SessionOptions{Target: "grpc://" + address, OperationTimeout: 20 * time.Second})
			require.NoError(t, err)
			require.NoError(t, sess.RunOps(t.Context(), v.Initializer()))
			require.NoError(t, sess.Close())

			require.NoError(t, stop(s))
			assert.Equal(t, cli.ExitOK, s.wait(t), s.errors())
		})
	}
}

func TestServeFromTFConfig(t *testing.T) {
	worker := freeAddress(t)
	config := fmt.Sprintf(`{"cluster": {"ps": ["127.0.0.1:1"], "worker": ["127.0.0.1:2", %q]}, "task": {"type": "worker", "index": 1}}`, worker)
	s := start(t, config, "--while-stdin", "--allow-growth")
	assert.Equal(t, "serving grpc://"+worker+" as /job:worker/task:1", s.line, s.errors())
	require.NoError(t, s.stdin.Close())
	assert.Equal(t, cli.ExitOK, s.wait(t))

	s = start(t, strings.Replace(config, `"index": 1`, `"index": 0`, 1), "--while-stdin", "--task=1")
	assert.Equal(t, "serving grpc://"+worker+" as /job:worker/task:1", s.line, "the flag overrides TF_CONFIG")
	require.NoError(t, s.stdin.Close())
	assert.Equal(t, cli.ExitOK, s.wait(t))
}

func TestServeErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for _, c := range []struct {
		name string
		env  string
		args []string
		code int
		want string
	}{
		{"no cluster", "", nil, cli.ExitUsage, "give --cluster, or set TF_CONFIG"},
		{"a bad cluster", "", []string{"--cluster", "ps=x"}, cli.ExitUsage, `"x" is not an address`},
		{"a bad TF_CONFIG", "{", nil, cli.ExitUsage, "TF_CONFIG"},
		{"an unknown job", "", []string{"--cluster", "ps=a:1", "--job", "worker"}, cli.ExitUsage, `no job "worker"`},
		{"an unknown task", "", []string{"--cluster", "ps=a:1", "--task", "7"}, cli.ExitUsage, "no task 7"},
		{"a stray argument", "", []string{"ps"}, cli.ExitUsage, `"ps" is not a flag`},
		{"an unknown flag", "", []string{"--port", "1"}, cli.ExitUsage, "--port"},
		{"a port in use", "", []string{"--cluster", "ps=" + taken.Addr().String()}, cli.ExitFailed, "is in use"},
		{"a strange protocol", "", []string{"--cluster", "ps=" + freeAddress(t), "--protocol", "pigeon"}, cli.ExitUsage, "No server factory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("TF_CONFIG", c.env)
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), c.args, strings.NewReader(""), &stdout, &stderr)
			assert.Equal(t, c.code, code)
			assert.Empty(t, stdout.String())
			assert.Contains(t, stderr.String(), c.want)
			assert.True(t, strings.HasPrefix(stderr.String(), "tfkeep-server: "), stderr.String())
		})
	}
}

func TestHelp(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.Equal(t, cli.ExitOK, run(t.Context(), []string{"--help"}, nil, &stdout, &stderr))
	for _, flag := range []string{"--cluster", "--job", "--task", "--while-stdin", "TF_CONFIG"} {
		assert.Contains(t, stdout.String(), flag)
	}
	assert.NotRegexp(t, regexp.MustCompile(`\t`), stdout.String())
}
