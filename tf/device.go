package tf

import (
	"regexp"
	"strconv"
	"strings"
)

// deviceSpec is a device name in parts, "" for a part that is not asked for.
type deviceSpec struct {
	job, replica, task, kind string
	index                    string // "" too for the "*" of "/gpu:*"
}

// parseDevice reads names such as "/job:ps/task:1/device:GPU:0", "/gpu:0" and
// "/cpu:*".
func parseDevice(name string) (deviceSpec, error) {
	var d deviceSpec
	if name == "" {
		return d, nil
	}
	if !strings.HasPrefix(name, "/") {
		return d, invalidf("device %q does not start with a slash, as in \"/device:GPU:0\"", name)
	}
	for _, part := range strings.Split(name[1:], "/") {
		fields := strings.Split(part, ":")
		bad := func() (deviceSpec, error) {
			return deviceSpec{}, invalidf("device %q: %q is not a part of a device name, as in \"/job:worker/task:0/device:GPU:0\"", name, part)
		}
		switch kind := strings.ToLower(fields[0]); {
		case kind == "job" && len(fields) == 2 && fields[1] != "":
			d.job = fields[1]
		case kind == "replica" && len(fields) == 2 && isNumber(fields[1]):
			d.replica = fields[1]
		case kind == "task" && len(fields) == 2 && isNumber(fields[1]):
			d.task = fields[1]
		case kind == "device" && len(fields) == 3 && (fields[2] == "*" || isNumber(fields[2])):
			d.kind, d.index = canonicalKind(fields[1]), strings.Trim(fields[2], "*")
		case (kind == "cpu" || kind == "gpu") && len(fields) == 2 && (fields[1] == "*" || isNumber(fields[1])):
			d.kind, d.index = canonicalKind(kind), strings.Trim(fields[1], "*")
		default:
			return bad()
		}
	}
	return d, nil
}

// checkFilter checks a device filter: TensorFlow ends the server's process for one
// that it cannot read.
func checkFilter(filter string) error {
	// A part may be everything there, as it may not be for a node.
	name := anyPart.ReplaceAllString(filter, "")
	d, err := parseDevice(name)
	if err != nil {
		return invalidf("device filter %q: %s", filter, words(err))
	}
	if d.job != "" && !jobName.MatchString(d.job) {
		return invalidf("device filter %q: %q is not the name of a job", filter, d.job)
	}
	return nil
}

var anyPart = regexp.MustCompile(`/(job|replica|task):\*`)

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

// over is d where it says something and outer where it does not.
func (d deviceSpec) over(outer deviceSpec) deviceSpec {
	pick := func(inner, outer string) string {
		if inner != "" {
			return inner
		}
		return outer
	}
	return deviceSpec{
		job:     pick(d.job, outer.job),
		replica: pick(d.replica, outer.replica),
		task:    pick(d.task, outer.task),
		kind:    pick(d.kind, outer.kind),
		index:   pick(d.index, outer.index),
	}
}

// String is the canonical name, as Python writes it into a graph.
func (d deviceSpec) String() string {
	var b strings.Builder
	for _, part := range []struct{ key, value string }{{"/job:", d.job}, {"/replica:", d.replica}, {"/task:", d.task}} {
		if part.value != "" {
			b.WriteString(part.key + part.value)
		}
	}
	if d.kind != "" {
		index := d.index
		if index == "" {
			index = "*"
		}
		b.WriteString("/device:" + d.kind + ":" + index)
	}
	return b.String()
}

// WithDevice calls f; what f adds to g goes to dev, such as "/gpu:0" or
// "/job:ps/task:1". A device inside another one keeps the parts of the outer one
// that it does not name itself; so does a node of the binding's op wrappers that
// has one by Scope.WithDevice.
func (g *Graph) WithDevice(dev string, f func() error) error {
	d, err := parseDevice(dev)
	if err != nil {
		return err
	}
	return g.in(deviceFrame{spec: d}, f)
}
