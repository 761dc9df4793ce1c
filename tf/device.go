package tf

import (
	"regexp"

	"github.com/tfkeep/tfkeep/internal/devicename"
)

type deviceSpec = devicename.Spec

// parseDevice parses names such as "/job:ps/task:1/device:GPU:0", "/gpu:0" and "/cpu:*".
func parseDevice(name string) (deviceSpec, error) {
	d, err := devicename.Parse(name)
	if err != nil {
		return deviceSpec{}, invalidf("%v", err)
	}
	return d, nil
}

// checkFilter returns an error for a device filter that TensorFlow cannot parse:
// TensorFlow would end the server's process.
func checkFilter(filter string) error {
	// Unlike a node's device, a filter can have wildcards for all parts.
	name := anyPart.ReplaceAllString(filter, "")
	d, err := parseDevice(name)
	if err != nil {
		return invalidf("device filter %q: %s", filter, message(err))
	}
	if d.Job != "" && !devicename.IsJob(d.Job) {
		return invalidf("device filter %q: %q is not a job name", filter, d.Job)
	}
	return nil
}

var anyPart = regexp.MustCompile(`/(job|replica|task):\*`)

// WithDevice calls f, and places what f adds to g on dev, such as "/gpu:0" or
// "/job:ps/task:1". If devices are nested, the outer one completes the inner one. A
// device that Scope.WithDevice sets is completed too.
func (g *Graph) WithDevice(dev string, f func() error) error {
	d, err := parseDevice(dev)
	if err != nil {
		return err
	}
	return g.withFrame(deviceFrame{spec: d}, f)
}
