package supervisor

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tfkeep/tfkeep/internal/devicename"
)

// probeTimeout is how long a task may take to answer.
const probeTimeout = 2 * time.Second

// clientPreface is what a gRPC client sends first: HTTP/2's connection preface with
// empty settings. The server answers with its own settings.
var clientPreface = []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00")

// probe checks that a gRPC server answers at address. An accepted connection is
// not enough: the kernel accepts connections for a stopped process, too.
func probe(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := conn.Write(clientPreface); err != nil {
		return err
	}
	const settings = 4
	var frame [9]byte
	if _, err := io.ReadFull(conn, frame[:]); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("no answer within %v", probeTimeout)
		}
		return err
	}
	if frame[3] != settings {
		return fmt.Errorf("the server at %s is not a TensorFlow server", address)
	}
	return nil
}

// unreachableError lists tasks that do not answer, each with its error.
type unreachableError struct {
	tasks []Task
	errs  []error
}

func (e *unreachableError) Error() string {
	lines := make([]string, len(e.tasks))
	for i, t := range e.tasks {
		lines[i] = fmt.Sprintf("%v: %v", t, e.errs[i])
	}
	return strings.Join(lines, "; ")
}

// probeTasks probes all tasks at the same time. The error of tasks that do not
// answer is an *unreachableError.
func probeTasks(ctx context.Context, tasks []Task) error {
	errs := make([]error, len(tasks))
	var wg sync.WaitGroup
	for i, t := range tasks {
		wg.Go(func() { errs[i] = probe(ctx, t.Address) })
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	gone := new(unreachableError)
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

// neededTasks returns the tasks that a session with these device filters waits for:
// all of them without filters, otherwise the ones that match a filter, and always
// the master.
func neededTasks(tasks []Task, filters []string, master string) []Task {
	if len(filters) == 0 {
		return tasks
	}
	return slices.DeleteFunc(slices.Clone(tasks), func(t Task) bool {
		return t.Address != master && !slices.ContainsFunc(filters, func(f string) bool { return filterMatches(f, t) })
	})
}

// filterMatches reports whether a device filter such as "/job:ps/task:0" lets a
// task in.
func filterMatches(filter string, t Task) bool {
	d, _ := devicename.Parse(filter) // parts that match everything, such as "/job:*", are left empty
	job, task := strings.Trim(d.Job, "*"), d.Task
	return (job == "" || job == t.Job) && (task == "" || task == fmt.Sprint(t.Index))
}
