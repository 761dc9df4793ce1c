// Package device reads and writes the names of TensorFlow's devices.
package device

import (
	"fmt"
	"strconv"
	"strings"
)

// Spec is a device name in parts, "" for a part that is not asked for.
type Spec struct {
	Job, Replica, Task, Kind string
	Index                    string // "" too for the "*" of "/gpu:*"
}

// Parse reads names such as "/job:ps/task:1/device:GPU:0", "/gpu:0" and "/cpu:*".
// With an error, about the first part that is none, come the parts that are.
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

// take takes a part in, if it is one.
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

// Over is d where it says something and outer where it does not.
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

// String is the canonical name, as Python writes it into a graph.
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
