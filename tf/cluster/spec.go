package cluster

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/devicename"
)

// Task is the place of one process in a cluster: a job, such as "ps" or "worker", and
// the number of the task within it.
type Task struct {
	Job   string
	Index int
}

// String returns the task as the name of a device, "/job:worker/task:0".
func (t Task) String() string { return devicename.Task(t.Job, t.Index) }

// Spec lists the processes of a cluster: jobs, each with numbered tasks that have an
// address, "host:port". A Spec does not change. It is Python's tf.train.ClusterSpec.
type Spec struct {
	jobs map[string]map[int]string
}

// NewSpec makes a cluster of jobs. The tasks of a job are a list of the addresses of
// tasks 0, 1, …, or a map from numbers to addresses. A map need not have all numbers: a
// worker need not know the other workers.
//
// If a job or task is wrong, the error is of the kind tfkeep.ErrArgument and names it. A
// job name is a letter, followed by letters, digits and underscores; an address is
// "host:port"; no two tasks have the same address. With port 0 the system
// chooses a port, so other processes cannot find the server through the Spec.
func NewSpec[Tasks []string | map[int]string](jobs map[string]Tasks) (*Spec, error) {
	numbered := make(map[string]map[int]string, len(jobs))
	for job, tasks := range jobs {
		switch tasks := any(tasks).(type) {
		case []string:
			numbered[job] = maps.Collect(slices.All(tasks))
		case map[int]string:
			numbered[job] = maps.Clone(tasks)
		}
	}
	spec, err := newSpec(numbered)
	return spec, argument("make cluster", err)
}

// newSpec takes the maps over. Its errors have no operation yet.
func newSpec(jobs map[string]map[int]string) (*Spec, error) {
	if len(jobs) == 0 {
		return nil, errors.New("the cluster has no jobs; name one with its tasks, as in ps=host:2222;worker=host:2223")
	}
	owner := make(map[string]Task)
	for _, job := range slices.Sorted(maps.Keys(jobs)) {
		if !devicename.IsJob(job) {
			return nil, fmt.Errorf("job %q: the name of a job is a letter, followed by letters, digits and underscores", job)
		}
		for _, index := range slices.Sorted(maps.Keys(jobs[job])) {
			task := Task{job, index}
			if index < 0 || int64(index) > maxTask {
				return nil, fmt.Errorf("%s: tasks are numbered from 0 to %d", task, maxTask)
			}
			address := jobs[job][index]
			if err := checkAddress(address); err != nil {
				return nil, fmt.Errorf("%s: %w", task, err)
			}
			if other, taken := owner[address]; taken && !strings.HasSuffix(address, ":0") {
				return nil, fmt.Errorf("%s and %s have the same address %s", other, task, address)
			}
			owner[address] = task
		}
	}
	return &Spec{jobs}, nil
}

const maxTask = 1<<31 - 1

func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || strings.ContainsAny(host, "/,;=@ \t\r\n") {
		return fmt.Errorf("%q is not an address, as in \"host:2222\"", address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return fmt.Errorf("%q has no port from 0 to 65535", address)
	}
	return nil
}

// ParseSpec reads what [Spec.String] writes: jobs with semicolons between them, as in
// "ps=a:2222,b:2222;worker=c:2222". An address may have the number of its task before
// it, as in "worker=3@c:2222"; the next addresses continue from there.
func ParseSpec(s string) (*Spec, error) {
	jobs := make(map[string]map[int]string)
	for part := range strings.SplitSeq(s, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		job, list, ok := strings.Cut(part, "=")
		if job = strings.TrimSpace(job); !ok {
			return nil, badText(s, fmt.Errorf("%q is not a job with its tasks, as in ps=host:2222,host:2223", part))
		}
		if _, twice := jobs[job]; twice {
			return nil, badText(s, fmt.Errorf("job %q is listed twice", job))
		}
		tasks, err := parseTasks(job, list)
		if err != nil {
			return nil, badText(s, err)
		}
		jobs[job] = tasks
	}
	spec, err := newSpec(jobs)
	return spec, badText(s, err)
}

