package tf

import (
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
)

// NoDevice stands for no device in a ReplicaDeviceSetter, where an empty one
// means the usual one.
const NoDevice = "none"

// ReplicaDeviceSetter puts variables on the parameter servers of a cluster and
// all else on a worker. It gives a graph the devices that Python's
// tf.compat.v1.train.replica_device_setter gives it, node by node:
//
//	setter := tf.ReplicaDeviceSetter{Cluster: spec, WorkerDevice: "/job:worker/task:0"}
//	err := g.WithReplicaDevices(setter, func() error {
//		w, err := tf.NewVariable(g, "w", tf.Zeros(784, 10)) // on /job:ps/task:0
//		b, err := tf.NewVariable(g, "b", tf.Zeros(10))      // on /job:ps/task:1
//		…
//	})
//
// Each worker of a between-graph replication builds the same graph with its own
// WorkerDevice. The variables are then the same ones in all of them, for they are
// on the same servers under the same names.
type ReplicaDeviceSetter struct {
	// Cluster says how many parameter servers there are: the tasks of the job that
	// PSDevice names. A cluster without that job has no setter.
	Cluster *ClusterSpec
	// PSTasks is their number where there is no Cluster. Without any, there is no
	// setter.
	PSTasks int
	// PSDevice and WorkerDevice are where variables and all else go; empty are
	// "/job:ps" and "/job:worker". NoDevice leaves them where they are.
	PSDevice, WorkerDevice string
	// NoMergeDevices leaves nodes alone that have a device from within, even one
	// that says nothing of the job. Without it, what they lack is completed.
	NoMergeDevices bool
	// PSOps are the operations that go to parameter servers. Nil is StandardPSOps.
	PSOps []string
	// Strategy chooses the parameter server. Nil is RoundRobin.
	Strategy PSStrategy
}

// PSStrategy chooses the task of a parameter server for a node, from 0 on. It is
// asked once for each node, in the order in which they are added.
type PSStrategy func(n Node) (task int, err error)

// StandardPSOps are the operations that make variables and tables, which Python's
// setter places on parameter servers.
func StandardPSOps() []string { return slices.Clone(standardPSOps) }

var standardPSOps = []string{
	"Variable", "VariableV2", "AutoReloadVariable", "MutableHashTable",
	"MutableHashTableV2", "MutableHashTableOfTensors", "MutableHashTableOfTensorsV2",
	"MutableDenseHashTable", "MutableDenseHashTableV2", "VarHandleOp",
	"BoostedTreesEnsembleResourceHandleOp", "BoostedTreesQuantileStreamResourceHandleOp",
	"ResourceConditionalAccumulator", "DecisionTreeResource",
}

// DeviceFunc is the setter as a function for WithDeviceFunc. It is nil where there
// are no parameter servers, and then hides the surroundings, as Python's does. A
// strategy goes on where it was from one use of the function to the next.
func (s ReplicaDeviceSetter) DeviceFunc() (DeviceFunc, error) {
	ps, err := deviceOr(s.PSDevice, "/job:ps")
	if err != nil {
		return nil, err
	}
	worker, err := deviceOr(s.WorkerDevice, "/job:worker")
	if err != nil {
		return nil, err
	}
	tasks := s.PSTasks
	if s.Cluster != nil {
		tasks = s.Cluster.NumTasks(ps.Job)
	}
	if tasks < 0 {
		return nil, invalidf("PSTasks is %d: it is not negative", tasks)
	}
	if tasks == 0 {
		return nil, nil
	}
	ops := s.PSOps
	if ops == nil {
		ops = standardPSOps
	}
	choose := s.Strategy
	if choose == nil {
		choose = RoundRobin(tasks)
	}
	return func(n Node) (string, error) {
		if s.NoMergeDevices && n.Device != "" {
			return n.Device, nil
		}
		current, err := parseDevice(n.Device)
		if err != nil {
			return "", err
		}
		if ps == (deviceSpec{}) || !slices.Contains(ops, n.Type) {
			return current.Over(worker).String(), nil
		}
		there := ps
		if there.Job != "" && (current.Job == "" || current.Job == there.Job) {
			task, err := choose(n)
			if err != nil {
				return "", fmt.Errorf("tf: a parameter server for %q: %w", n.Name, err)
			}
			if task < 0 || task >= tasks {
				return "", invalidf("the strategy puts %q on task %d: job %q has tasks 0 to %d", n.Name, task, there.Job, tasks-1)
			}
			there.Task = strconv.Itoa(task)
		}
		return current.Over(there).String(), nil
	}, nil
}

func deviceOr(device, usual string) (deviceSpec, error) {
	switch device {
	case "":
		device = usual
	case NoDevice:
		return deviceSpec{}, nil
	}
	return parseDevice(device)
}

// WithReplicaDevices calls body; what it adds to g goes where s says.
func (g *Graph) WithReplicaDevices(s ReplicaDeviceSetter, body func() error) error {
	f, err := s.DeviceFunc()
	if err != nil {
		return err
	}
	return g.WithDeviceFunc(f, body)
}

// RoundRobin takes the tasks in turn.
func RoundRobin(tasks int) PSStrategy {
	var mu sync.Mutex
	next := 0
	return func(Node) (int, error) {
		if tasks <= 0 {
			return 0, invalidf("a strategy for %d parameter servers", tasks)
		}
		mu.Lock()
		defer mu.Unlock()
		task := next
		next = (next + 1) % tasks
		return task, nil
	}
}

// GreedyLoadBalancing takes the task with the least load so far, the first of
// several. load says what a node adds to it; nil is ByteSizeLoad.
//
// It is tf.contrib.training.GreedyLoadBalancingStrategy of TensorFlow 1.
func GreedyLoadBalancing(tasks int, load func(n Node) (float64, error)) PSStrategy {
	if load == nil {
		load = ByteSizeLoad
	}
	var mu sync.Mutex
	loads := make([]float64, max(tasks, 0))
	return func(n Node) (int, error) {
		if tasks <= 0 {
			return 0, invalidf("a strategy for %d parameter servers", tasks)
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

// ByteSizeLoad is the size of a variable in bytes, by its attributes dtype and
// shape, which must be known in full. Unlike TensorFlow 1's byte_size_load_fn it
// knows resource variables too, which have the size of their value. Strings count
// as one byte each, as they do there.
func ByteSizeLoad(n Node) (float64, error) {
	shape, err := n.Attr("shape")
	if err != nil {
		return 0, err
	}
	attr, err := n.Attr("dtype")
	if err != nil {
		return 0, err
	}
	if shape.GetShape() == nil || attr.GetType() == types_go_proto.DataType_DT_INVALID {
		return 0, invalidf("%q has no size that could be told: its attributes dtype and shape say nothing", n.Name)
	}
	size := float64(max(1, dtype.Size(attr.GetType())))
	if shape.GetShape().GetUnknownRank() {
		return 0, invalidf("%q has no size that could be told: its rank is not known", n.Name)
	}
	for i, d := range shape.GetShape().GetDim() {
		if d.GetSize() < 0 {
			return 0, invalidf("%q has no size that could be told: dimension %d is not known", n.Name, i)
		}
		size *= float64(d.GetSize())
	}
	return size, nil
}
