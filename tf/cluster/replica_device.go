package cluster

import (
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/devicename"
	"github.com/tfkeep/tfkeep/tf"
)

// ReplicaOptions are the options of [ReplicaDeviceSetter]. Nil and the zero value are the
// defaults.
type ReplicaOptions struct {
	// PSTasks is the number of parameter servers if there is no Spec.
	PSTasks int
	// PSDevice and WorkerDevice are the devices of variables and of all other nodes;
	// empty means "/job:ps" and "/job:worker".
	PSDevice, WorkerDevice string
	// NoPSDevice and NoWorkerDevice leave these nodes where they are.
	NoPSDevice, NoWorkerDevice bool
	// NoMergeDevices does not change the device of a node that has one, even if that
	// device names no job. Otherwise the parts that it lacks are added.
	NoMergeDevices bool
	// PSOps are the types of the operations that go to parameter servers. Nil means those
	// that make variables and tables, such as VarHandleOp, VariableV2 and
	// MutableHashTableV2: the list of Python's setter.
	PSOps []string
	// Strategy chooses the parameter server of each node. Nil takes them in turn.
	Strategy PSStrategy
}

// PSStrategy chooses the task of the parameter server for a node, counted from 0. It is
// called once for each node, in the order in which the nodes are added.
type PSStrategy func(n tf.Node) (task int, err error)

// standardPSOps are the operations that Python's setter places on parameter servers.
var standardPSOps = []string{
	"Variable", "VariableV2", "AutoReloadVariable", "MutableHashTable",
	"MutableHashTableV2", "MutableHashTableOfTensors", "MutableHashTableOfTensorsV2",
	"MutableDenseHashTable", "MutableDenseHashTableV2", "VarHandleOp",
	"BoostedTreesEnsembleResourceHandleOp", "BoostedTreesQuantileStreamResourceHandleOp",
	"ResourceConditionalAccumulator", "DecisionTreeResource",
}

// ReplicaDeviceSetter returns a function for tf.Graph.WithDeviceFunc that places
// variables on the parameter servers of a cluster and all other nodes on a worker. The
// devices are those of Python's tf.compat.v1.train.replica_device_setter, node by node.
//
// The parameter servers are the tasks of the job that PSDevice names. Without a spec,
// PSTasks is their number. If there is no parameter server the function is nil, and then
// WithDeviceFunc hides the surrounding devices, as Python does.
//
// In a between-graph replication each worker builds the same graph with its own
// WorkerDevice. The variables are then the same ones in all workers, because they are on
// the same servers under the same names.
//
// The state of a Strategy carries over from one use of the function to the next.
func ReplicaDeviceSetter(spec *Spec, opts *ReplicaOptions) (tf.DeviceFunc, error) {
	if opts == nil {
		opts = new(ReplicaOptions)
	}
	s := &setter{ReplicaOptions: *opts}
	var err error
	if s.ps, err = deviceOr(opts.PSDevice, "/job:ps", opts.NoPSDevice); err != nil {
		return nil, err
	}
	if s.worker, err = deviceOr(opts.WorkerDevice, "/job:worker", opts.NoWorkerDevice); err != nil {
		return nil, err
	}
	if spec != nil {
		s.PSTasks = spec.NumTasks(s.ps.Job)
	}
	switch {
	case s.PSTasks < 0:
		return nil, argument(setDevices, fmt.Errorf("PSTasks is negative: %d", s.PSTasks))
	case s.PSTasks == 0:
		return nil, nil
	}
	if s.PSOps == nil {
		s.PSOps = standardPSOps
	}
	if s.Strategy == nil {
		s.Strategy = roundRobin(s.PSTasks)
	}
	return s.device, nil
}

const setDevices = "set replica devices"

// setter is a ReplicaDeviceSetter with its defaults filled in.
type setter struct {
	ReplicaOptions
	ps, worker devicename.Spec
}

