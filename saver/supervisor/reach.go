package supervisor

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tfkeep/tfkeep/internal/device"
)

// reachTimeout is how long a task may take to answer.
const reachTimeout = 2 * time.Second

// preface is what a client of gRPC says first: HTTP/2's preface with empty
// settings. The server answers with settings of its own.
var preface = []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00")

// answers asks whether a server at address speaks. That it accepts a connection
// is not enough: the kernel does that for a process that is stopped.
func answers(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := conn.Write(preface); err != nil {
		return err
	}
	const settings = 4
	var frame [9]byte
	if _, err := io.ReadFull(conn, frame[:]); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("no answer within %v", reachTimeout)
		}
		return err
	}
	if frame[3] != settings {
		return fmt.Errorf("what answers at %s is not a TensorFlow server", address)
	}
	return nil
}

// unreached is the error of tasks that do not answer.
type unreached struct {
	tasks []Task
	errs  []error
}

func (e *unreached) Error() string {
	var b bytes.Buffer
	for i, t := range e.tasks {
		fmt.Fprintf(&b, "%s%v: %v", []string{"", "; "}[min(i, 1)], t, e.errs[i])
	}
	return b.String()
}

// reach asks the tasks, all at a time.
func reach(ctx context.Context, tasks []Task) error {
	errs := make([]error, len(tasks))
	var wg sync.WaitGroup
	for i, t := range tasks {
		wg.Go(func() { errs[i] = answers(ctx, t.Address) })
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	gone := new(unreached)
	for i, err := range errs {
		if err != nil {
			gone.tasks = append(gone.tasks, tasks[i])
			gone.errs = append(gone.errs, err)
		}
	}
	if len(gone.tasks) > 0 {
		return gone
	}
	return nil
}

// needed are the tasks that a session with these filters waits for: all without
// filters, else those that match one, and always the master.
func needed(tasks []Task, filters []string, master string) []Task {
	if len(filters) == 0 {
		return tasks
	}
	return slices.DeleteFunc(slices.Clone(tasks), func(t Task) bool {
		return t.Address != master && !slices.ContainsFunc(filters, func(f string) bool { return matches(f, t) })
	})
}

// matches says whether a device filter such as "/job:ps/task:0" lets a task in.
func matches(filter string, t Task) bool {
	d, _ := device.Parse(filter) // a part that is everything, "/job:*", asks for nothing
	job, task := strings.Trim(d.Job, "*"), d.Task
	return (job == "" || job == t.Job) && (task == "" || task == fmt.Sprint(t.Index))
}
