package tf

import (
	"regexp"

	"github.com/tfkeep/tfkeep/internal/devicename"
)

type deviceSpec = devicename.Spec

// parseDevice reads names such as "/job:ps/task:1/device:GPU:0", "/gpu:0" and
// "/cpu:*".
func parseDevice(name string) (deviceSpec, error) {
	d, err := devicename.Parse(name)
	if err != nil {
		return deviceSpec{}, invalidf("%v", err)
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
		return invalidf("device filter %q: %s", filter, message(err))
	}
	if d.Job != "" && !devicename.IsJob(d.Job) {
		return invalidf("device filter %q: %q is not the name of a job", filter, d.Job)
	}
	return nil
}

var anyPart = regexp.MustCompile(`/(job|replica|task):\*`)

// WithDevice calls f; what f adds to g goes to dev, such as "/gpu:0" or
// "/job:ps/task:1". A device inside another one keeps the parts of the outer one
// that it does not name itself; so does a node of the binding's op wrappers that
// has one by Scope.WithDevice.
func (g *Graph) WithDevice(dev string, f func() error) error {
	d, err := parseDevice(dev)
	if err != nil {
		return err
	}
	return g.withFrame(deviceFrame{spec: d}, f)
}
