package supervisor

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf/cluster"
)

// The kinds of outages that Run gives up on, for errors.Is.
var (
	// ErrUnreachable means that a task of the cluster does not answer.
	ErrUnreachable = errors.New("the cluster is incomplete")
	// ErrNotReady means that the chief has not restored or initialized the model.
	ErrNotReady = errors.New("the model is not ready")
	// ErrNoProgress means that every task answers and the body keeps failing.
	ErrNoProgress = errors.New("no progress")
)

// Task is a task of the cluster with its address. If only the address is known, Job is
// "".
type Task struct {
	cluster.Task
	Address string // host:port, or "" if it is unknown
}

// String returns, for example, "/job:ps/task:1 (10.0.0.7:2222)".
func (t Task) String() string {
	switch {
	case t.Job == "":
		return t.Address
	case t.Address == "":
		return t.Task.String()
	}
	return t.Task.String() + " (" + t.Address + ")"
}

// OutageError is the error of an outage that lasted for Options.RecoveryTimeout.
type OutageError struct {
	// Kind is ErrUnreachable, ErrNotReady or ErrNoProgress.
	Kind error
	// Tasks are the tasks that do not answer, as far as that is known.
	Tasks []Task
	// For is how long the outage lasted.
	For time.Duration
	// Attempts is the number of attempts to make the model ready in that time.
	Attempts int
	// Err is the last error.
	Err error

	operationTimeout time.Duration
	tasksAnswer      bool // every task answers this process
}

// Error returns the kind, the tasks, the duration, a remedy and the last error.
func (e *OutageError) Error() string {
	var b strings.Builder
	b.WriteString("run training: " + e.Kind.Error())
	if len(e.Tasks) > 0 {
		names := make([]string, len(e.Tasks))
		for i, t := range e.Tasks {
			names[i] = t.String()
		}
		b.WriteString(": " + strings.Join(names, ", ") + " cannot be reached")
	}
	fmt.Fprintf(&b, " for %v, in %d attempt(s); %s: %v", e.For.Round(time.Millisecond), e.Attempts, e.remedy(), e.Err)
	return b.String()
}

func (e *OutageError) remedy() string {
	switch {
	case errors.Is(e.Kind, ErrNotReady):
		return "start the chief with the same cluster and variables, or raise RecoveryTimeout"
	case len(e.Tasks) > 0:
		return "start it again at the same address, leave it out of DeviceFilters if it is not needed, or raise RecoveryTimeout"
	case e.tasksAnswer:
		return "every task answers this process: check that the tasks reach each other at the addresses that their servers were given"
	case errors.Is(e.Kind, ErrUnreachable):
		return "start the task that is gone again at the same address; with Options.Cluster this error names it"
	case errors.Is(e.Err, status.DeadlineExceeded):
		return fmt.Sprintf("every task answers: raise OperationTimeout, which is %v, if the body's runs take that long", e.operationTimeout)
	}
	return "every task answers: see the last error"
}

// Unwrap returns the kind and the last error.
func (e *OutageError) Unwrap() []error { return []error{e.Kind, e.Err} }

func invalid(format string, args ...any) error {
	return &tfkeep.Error{Op: "run training", Err: tfkeep.ErrArgument, Detail: fmt.Sprintf(format, args...)}
}

// Recoverable reports whether a new session and a restored model may cure the
// error of a run: a server is gone or was restarted (Unavailable, Aborted), does
// not answer (DeadlineExceeded), or has lost its variables (FailedPrecondition
// and NotFound with one of TensorFlow's texts for that).
func Recoverable(err error) bool {
	switch {
	case err == nil:
		return false
	case errors.Is(err, status.Unavailable), errors.Is(err, status.Aborted), errors.Is(err, status.DeadlineExceeded):
		return true
	}
	return isLostState(err)
}

// missingState matches TensorFlow's texts for a variable or table without a value:
// resource variables that are read, resource variables that are updated, reference
// variables, lookup tables. No status code tells these errors from others.
var missingState = regexp.MustCompile(`Container \S+ does not exist|Could not find resource|Resource \S+ does not exist|Could not find variable|Error while reading resource variable|uninitialized value|Table not initialized`)

// isLostState reports whether the error is that of a variable without a value.
func isLostState(err error) bool {
	return (errors.Is(err, status.FailedPrecondition) || errors.Is(err, status.NotFound)) && missingState.MatchString(err.Error())
}

var (
	remoteTargetText = regexp.MustCompile(`remote target /job:([^/\s]+)/replica:\d+/task:(\d+)`)
	fromTaskText     = regexp.MustCompile(`From /job:([^/\s]+)/replica:\d+/task:(\d+)`)
	addressText      = regexp.MustCompile(`ipv[46]:([^\s,;]+:\d+)`)
)

// tasksIn returns the tasks that an error of TensorFlow reports as gone. No message
// names the master, the server that the session connects to: an Unavailable error
// without a task is about it.
func tasksIn(err error, master Task) []Task {
	unavailable := errors.Is(err, status.Unavailable)
	if !unavailable && !errors.Is(err, status.DeadlineExceeded) {
		return nil
	}
	text := err.Error()
	found := remoteTargetText.FindAllStringSubmatch(text, -1)
	if found == nil {
		found = fromTaskText.FindAllStringSubmatch(text, -1)
	}
	var tasks []Task
	for _, m := range found {
		index, _ := strconv.Atoi(m[2])
		if t := (Task{Task: cluster.Task{Job: m[1], Index: index}}); !slices.Contains(tasks, t) {
			tasks = append(tasks, t)
		}
	}
	switch {
	case len(tasks) == 0 && unavailable:
		return []Task{master}
	case len(tasks) == 1:
		if m := addressText.FindStringSubmatch(text); m != nil {
			tasks[0].Address = strings.NewReplacer("%5B", "[", "%5D", "]").Replace(m[1])
		}
	}
	return tasks
}
