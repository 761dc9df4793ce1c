package saver

import (
	"github.com/tfkeep/tfkeep/internal/devicename"
)

// parseDevice leaves out parts that it doesn't know, as the runtime would refuse
// them anyway.
func parseDevice(name string) devicename.Spec {
	d, _ := devicename.Parse(name)
	return d
}

// canonicalDevice is the form by which TensorFlow groups variables into shards.
func canonicalDevice(name string) string { return parseDevice(name).String() }

// onCPU0 is the first CPU of the machine that the device is in, where files are
// written and read.
func onCPU0(name string) string {
	d := parseDevice(name)
	d.Kind, d.Index = "CPU", "0"
	return d.String()
}
