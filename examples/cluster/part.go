package main

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

// part is the process of one task of the cluster.
type part struct {
	cmd     *exec.Cmd
	stdin   io.Closer     // the process ends when it is closed, or when this process dies
	serving chan struct{} // closed when the server is up
	ended   chan struct{} // closed when the process has ended, and err is set
	err     error
}

func startPart(cmd *exec.Cmd) (*part, error) {
	p := &part{cmd: cmd, serving: make(chan struct{}), ended: make(chan struct{})}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	p.stdin = stdin
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "serving ") {
				close(p.serving)
				break
			}
		}
		_, _ = io.Copy(io.Discard, stdout)
		p.err = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// waitServing waits until the server is up.
func (p *part) waitServing(ctx context.Context) error {
	select {
	case <-p.serving:
		return nil
	case <-p.ended:
		return errors.Join(errors.New("the process ended before it served"), p.err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wait waits until the process has ended, and returns its error.
func (p *part) wait(ctx context.Context) error {
	select {
	case <-p.ended:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *part) kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.ended
}

// end waits for a process whose standard input was closed, and then kills it.
func (p *part) end() {
	select {
	case <-p.ended:
	case <-time.After(3 * time.Second):
		p.kill()
	}
}

// freeAddresses returns addresses for the tasks of jobs.
func freeAddresses(jobs map[string]int) (map[string][]string, error) {
	addresses := make(map[string][]string)
	for job, n := range jobs {
		for len(addresses[job]) < n {
			// These ports are below those of outgoing connections. One of these could
			// otherwise take the port of a server that is being started again.
			address := fmt.Sprint("127.0.0.1:", 20000+rand.IntN(10000))
			l, err := net.Listen("tcp", address)
			if err != nil {
				continue // in use
			}
			defer l.Close() // only when all are found, so that they differ
			addresses[job] = append(addresses[job], address)
		}
	}
	return addresses, nil
}

// tfConfig returns the environment variable TF_CONFIG of a task.
func tfConfig(jobs map[string][]string, task cluster.Task) (string, error) {
	text, err := json.Marshal(map[string]any{
		"cluster": jobs,
		"task":    map[string]any{"type": task.Job, "index": task.Index},
	})
	return string(text), err
}

// printer writes whole lines for several goroutines.
type printer struct {
	mu sync.Mutex
	to io.Writer
}

func (p *printer) print(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.to, line)
}

// sayings is the standard error of a part. It prints the lines of say and of errors, and
// drops those of TensorFlow.
type sayings struct {
	out  *printer
	rest []byte // the beginning of a line
}

func (s *sayings) Write(b []byte) (int, error) {
	s.rest = append(s.rest, b...)
	for {
		line, rest, ok := bytes.Cut(s.rest, []byte("\n"))
		if !ok {
			return len(b), nil
		}
		if text, own := strings.CutPrefix(string(line), mark); own || strings.HasPrefix(text, "cluster: ") {
			s.out.print(text)
		}
		s.rest = rest
	}
}
