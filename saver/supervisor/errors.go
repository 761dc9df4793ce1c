package supervisor

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tfkeep/tfkeep/tf"
)

// The kinds of outages that Run gives up on, for errors.Is.
var (
	// ErrUnreachable: a task of the cluster does not answer.
	ErrUnreachable = errors.New("supervisor: the cluster is not complete")
	// ErrNotReady: the chief has not restored or initialized the model.
	ErrNotReady = errors.New("supervisor: the model is not ready")
	// ErrNoProgress: every task answers, and the body fails again and again.
	ErrNoProgress = errors.New("supervisor: no progress")
	// ErrUninitialized: the model has variables without a value after the chief
	// has restored or initialized it.
	ErrUninitialized = errors.New("supervisor: uninitialized variables")
)

// Task is a process of the cluster.
type Task struct {
	Job     string
	Index   int
	Address string // host:port, "" where it is not known
}

func (t Task) String() string {
	var s string
	if t.Job != "" {
		s = "/job:" + t.Job + "/task:" + strconv.Itoa(t.Index)
	}
	switch {
	case s == "":
		return t.Address
	case t.Address != "":
		return s + " (" + t.Address + ")"
	}
	return s
}

// OutageError is the error of an outage that has lasted for RecoveryTimeout.
type OutageError struct {
	// Kind is ErrUnreachable, ErrNotReady or ErrNoProgress.
	Kind error
	// Tasks are those that do not answer, as far as that is known.
	Tasks []Task
	// For is how long the outage has lasted, in Attempts attempts.
	For      time.Duration
	Attempts int
	// Err is the last of the errors.
	Err error

	operationTimeout time.Duration
	asked            bool // every task answers this process
}

func (e *OutageError) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind.Error())
	for i, t := range e.Tasks {
		b.WriteString([]string{": ", ", "}[min(i, 1)] + t.String())
	}
	if len(e.Tasks) > 0 {
		b.WriteString(" cannot be reached")
	}
	fmt.Fprintf(&b, " for %v, in %d attempt(s); %s: %v", e.For.Round(time.Millisecond), e.Attempts, e.remedy(), e.Err)
	return b.String()
}

func (e *OutageError) remedy() string {
	switch {
	case e.Kind == ErrNotReady:
		return "start the chief, with the same cluster and variables, or raise RecoveryTimeout"
	case len(e.Tasks) > 0:
		return "start it again under the same address, leave it out of DeviceFilters where it is not needed, or raise RecoveryTimeout"
	case e.asked:
		return "every task answers this process: see whether they reach each other, by the addresses that their servers were given"
	case e.Kind == ErrUnreachable:
		return "start the task that is gone again under the same address; with Options.Cluster this error names it"
	case errors.Is(e.Err, tf.ErrDeadlineExceeded):
		return fmt.Sprintf("every task answers: raise OperationTimeout, which is %v, if the body's runs take that long", e.operationTimeout)
	}
	return "every task answers: see the last error"
}

// Unwrap gives the kind and the last error.
func (e *OutageError) Unwrap() []error { return []error{e.Kind, e.Err} }

// Recoverable says whether an error of a run may be over after a new session is
// opened and the model restored: a server is gone or was started anew
// (Unavailable, Aborted), does not answer (DeadlineExceeded), or has lost its
// variables (FailedPrecondition and NotFound, by their text).
func Recoverable(err error) bool {
	switch {
	case err == nil:
		return false
	case errors.Is(err, tf.ErrUnavailable), errors.Is(err, tf.ErrAborted), errors.Is(err, tf.ErrDeadlineExceeded):
		return true
	}
	return lostState(err)
}

// noState is how TensorFlow says that a variable or table is not there: resource
// variables read, resource variables updated, references, lookup tables.
var noState = regexp.MustCompile(`Container \S+ does not exist|Could not find resource|Resource \S+ does not exist|Could not find variable|Error while reading resource variable|uninitialized value|Table not initialized`)

// lostState tells the errors of variables without a value.
func lostState(err error) bool {
	return (errors.Is(err, tf.ErrFailedPrecondition) || errors.Is(err, tf.ErrNotFound)) && noState.MatchString(err.Error())
}

var (
	remoteTarget = regexp.MustCompile(`remote target /job:([^/\s]+)/replica:\d+/task:(\d+)`)
	from         = regexp.MustCompile(`From /job:([^/\s]+)/replica:\d+/task:(\d+)`)
	address      = regexp.MustCompile(`ipv[46]:([^\s,;]+:\d+)`)
)

// tasksIn finds the tasks that an error of TensorFlow says are gone. The master
// stands in no message of its own: it is the target, of which only the address
// may be known.
func tasksIn(err error, master Task) []Task {
	if !errors.Is(err, tf.ErrUnavailable) && !errors.Is(err, tf.ErrDeadlineExceeded) {
		return nil
	}
	text := err.Error()
	found := remoteTarget.FindAllStringSubmatch(text, -1)
	if found == nil {
		found = from.FindAllStringSubmatch(text, -1)
	}
	if found == nil {
		if errors.Is(err, tf.ErrUnavailable) {
			return []Task{master}
		}
		return nil
	}
	var addr string
	if m := address.FindStringSubmatch(text); m != nil {
		addr = strings.NewReplacer("%5B", "[", "%5D", "]").Replace(m[1])
	}
	var tasks []Task
	seen := map[Task]bool{}
	for _, m := range found {
		index, _ := strconv.Atoi(m[2])
		t := Task{Job: m[1], Index: index}
		if !seen[t] {
			seen[t] = true
			tasks = append(tasks, t)
		}
	}
	if len(tasks) == 1 {
		tasks[0].Address = addr
	}
	return tasks
}
