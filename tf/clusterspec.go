package tf

import (
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/tfkeep/tfkeep/capi"
)

// ClusterDef is TensorFlow's own form of a ClusterSpec.
type ClusterDef = for_core_protos_go_proto.ClusterDef

// ClusterSpec says which processes make up a cluster: jobs, such as "ps" and
// "worker", each with tasks that have a number and an address, "host:port". It is
// a value that does not change, Python's tf.train.ClusterSpec.
type ClusterSpec struct {
	jobs map[string]map[int]string
}

// NewClusterSpec makes a cluster of jobs with the addresses of tasks 0, 1, ….
func NewClusterSpec(jobs map[string][]string) (*ClusterSpec, error) {
	sparse := make(map[string]map[int]string, len(jobs))
	for job, addresses := range jobs {
		tasks := make(map[int]string, len(addresses))
		for i, address := range addresses {
			tasks[i] = address
		}
		sparse[job] = tasks
	}
	return NewSparseClusterSpec(sparse)
}

// NewSparseClusterSpec makes a cluster of jobs with numbered tasks, not all of
// which need to be known: a worker need not know the other workers.
//
// An error of the kind ErrInvalidArgument says which job or task is wrong: a job
// name is a letter, followed by letters, digits and underscores, an address is
// "host:port", and no two tasks have the same one. Port 0, which lets the system
// choose, is for a server that nobody needs to find by the spec.
func NewSparseClusterSpec(jobs map[string]map[int]string) (*ClusterSpec, error) {
	if len(jobs) == 0 {
		return nil, invalidf("the cluster has no jobs: name one with its tasks, as in ps=host:2222;worker=host:2223")
	}
	c := &ClusterSpec{jobs: make(map[string]map[int]string, len(jobs))}
	owner := make(map[string]string)
	for _, job := range slices.Sorted(maps.Keys(jobs)) {
		if !jobName.MatchString(job) {
			return nil, invalidf("job %q: a job's name is a letter, followed by letters, digits and underscores", job)
		}
		for _, task := range slices.Sorted(maps.Keys(jobs[job])) {
			name := taskName(job, task)
			if task < 0 || int64(task) > maxTask {
				return nil, invalidf("%s: tasks are numbered from 0 to %d", name, maxTask)
			}
			address := jobs[job][task]
			if err := checkAddress(address); err != nil {
				return nil, invalidf("%s: %v", name, err)
			}
			if other, taken := owner[address]; taken && !strings.HasSuffix(address, ":0") {
				return nil, invalidf("%s and %s have the same address %s", other, name, address)
			}
			owner[address] = name
		}
		c.jobs[job] = maps.Clone(jobs[job])
	}
	return c, nil
}

// jobName is what TensorFlow reads as a job in a device's name.
var jobName = regexp.MustCompile(`^[a-zA-Z][_a-zA-Z0-9]*$`)

const maxTask = 1<<31 - 1

func taskName(job string, task int) string { return "/job:" + job + "/task:" + strconv.Itoa(task) }

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

// ParseClusterSpec reads what String writes: jobs with semicolons between them, as
// in "ps=a:2222,b:2222;worker=c:2222". The number of a task may be said before its
// address, as in "worker=3@c:2222"; the others count on from the one before.
func ParseClusterSpec(s string) (*ClusterSpec, error) {
	jobs := make(map[string]map[int]string)
	for _, part := range strings.Split(s, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		job, list, ok := strings.Cut(part, "=")
		if job = strings.TrimSpace(job); !ok {
			return nil, invalidf("cluster %q: %q is not a job with its tasks, as in ps=host:2222,host:2223", s, part)
		}
		if _, twice := jobs[job]; twice {
			return nil, invalidf("cluster %q: job %q is there twice", s, job)
		}
		tasks := make(map[int]string)
		next := 0
		for _, address := range strings.Split(list, ",") {
			if address = strings.TrimSpace(address); address == "" {
				if strings.TrimSpace(list) == "" {
					break
				}
				return nil, invalidf("cluster %q: job %q has an empty address", s, job)
			}
			if number, rest, ok := strings.Cut(address, "@"); ok {
				n, err := strconv.Atoi(number)
				if err != nil {
					return nil, invalidf("cluster %q: %q is not a task's number and address, as in 3@host:2222", s, address)
				}
				next, address = n, rest
			}
			if _, twice := tasks[next]; twice {
				return nil, invalidf("cluster %q: %s is there twice", s, taskName(job, next))
			}
			tasks[next] = address
			next++
		}
		jobs[job] = tasks
	}
	return NewSparseClusterSpec(jobs)
}

