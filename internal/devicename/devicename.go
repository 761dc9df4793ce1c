// Package devicename reads and writes the names of TensorFlow's devices, such as
// "/job:ps/task:1/device:GPU:0".
package devicename

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// ColocationPrefix begins each item of a node's "_class" attribute that names a node on
// whose device the node is to be.
const ColocationPrefix = "loc:@"

// Spec is a device name in parts. A part that the name lacks is "".
type Spec struct {
	Job, Replica, Task, Kind string
	Index                    string // also "" for the "*" of "/gpu:*"
}

// Parse reads names such as "/job:ps/task:1/device:GPU:0", "/gpu:0" and "/cpu:*".
// If parts of the name are wrong, the error names the first of them, and the Spec has the
// other parts.
func Parse(name string) (Spec, error) {
	var d Spec
	if name == "" {
		return d, nil
	}
	var err error
	if !strings.HasPrefix(name, "/") {
		err = fmt.Errorf("device %q does not start with a slash, as in \"/device:GPU:0\"", name)
	}
	for _, part := range strings.Split(strings.TrimPrefix(name, "/"), "/") {
		if !d.take(part) && err == nil {
			err = fmt.Errorf("device %q: %q is not a part of a device name, as in \"/job:worker/task:0/device:GPU:0\"", name, part)
		}
	}
	return d, err
}

// take adds a part, if it is one.
func (d *Spec) take(part string) bool {
	fields := strings.Split(part, ":")
	switch key := strings.ToLower(fields[0]); {
	case key == "job" && len(fields) == 2 && fields[1] != "":
		d.Job = fields[1]
	case key == "replica" && len(fields) == 2 && isNumber(fields[1]):
		d.Replica = fields[1]
	case key == "task" && len(fields) == 2 && isNumber(fields[1]):
		d.Task = fields[1]
	case key == "device" && len(fields) == 3 && (fields[2] == "*" || isNumber(fields[2])):
		d.Kind, d.Index = canonicalKind(fields[1]), strings.Trim(fields[2], "*")
	case (key == "cpu" || key == "gpu") && len(fields) == 2 && (fields[1] == "*" || isNumber(fields[1])):
		d.Kind, d.Index = canonicalKind(key), strings.Trim(fields[1], "*")
	default:
		return false
	}
	return true
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 31)
	return err == nil
}

func canonicalKind(kind string) string {
	if k := strings.ToUpper(kind); k == "CPU" || k == "GPU" {
		return k
	}
	return kind
}

// Over returns d with the parts that it lacks taken from outer.
func (d Spec) Over(outer Spec) Spec {
	pick := func(inner, outer string) string {
		if inner != "" {
			return inner
		}
		return outer
	}
	return Spec{
		Job:     pick(d.Job, outer.Job),
		Replica: pick(d.Replica, outer.Replica),
		Task:    pick(d.Task, outer.Task),
		Kind:    pick(d.Kind, outer.Kind),
		Index:   pick(d.Index, outer.Index),
	}
}

// String returns the canonical name, as Python writes it into a graph.
func (d Spec) String() string {
	var b strings.Builder
	for _, part := range []struct{ key, value string }{{"/job:", d.Job}, {"/replica:", d.Replica}, {"/task:", d.Task}} {
		if part.value != "" {
			b.WriteString(part.key + part.value)
		}
	}
	if d.Kind != "" {
		index := d.Index
		if index == "" {
			index = "*"
		}
		b.WriteString("/device:" + d.Kind + ":" + index)
	}
	return b.String()
}

// IsJob reports whether TensorFlow reads name as a job: a letter, followed by letters,
// digits and underscores.
func IsJob(name string) bool { return jobName.MatchString(name) }

var jobName = regexp.MustCompile(`^[a-zA-Z][_a-zA-Z0-9]*$`)

// Task returns the name of a task of a cluster, such as "/job:ps/task:1".
func Task(job string, index int) string { return Spec{Job: job, Task: strconv.Itoa(index)}.String() }

// TaskOf returns the task of a cluster that a device name is in, if it names one. Parts
// that are wrong do not count.
func TaskOf(name string) (job string, index int, ok bool) {
	d, _ := Parse(name)
	index, err := strconv.Atoi(d.Task)
	return d.Job, index, err == nil && d.Job != ""
}
