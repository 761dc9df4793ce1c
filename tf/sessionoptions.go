package tf

import (
	"time"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"
)

// SessionOptions are the options of a session. Nil and the zero value are TensorFlow's
// defaults, with soft placement.
type SessionOptions struct {
	// Target is the server that runs the graph, "grpc://host:port". Empty means this
	// process.
	Target string
	// GPU has the options for GPUs.
	GPU GPUOptions
	// DeviceCount limits the number of devices by type, such as {"GPU": 0}.
	DeviceCount map[string]int32
	// IntraOpThreads is the number of threads within an operation, InterOpThreads the
	// number of operations that run at the same time; for 0 TensorFlow chooses. If
	// InterOpThreads is -1, all operations run in the thread that calls Run.
	//
	// If a step takes less than a millisecond, most of that time may be spent on waking
	// threads up: -1 and 1 can make it several times as fast. They make steps slower
	// that have large matrices or branches that are worth running in parallel. On the
	// CPU the first session of a process sets IntraOpThreads for all sessions.
	IntraOpThreads, InterOpThreads int
	// LogDevicePlacement writes the device of each node to standard error.
	LogDevicePlacement bool
	// DisallowSoftPlacement makes it an error if a node requests a device that does not
	// exist or has no kernel for it. That is the default of Python's Session. Without
	// it the node is placed on another device.
	DisallowSoftPlacement bool
	// DisableGrappler skips the optimization of the graph. The first run of a graph
	// with thousands of variables then starts in a third of the time.
	DisableGrappler bool
	// OperationTimeout is the time limit of each run, and so of the wait for a server
	// that is lost. 0 means no limit: set it if Target is set. WithOperationTimeout
	// changes it for single runs.
	OperationTimeout time.Duration
	// DeviceFilters are the devices of a cluster that the session uses, such as
	// "/job:ps". It does not wait for other servers and cannot use them. Empty means
	// all. The server in Target need not be listed.
	DeviceFilters []string
	// Isolate separates the session's variables from those of other sessions on the
	// same servers.
	Isolate bool
	// Config has more options. The fields above replace what it has. Nil means none.
	Config *for_core_protos_go_proto.ConfigProto
}

// GPUOptions are the options of a session for GPUs.
type GPUOptions struct {
	// AllowGrowth allocates memory as it is needed, instead of nearly all at the start.
	AllowGrowth bool
	// MemoryFraction is the part of each GPU's memory to use, from 0 to 1. For 0
	// TensorFlow chooses.
	MemoryFraction float64
	// VisibleDevices are the GPUs to use, in order, such as "0,2". Empty means all.
	VisibleDevices string
}

// ConfigProto returns the options in TensorFlow's own form, without the Target. It does
// not change Config.
func (o *SessionOptions) ConfigProto() (*for_core_protos_go_proto.ConfigProto, error) {
	if o == nil {
		o = new(SessionOptions)
	}
	c := new(for_core_protos_go_proto.ConfigProto)
	if o.Config != nil {
		c = proto.Clone(o.Config).(*for_core_protos_go_proto.ConfigProto)
	}
	o.setPlacement(c)
	if len(o.DeviceFilters) > 0 {
		c.DeviceFilters = o.DeviceFilters
	}
	if err := o.check(c.DeviceFilters); err != nil {
		return nil, err
	}
	o.GPU.set(c)
	if o.IntraOpThreads != 0 {
		c.IntraOpParallelismThreads = int32(o.IntraOpThreads)
	}
	if o.InterOpThreads != 0 {
		c.InterOpParallelismThreads = int32(o.InterOpThreads)
	}
	c.IsolateSessionState = c.IsolateSessionState || o.Isolate
	if o.OperationTimeout > 0 {
		c.OperationTimeoutInMs = int64((o.OperationTimeout + time.Millisecond - 1) / time.Millisecond)
	}
	if o.DisableGrappler {
		if c.GraphOptions == nil {
			c.GraphOptions = new(for_core_protos_go_proto.GraphOptions)
		}
		if c.GraphOptions.RewriteOptions == nil {
			c.GraphOptions.RewriteOptions = new(for_core_protos_go_proto.RewriterConfig)
		}
		c.GraphOptions.RewriteOptions.DisableMetaOptimizer = true
	}
	return c, nil
}

// check returns an error for options that TensorFlow refuses, or for which it would end
// the process.
func (o *SessionOptions) check(filters []string) error {
	if f := o.GPU.MemoryFraction; f < 0 || f > 1 {
		return invalidf("GPU.MemoryFraction is %v; it must be from 0 to 1", f)
	}
	if o.OperationTimeout < 0 {
		return invalidf("OperationTimeout is %v; it must not be negative", o.OperationTimeout)
	}
	if o.IntraOpThreads < 0 {
		return invalidf("IntraOpThreads is %d; it must not be negative", o.IntraOpThreads)
	}
	for _, filter := range filters {
		if err := checkFilter(filter); err != nil {
			return err
		}
	}
	return nil
}

// setPlacement sets the options about the placement of nodes.
func (o *SessionOptions) setPlacement(c *for_core_protos_go_proto.ConfigProto) {
	for kind, n := range o.DeviceCount {
		if c.DeviceCount == nil {
			c.DeviceCount = make(map[string]int32)
		}
		c.DeviceCount[kind] = n
	}
	c.LogDevicePlacement = c.LogDevicePlacement || o.LogDevicePlacement
	c.AllowSoftPlacement = !o.DisallowSoftPlacement
}

func (o GPUOptions) set(c *for_core_protos_go_proto.ConfigProto) {
	if o == (GPUOptions{}) {
		return
	}
	if c.GpuOptions == nil {
		c.GpuOptions = new(for_core_protos_go_proto.GPUOptions)
	}
	if o.AllowGrowth {
		c.GpuOptions.AllowGrowth = true
	}
	if o.MemoryFraction > 0 {
		c.GpuOptions.PerProcessGpuMemoryFraction = o.MemoryFraction
	}
	if o.VisibleDevices != "" {
		c.GpuOptions.VisibleDeviceList = o.VisibleDevices
	}
}
