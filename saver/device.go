package saver

import (
	"strings"
)

// deviceSpec is a device name in parts, "/job:ps/replica:0/task:1/device:GPU:0".
// An empty part is not given.
type deviceSpec struct {
	job, replica, task, kind, index string
}

// parseDevice reads full and short forms: "/cpu:0" is "/device:CPU:0". Parts
// that it doesn't know are left out, as the runtime would refuse them anyway.
func parseDevice(name string) deviceSpec {
	var d deviceSpec
	for _, part := range strings.Split(name, "/") {
		fields := strings.Split(part, ":")
		key := strings.ToLower(fields[0])
		switch {
		case key == "job" && len(fields) == 2:
			d.job = fields[1]
		case key == "replica" && len(fields) == 2:
			d.replica = fields[1]
		case key == "task" && len(fields) == 2:
			d.task = fields[1]
		case (key == "cpu" || key == "gpu") && len(fields) == 2:
			d.kind, d.index = strings.ToUpper(key), fields[1]
		case key == "device" && len(fields) == 3:
			d.kind, d.index = fields[1], fields[2]
			if k := strings.ToUpper(d.kind); k == "CPU" || k == "GPU" {
				d.kind = k
			}
		}
	}
	return d
}

func (d deviceSpec) String() string {
	var b strings.Builder
	write := func(key, value string) {
		if value != "" {
			b.WriteString("/" + key + ":" + value)
		}
	}
	write("job", d.job)
	write("replica", d.replica)
	write("task", d.task)
	if d.kind != "" {
		index := d.index
		if index == "" {
			index = "*"
		}
		write("device", d.kind+":"+index)
	}
	return b.String()
}

// canonicalDevice is the form by which TensorFlow groups variables into shards.
func canonicalDevice(name string) string { return parseDevice(name).String() }

// onCPU0 is the first CPU of the machine that the device is in, where files are
// written and read.
func onCPU0(name string) string {
	d := parseDevice(name)
	d.kind, d.index = "CPU", "0"
	return d.String()
}