// device returns the device of a node.
func (s *setter) device(n tf.Node) (string, error) {
	if s.NoMergeDevices && n.Device != "" {
		return n.Device, nil
	}
	current, err := devicename.Parse(n.Device)
	if err != nil {
		return "", argument(setDevices, err)
	}
	if s.ps == (devicename.Spec{}) || !slices.Contains(s.PSOps, n.Type) {
		return current.Over(s.worker).String(), nil
	}
	server := s.ps
	if server.Job != "" && (current.Job == "" || current.Job == server.Job) {
		task, err := s.Strategy(n)
		if err != nil {
			return "", &tfkeep.Error{Op: "choose a parameter server", Item: "node", Name: n.Name, Cause: err}
		}
		if task < 0 || task >= s.PSTasks {
			return "", &tfkeep.Error{
				Op: "choose a parameter server", Item: "node", Name: n.Name, Err: tfkeep.ErrArgument,
				Detail: fmt.Sprintf("the strategy returned task %d: job %q has tasks 0 to %d", task, server.Job, s.PSTasks-1),
			}
		}
		server.Task = strconv.Itoa(task)
	}
	return current.Over(server).String(), nil
}

func deviceOr(device, usual string, none bool) (devicename.Spec, error) {
	if none {
		return devicename.Spec{}, nil
	}
	if device == "" {
		device = usual
	}
	d, err := devicename.Parse(device)
	return d, argument(setDevices, err)
}

// roundRobin takes the tasks in turn.
func roundRobin(tasks int) PSStrategy {
	var mu sync.Mutex
	next := 0
	return func(tf.Node) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		task := next
		next = (next + 1) % tasks
		return task, nil
	}
}

// GreedyLoadBalancing returns a strategy that takes the task with the least load so far,
// the first of several. load returns what a node adds to the load; nil means the size of
// the variable in bytes, by its attributes dtype and shape, which must be fully known. A
// string counts as one byte.
//
// It is tf.contrib.training.GreedyLoadBalancingStrategy of TensorFlow 1. Unlike
// TensorFlow's byte_size_load_fn, the default load includes resource variables, which
// have the size of their values.
func GreedyLoadBalancing(tasks int, load func(n tf.Node) (float64, error)) PSStrategy {
	if load == nil {
		load = byteSize
	}
	var mu sync.Mutex
	given := tasks
	const most = 1 << 20 // more than any cluster has
	possible := tasks > 0 && tasks <= most
	if !possible {
		tasks = 0
	}
	loads := make([]float64, tasks)
	return func(n tf.Node) (int, error) {
		if !possible {
			return 0, argument("balance load", fmt.Errorf("a strategy for %d parameter servers", given))
		}
		more, err := load(n)
		if err != nil {
			return 0, err
		}
		mu.Lock()
		defer mu.Unlock()
		least := 0
		for task, l := range loads {
			if l < loads[least] {
				least = task
			}
		}
		loads[least] += more
		return least, nil
	}
}

// byteSize returns the size of a variable in bytes.
func byteSize(n tf.Node) (float64, error) {
	shape, err := n.Attr("shape")
	if err != nil {
		return 0, err
	}
	attr, err := n.Attr("dtype")
	if err != nil {
		return 0, err
	}
	switch {
	case shape.GetShape() == nil || attr.GetType() == types_go_proto.DataType_DT_INVALID:
		return 0, noSize(n, "it lacks the attributes dtype and shape")
	case shape.GetShape().GetUnknownRank():
		return 0, noSize(n, "its rank is not known")
	}
	size := float64(max(1, dtype.Size(attr.GetType())))
	for i, d := range shape.GetShape().GetDim() {
		if d.GetSize() < 0 {
			return 0, noSize(n, fmt.Sprintf("dimension %d is not known", i))
		}
		size *= float64(d.GetSize())
	}
	return size, nil
}

func noSize(n tf.Node, reason string) error {
	return argument("balance load", fmt.Errorf("%q has no size: %s", n.Name, reason))
}
