package tf

import (
	"time"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"
)

// ConfigProto is TensorFlow's own form of a session's options.
type ConfigProto = for_core_protos_go_proto.ConfigProto

// SessionOptions are a session's choices. Nil and the zero value are
// TensorFlow's defaults, with soft placement.
type SessionOptions struct {
	// Target is the server that runs the graph, "grpc://host:port". Empty is
	// this process.
	Target string
	// GPU says how GPUs are used.
	GPU GPUOptions
	// DeviceCount limits the devices of a kind, such as {"GPU": 0}.
	DeviceCount map[string]int32
	// IntraOpThreads is the number of threads within an op, InterOpThreads that
	// of ops run at a time; 0 lets TensorFlow choose. InterOpThreads -1 runs all
	// ops in the thread that calls Run.
	//
	// Where a step takes well below a millisecond, most of it may be threads that
	// wake each other: -1 and 1 make it several times as fast. With large
	// matrices, or branches worth running side by side, they make it slower. On
	// the CPU the first session of a process settles IntraOpThreads for all.
	IntraOpThreads, InterOpThreads int
	// LogDevicePlacement writes the device of each node to standard error.
	LogDevicePlacement bool
	// DisallowSoftPlacement makes it an error that a node asks for a device that
	// is not there or has no kernel for it, as it is in Python's Session unless
	// told otherwise. The default puts the node elsewhere.
	DisallowSoftPlacement bool
	// DisableGrappler skips the optimization of the graph. Without it the first
	// run of a graph of thousands of variables starts in a third of the time.
	DisableGrappler bool
	// OperationTimeout bounds each run, and so the wait for a server that is
	// gone. 0 waits for ever: set it wherever Target is set. WithOperationTimeout
	// lets single runs take longer.
	OperationTimeout time.Duration
	// DeviceFilters are the devices of a cluster that the session uses, such as
	// "/job:ps"; it does not wait for the others, and cannot use them. Empty is
	// all. The server that is the Target need not be named.
	DeviceFilters []string
	// Isolate keeps the session's variables apart from those of other sessions
	// on the same servers.
	Isolate bool
	// Config is what the fields above refine; nil is an empty one.
	Config *ConfigProto
}

// GPUOptions say how a session uses GPUs.
type GPUOptions struct {
	// AllowGrowth takes memory as it is needed, not nearly all at the start.
	AllowGrowth bool
	// MemoryFraction is the part of each GPU's memory to take, 0 to 1; 0 lets
	// TensorFlow choose.
	MemoryFraction float64
	// VisibleDevices are the GPUs to use, in order, such as "0,2"; empty is all.
	VisibleDevices string
}

// ConfigProto returns the options in TensorFlow's own form, without the Target. It does
// not change Config.
func (o *SessionOptions) ConfigProto() (*ConfigProto, error) {
	c := new(ConfigProto)
	if o.Config != nil {
		c = proto.Clone(o.Config).(*ConfigProto)
	}
	if f := o.GPU.MemoryFraction; f < 0 || f > 1 {
		return nil, invalidf("GPU.MemoryFraction is %v: it lies between 0 and 1", f)
	}
	if o.OperationTimeout < 0 {
		return nil, invalidf("OperationTimeout is %v: it is not negative", o.OperationTimeout)
	}
	if o.IntraOpThreads < 0 {
		return nil, invalidf("IntraOpThreads is %d: it is not negative", o.IntraOpThreads)
	}
	if o.GPU != (GPUOptions{}) {
		if c.GpuOptions == nil {
			c.GpuOptions = new(for_core_protos_go_proto.GPUOptions)
		}
		if o.GPU.AllowGrowth {
			c.GpuOptions.AllowGrowth = true
		}
		if o.GPU.MemoryFraction > 0 {
			c.GpuOptions.PerProcessGpuMemoryFraction = o.GPU.MemoryFraction
		}
		if o.GPU.VisibleDevices != "" {
			c.GpuOptions.VisibleDeviceList = o.GPU.VisibleDevices
		}
	}
	for kind, n := range o.DeviceCount {
		if c.DeviceCount == nil {
			c.DeviceCount = make(map[string]int32)
		}
		c.DeviceCount[kind] = n
	}
	if o.IntraOpThreads != 0 {
		c.IntraOpParallelismThreads = int32(o.IntraOpThreads)
	}
	if o.InterOpThreads != 0 {
		c.InterOpParallelismThreads = int32(o.InterOpThreads)
	}
	c.LogDevicePlacement = c.LogDevicePlacement || o.LogDevicePlacement
	c.AllowSoftPlacement = !o.DisallowSoftPlacement
	if len(o.DeviceFilters) > 0 {
		c.DeviceFilters = o.DeviceFilters
	}
	for _, filter := range c.DeviceFilters {
		if err := checkFilter(filter); err != nil {
			return nil, err
		}
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