// parseTasks reads the tasks of a job, "a:2222,3@b:2222".
func parseTasks(job, list string) (map[int]string, error) {
	tasks := make(map[int]string)
	if strings.TrimSpace(list) == "" {
		return tasks, nil
	}
	next := 0
	for address := range strings.SplitSeq(list, ",") {
		if address = strings.TrimSpace(address); address == "" {
			return nil, fmt.Errorf("job %q has an empty address", job)
		}
		if number, rest, ok := strings.Cut(address, "@"); ok {
			n, err := strconv.Atoi(number)
			if err != nil {
				return nil, fmt.Errorf("%q is not a task's number and address, as in 3@host:2222", address)
			}
			next, address = n, rest
		}
		if _, twice := tasks[next]; twice {
			return nil, fmt.Errorf("%s is listed twice", Task{job, next})
		}
		tasks[next] = address
		next++
	}
	return tasks, nil
}

// String returns the cluster in the form that [ParseSpec] reads, sorted by job and task.
// Two Specs are the same cluster if their Strings are equal.
func (s *Spec) String() string {
	var b strings.Builder
	for i, job := range s.jobNames() {
		if i > 0 {
			b.WriteByte(';')
		}
		b.WriteString(job + "=")
		next := 0
		for j, index := range slices.Sorted(maps.Keys(s.jobs[job])) {
			if j > 0 {
				b.WriteByte(',')
			}
			if index != next {
				b.WriteString(strconv.Itoa(index) + "@")
			}
			b.WriteString(s.jobs[job][index])
			next = index + 1
		}
	}
	return b.String()
}

// Tasks returns the tasks and their addresses, sorted by job and task.
func (s *Spec) Tasks() iter.Seq2[Task, string] {
	return func(yield func(Task, string) bool) {
		for _, job := range s.jobNames() {
			for _, index := range slices.Sorted(maps.Keys(s.jobs[job])) {
				if !yield(Task{job, index}, s.jobs[job][index]) {
					return
				}
			}
		}
	}
}

// NumTasks returns the number of tasks that job has, 0 if the cluster has no such job.
func (s *Spec) NumTasks(job string) int {
	if s == nil {
		return 0
	}
	return len(s.jobs[job])
}

// Address returns the address of a task. If the cluster has no such task, the error is of
// the kind tfkeep.ErrNotFound.
func (s *Spec) Address(t Task) (string, error) {
	if s != nil {
		if address, ok := s.jobs[t.Job][t.Index]; ok {
			return address, nil
		}
	}
	e := &tfkeep.Error{Op: "find task", Name: t.String(), Err: tfkeep.ErrNotFound}
	switch {
	case len(s.jobNames()) == 0:
		e.Detail = "the cluster is empty"
	case s.NumTasks(t.Job) == 0:
		e.Detail = fmt.Sprintf("the cluster has no job %q with tasks: its jobs are %s", t.Job, strings.Join(s.jobNames(), ", "))
	default:
		e.Detail = fmt.Sprintf("job %q has no task %d: its tasks are %v", t.Job, t.Index, slices.Sorted(maps.Keys(s.jobs[t.Job])))
	}
	return "", e
}

// jobNames returns the names of the jobs, sorted.
func (s *Spec) jobNames() []string {
	if s == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(s.jobs))
}

// def returns the cluster as TensorFlow's protobuf.
func (s *Spec) def() *for_core_protos_go_proto.ClusterDef {
	def := new(for_core_protos_go_proto.ClusterDef)
	for _, name := range s.jobNames() {
		job := &for_core_protos_go_proto.JobDef{Name: name, Tasks: make(map[int32]string, len(s.jobs[name]))}
		for index, address := range s.jobs[name] {
			job.Tasks[int32(index)] = address
		}
		def.Job = append(def.Job, job)
	}
	return def
}

// argument makes err an error of the kind tfkeep.ErrArgument.
func argument(op string, err error) error {
	if err == nil {
		return nil
	}
	return &tfkeep.Error{Op: op, Err: tfkeep.ErrArgument, Cause: err}
}

// badText makes err the error of a cluster that was parsed from text.
func badText(text string, err error) error {
	if err == nil {
		return nil
	}
	return &tfkeep.Error{Op: "parse cluster", Name: text, Err: tfkeep.ErrArgument, Cause: err}
}
