package localcluster

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/tfkeep/tfkeep/tf/cluster"
)

// member is the process of one task.
type member struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr *tail
	up     chan struct{} // closed when it serves
	gone   chan struct{} // closed when it has ended
	err    error         // set before gone is closed
}

func launch(cmd *exec.Cmd, log *log) (*member, error) {
	// Wait must not wait for a grandchild that keeps the output open.
	cmd.WaitDelay = time.Second
	m := &member{cmd: cmd, stderr: &tail{log: log}, up: make(chan struct{}), gone: make(chan struct{})}
	cmd.Stderr = m.stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	m.stdin = stdin
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "serving ") {
				close(m.up)
				break
			}
		}
		_, _ = io.Copy(io.Discard, stdout)
		m.err = cmd.Wait()
		close(m.gone)
	}()
	return m, nil
}

// errPortTaken is the kind of error for a port that another process has taken.
var errPortTaken = errors.New("another process has taken the port")

// ready waits until the process serves.
func (m *member) ready(ctx context.Context, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-m.up:
		return nil
	case <-m.gone:
		text := m.stderr.String()
		if strings.Contains(text, "in use") || strings.Contains(text, "Could not start gRPC server") {
			return fmt.Errorf("%w\n%s", errPortTaken, text)
		}
		return fmt.Errorf("the server ended: %v\n%s", m.cmd.ProcessState, text)
	case <-timer.C:
		return fmt.Errorf("the server is not up after %v\n%s", limit, m.stderr)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *member) kill() error {
	select {
	case <-m.gone:
		return nil
	default:
	}
	err := m.cmd.Process.Kill()
	<-m.gone
	m.stdin.Close()
	if err != nil && m.cmd.ProcessState != nil {
		return nil // it ended by itself in between
	}
	return err
}

// stopTimeout is the time that a server has to end by itself.
const stopTimeout = 3 * time.Second

// end waits for a process whose standard input was closed, and then kills it.
func (m *member) end() {
	select {
	case <-m.gone:
	case <-time.After(stopTimeout):
		_ = m.kill()
	}
}

// configOf returns the TF_CONFIG of a task.
func configOf(spec *cluster.Spec, p cluster.Task) (string, error) {
	jobs := make(map[string][]string)
	for task, address := range spec.Tasks() {
		jobs[task.Job] = append(jobs[task.Job], address)
	}
	text, err := json.Marshal(map[string]any{
		"cluster": jobs,
		"task":    map[string]any{"type": p.Job, "index": p.Index},
	})
	return string(text), err
}

// The ports are below those of outgoing connections (from 32768 on Linux). Otherwise such a
// connection could take the port of a server that is being started again, or connect to
// itself.
const firstPort, lastPort = 20000, 32000

// freePorts finds n ports on which nobody listens.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range 100 * (n + 1) {
		if len(ports) == n {
			return ports, nil
		}
		port := firstPort + rand.IntN(lastPort-firstPort)
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			continue
		}
		// Kept open until all are found, so that they differ.
		defer l.Close()
		ports = append(ports, port)
	}
	return nil, fmt.Errorf("no %d free ports between %d and %d", n, firstPort, lastPort)
}

// tail keeps the end of what a process writes, and passes its lines on.
type tail struct {
	mu   sync.Mutex
	log  *log
	line []byte // the beginning of a line
	end  bytes.Buffer
}

// log is a writer that several processes share.
type log struct {
	mu sync.Mutex
	to io.Writer // nil drops all lines
}

func (l *log) write(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.to == nil {
		return
	}
	if _, err := l.to.Write(line); err != nil {
		l.to = nil // the servers continue without a log
	}
}

const tailBytes = 16 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.line = append(t.line, b...)
	for {
		i := bytes.IndexByte(t.line, '\n')
		if i < 0 {
			break
		}
		t.log.write(t.line[:i+1])
		t.line = t.line[i+1:]
	}
	t.end.Write(b)
	if extra := t.end.Len() - tailBytes; extra > 0 {
		t.end.Next(extra)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.end.String()
}