// ClusterSpecFromDef is the spec that TensorFlow's protobuf stands for.
func ClusterSpecFromDef(def *ClusterDef) (*ClusterSpec, error) {
	jobs := make(map[string]map[int]string)
	for _, job := range def.GetJob() {
		tasks := make(map[int]string)
		for i, address := range job.GetTasks() {
			tasks[int(i)] = address
		}
		jobs[job.GetName()] = tasks
	}
	return NewSparseClusterSpec(jobs)
}

// String is the spec in the words of ParseClusterSpec, in order.
func (c *ClusterSpec) String() string {
	var b strings.Builder
	for i, job := range c.Jobs() {
		if i > 0 {
			b.WriteByte(';')
		}
		b.WriteString(job + "=")
		next := 0
		for j, task := range c.TaskIndices(job) {
			if j > 0 {
				b.WriteByte(',')
			}
			if task != next {
				b.WriteString(strconv.Itoa(task) + "@")
			}
			b.WriteString(c.jobs[job][task])
			next = task + 1
		}
	}
	return b.String()
}

// Jobs are the names of the jobs, in order.
func (c *ClusterSpec) Jobs() []string {
	if c == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(c.jobs))
}

// NumTasks is the number of tasks that job has, 0 where there is no such job.
func (c *ClusterSpec) NumTasks(job string) int { return len(c.JobTasks(job)) }

// TaskIndices are the numbers of job's tasks, in order.
func (c *ClusterSpec) TaskIndices(job string) []int {
	return slices.Sorted(maps.Keys(c.JobTasks(job)))
}

// TaskAddress is the address of a task. A job or task that the cluster lacks is an
// error of the kind ErrNotFound.
func (c *ClusterSpec) TaskAddress(job string, task int) (string, error) {
	address, ok := c.JobTasks(job)[task]
	if !ok {
		return "", c.noTask(job, task)
	}
	return address, nil
}

func (c *ClusterSpec) noTask(job string, task int) error {
	e := &Error{Code: capi.NotFound}
	switch {
	case len(c.Jobs()) == 0:
		e.Message = "the cluster is empty"
	case c.NumTasks(job) == 0:
		e.Message = fmt.Sprintf("the cluster has no job %q with tasks: its jobs are %s", job, strings.Join(c.Jobs(), ", "))
	default:
		e.Message = fmt.Sprintf("job %q has no task %d: its tasks are %v", job, task, c.TaskIndices(job))
	}
	return e
}

// JobTasks are the addresses of job's tasks by number; nil where there is no such
// job. The map is the spec's own, not to be changed.
func (c *ClusterSpec) JobTasks(job string) map[int]string {
	if c == nil {
		return nil
	}
	return c.jobs[job]
}

// ClusterDef is the spec as TensorFlow's protobuf, as Python's as_cluster_def.
func (c *ClusterSpec) ClusterDef() *ClusterDef {
	def := new(ClusterDef)
	for _, name := range c.Jobs() {
		job := &for_core_protos_go_proto.JobDef{Name: name, Tasks: make(map[int32]string, len(c.jobs[name]))}
		for task, address := range c.jobs[name] {
			job.Tasks[int32(task)] = address
		}
		def.Job = append(def.Job, job)
	}
	return def
}

// Equal says whether both have the same jobs, tasks and addresses.
func (c *ClusterSpec) Equal(other *ClusterSpec) bool {
	if c == nil || other == nil {
		return len(c.Jobs()) == 0 && len(other.Jobs()) == 0
	}
	return maps.EqualFunc(c.jobs, other.jobs, maps.Equal)
}
