package cluster_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/cluster"
)

// replicaScript builds the same variables and step within many devices and setters.
const replicaScript = `
def graph(build, ref):
    with tf.Graph().as_default() as g:
        (tf1.disable_resource_variables if ref else tf1.enable_resource_variables)()
        build()
        tf1.enable_resource_variables()
        return g.as_graph_def().SerializeToString()

setter = tf1.train.replica_device_setter

def byte_size(op):
    shape = [d.size for d in op.get_attr("shape").dim]
    size = op.get_attr("dtype").size
    for d in shape:
        size *= d
    return size

class Greedy:
    def __init__(self, n):
        self.loads = [0.0] * n
    def __call__(self, op):
        task = self.loads.index(min(self.loads))
        self.loads[task] += byte_size(op)
        return task

def variables():
    zeros = tf1.zeros_initializer()
    tf1.get_variable("a", [2], initializer=zeros)
    tf1.get_variable("big", [40, 40], initializer=tf1.truncated_normal_initializer())
    tf1.Variable([1., 2.], name="given")
    tf1.get_variable("part", [6, 2], initializer=zeros, partitioner=tf1.fixed_size_partitioner(3))
    tf1.train.get_or_create_global_step()
    tf1.no_op()
    tf1.global_variables_initializer()

def within(*frames):
    def nest(frames, body):
        if not frames:
            return body()
        with tf1.device(frames[0]):
            nest(frames[1:], body)
    return lambda: nest(frames, variables)

def inside(f, device):
    # A device within the function, then one more node in the function alone.
    def build():
        with tf1.device(f):
            with tf1.device(device):
                variables()
            tf1.no_op(name="after")
            with tf1.device(None):
                tf1.no_op(name="nowhere")
    return build

def twice(f):
    def build():
        with tf1.device(f):
            tf1.get_variable("first", [2], initializer=tf1.zeros_initializer())
        with tf1.device(f):
            tf1.get_variable("second", [2], initializer=tf1.zeros_initializer())
    return build

def colocated():
    with tf1.device("/job:ps/task:5"):
        there = tf1.no_op(name="there")
    nowhere = tf1.no_op(name="nowhere")
    with tf1.device(setter(2)):
        for other in (there, nowhere):
            with tf1.colocate_with(other):
                tf1.no_op()
                with tf1.device("/gpu:0"):
                    tf1.no_op(name="of_its_own")
                tf1.placeholder(tf.float32)
        with tf1.colocate_with(there):
            with tf1.colocate_with(nowhere):
                tf1.no_op(name="both")

cluster = {"ps": ["a:1", "b:1", "c:1"], "worker": ["d:1", "e:1"]}
builds = {
    "two servers": lambda: within(setter(2)),
    "a cluster": lambda: within(setter(cluster=cluster)),
    "a cluster without servers": lambda: within("/gpu:0", setter(cluster={"worker": ["d:1"]})),
    "no servers": lambda: within("/gpu:0", setter(0)),
    "a worker's device": lambda: within(setter(2, worker_device="/job:worker/task:1/gpu:0", ps_device="/job:ps/cpu:0")),
    "no worker's device": lambda: within("/job:worker/task:3", setter(2, worker_device=None)),
    "no server's device": lambda: within(setter(2, ps_device="")),
    "a job that is called otherwise": lambda: within(setter(2, ps_device="/job:params", worker_device="/job:train")),
    "a server's device without a job": lambda: within(setter(2, ps_device="/cpu:0")),
    "no merging": lambda: inside(setter(2, merge_devices=False), "/gpu:0"),
    "a kind within": lambda: inside(setter(2), "/gpu:1"),
    "a job within": lambda: inside(setter(2), "/job:other"),
    "a task within": lambda: inside(setter(2), "/job:ps/task:7"),
    "around": lambda: within("/job:worker/task:3/gpu:1", setter(2)),
    "two setters": lambda: within(setter(2, worker_device="/gpu:0"), setter(3, ps_device="/cpu:0", worker_device="/task:1")),
    "own operations": lambda: within(setter(2, ps_ops=["NoOp"])),
    "by size": lambda: within(setter(3, ps_strategy=Greedy(3))),
    "one setter twice": lambda: twice(setter(2)),
    "beside others": lambda: colocated,
}
result = {name: [graph(build(), False), graph(build(), True)] for name, build in builds.items()}
`

func TestReplicaDevicesMatchPython(t *testing.T) {
	want := oracle.Value[map[string][][]byte](t, replicaScript)
	spec, err := cluster.NewSpec(map[string][]string{"ps": {"a:1", "b:1", "c:1"}, "worker": {"d:1", "e:1"}})
	require.NoError(t, err)
	worker, err := cluster.NewSpec(map[string][]string{"worker": {"d:1"}})
	require.NoError(t, err)

	type setter = cluster.ReplicaOptions
	onCluster := func(spec *cluster.Spec) func() (tf.DeviceFunc, error) {
		return func() (tf.DeviceFunc, error) { return cluster.ReplicaDeviceSetter(spec, nil) }
	}
	type build func(t *testing.T, g *tf.Graph, ref bool)
	// within nests devices and setters, the outermost first.
	within := func(frames ...any) build {
		return func(t *testing.T, g *tf.Graph, ref bool) {
			require.NoError(t, nested(g, frames, func() error { return replicaVariables(g, ref) }))
		}
	}
	inside := func(s setter, device string) build {
		return func(t *testing.T, g *tf.Graph, ref bool) {
			require.NoError(t, withReplicaDevices(g, s, func() error {
				if err := g.WithDevice(device, func() error { return replicaVariables(g, ref) }); err != nil {
					return err
				}
				if _, err := g.AddOp(tf.OpSpec{Type: "NoOp", Name: "after"}); err != nil {
					return err
				}
				return g.WithDeviceFunc(nil, func() error {
					_, err := g.AddOp(tf.OpSpec{Type: "NoOp", Name: "nowhere"})
					return err
				})
			}))
		}
	}
	for _, tt := range []struct {
		name  string
		build build
	}{
		{"two servers", within(setter{PSTasks: 2})},
		{"a cluster", within(onCluster(spec))},
		{"a cluster without servers", within("/gpu:0", onCluster(worker))},
		{"no servers", within("/gpu:0", setter{})},
		{"a worker's device", within(setter{PSTasks: 2, WorkerDevice: "/job:worker/task:1/gpu:0", PSDevice: "/job:ps/cpu:0"})},
		{"no worker's device", within("/job:worker/task:3", setter{PSTasks: 2, NoWorkerDevice: true})},
		{"no server's device", within(setter{PSTasks: 2, NoPSDevice: true})},
		{"a job that is called otherwise", within(setter{PSTasks: 2, PSDevice: "/job:params", WorkerDevice: "/job:train"})},
		{"a server's device without a job", within(setter{PSTasks: 2, PSDevice: "/cpu:0"})},
		{"no merging", inside(setter{PSTasks: 2, NoMergeDevices: true}, "/gpu:0")},
		{"a kind within", inside(setter{PSTasks: 2}, "/gpu:1")},
		{"a job within", inside(setter{PSTasks: 2}, "/job:other")},
		{"a task within", inside(setter{PSTasks: 2}, "/job:ps/task:7")},
		{"around", within("/job:worker/task:3/gpu:1", setter{PSTasks: 2})},
		{"two setters", within(setter{PSTasks: 2, WorkerDevice: "/gpu:0"}, setter{PSTasks: 3, PSDevice: "/cpu:0", WorkerDevice: "/task:1"})},
		{"own operations", within(setter{PSTasks: 2, PSOps: []string{"NoOp"}})},
		{"by size", within(func() (tf.DeviceFunc, error) {
			return cluster.ReplicaDeviceSetter(nil, &setter{PSTasks: 3, Strategy: cluster.GreedyLoadBalancing(3, nil)})
		})},
		{"beside others", besideOthers},
		{"one setter twice", oneSetterTwice},
	} {
		for i, ref := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, ref %v", tt.name, ref), func(t *testing.T) {
				require.Contains(t, want, tt.name)
				g := tf.NewGraph()
				tt.build(t, g, ref)
				tfgraph.RequireSameNodes(t, want[tt.name][i], g)
			})
		}
	}
}

// besideOthers adds nodes that are colocated with others, as colocated in replicaScript.
func besideOthers(t *testing.T, g *tf.Graph, _ bool) {
	add := func(typ, name, device string, class ...string) error {
		spec := tf.OpSpec{Type: typ, Name: name, Device: device, Attrs: map[string]any{}}
		if typ == "Placeholder" {
			spec.Attrs["dtype"], spec.Attrs["shape"] = dtype.Float32, tf.Shape{}
		}
		if len(class) > 0 {
			spec.Attrs["_class"] = class
		}
		_, err := g.AddOp(spec)
		return err
	}
	require.NoError(t, add("NoOp", "there", "/job:ps/task:5"))
	require.NoError(t, add("NoOp", "nowhere", ""))
	require.NoError(t, withReplicaDevices(g, cluster.ReplicaOptions{PSTasks: 2}, func() error {
		for _, other := range []string{"there", "nowhere"} {
			class := "loc:@" + other
			if err := errors.Join(add("NoOp", "", "", class), add("NoOp", "of_its_own", "/device:GPU:0", class), add("Placeholder", "", "", class)); err != nil {
				return err
			}
		}
		return add("NoOp", "both", "", "loc:@nowhere", "loc:@there")
	}))
}

// oneSetterTwice uses one setter for two variables, one after the other.
func oneSetterTwice(t *testing.T, g *tf.Graph, ref bool) {
	f, err := cluster.ReplicaDeviceSetter(nil, &cluster.ReplicaOptions{PSTasks: 2})
	require.NoError(t, err)
	for _, name := range []string{"first", "second"} {
		require.NoError(t, g.WithDeviceFunc(f, func() error {
			_, err := tf.NewVariable(g, name, tf.Zeros(2), &tf.VariableOptions{Ref: ref})
			return err
		}))
	}
}

// withReplicaDevices calls body with replica devices without a cluster.
func withReplicaDevices(g *tf.Graph, o cluster.ReplicaOptions, body func() error) error {
	place, err := cluster.ReplicaDeviceSetter(nil, &o)
	if err != nil {
		return err
	}
	return g.WithDeviceFunc(place, body)
}

// nested calls body within devices, setters, and functions that make setters.
func nested(g *tf.Graph, frames []any, body func() error) error {
	if len(frames) == 0 {
		return body()
	}
	inner := func() error { return nested(g, frames[1:], body) }
	switch f := frames[0].(type) {
	case string:
		return g.WithDevice(f, inner)
	case func() (tf.DeviceFunc, error):
		place, err := f()
		if err != nil {
			return err
		}
		return g.WithDeviceFunc(place, inner)
	case cluster.ReplicaOptions:
		return withReplicaDevices(g, f, inner)
	}
	return fmt.Errorf("a frame of type %T", frames[0])
}

// replicaVariables builds the variables of replicaScript.
func replicaVariables(g *tf.Graph, ref bool) error {
	add := func(name string, init tf.Initializer, slice *tf.SaveSliceInfo) error {
		_, err := tf.NewVariable(g, name, init, &tf.VariableOptions{Ref: ref, SliceInfo: slice})
		return err
	}
	if err := add("a", tf.Zeros(2), nil); err != nil {
		return err
	}
	if err := add("big", tf.TruncatedNormal(0, 1, 40, 40), nil); err != nil {
		return err
	}
	if err := add("given", tf.Value([]float32{1, 2}), nil); err != nil {
		return err
	}
	for i := range int64(3) {
		slice := &tf.SaveSliceInfo{FullName: "part", FullShape: []int64{6, 2}, Offset: []int64{2 * i, 0}, Shape: []int64{2, 2}}
		if err := add(fmt.Sprintf("part/part_%d", i), tf.Zeros(2, 2), slice); err != nil {
			return err
		}
	}
	if _, err := tf.NewVariable(g, "global_step", tf.Zeros().WithDType(dtype.Int64), &tf.VariableOptions{Ref: ref, NotTrainable: true}); err != nil {
		return err
	}
	if _, err := g.AddOp(tf.OpSpec{Type: "NoOp"}); err != nil {
		return err
	}
	_, err := tf.GlobalVariablesInitializer(g)
	return err
}

func TestReplicaDevicesRefuseBadOptions(t *testing.T) {
	build := func(s cluster.ReplicaOptions) error {
		g := tf.NewGraph()
		return withReplicaDevices(g, s, func() error {
			_, err := tf.NewVariable(g, "w", tf.Zeros(2), nil)
			return err
		})
	}
	for _, c := range []struct {
		name   string
		setter cluster.ReplicaOptions
		want   string
	}{
		{"a bad server device", cluster.ReplicaOptions{PSTasks: 1, PSDevice: "ps"}, `"ps" does not start with a slash`},
		{"a bad worker device", cluster.ReplicaOptions{PSTasks: 1, WorkerDevice: "/job"}, `"/job"`},
		{"a negative number of servers", cluster.ReplicaOptions{PSTasks: -1}, "-1"},
		{"a strategy with an error", cluster.ReplicaOptions{PSTasks: 1, Strategy: func(tf.Node) (int, error) {
			return 0, assert.AnError
		}}, assert.AnError.Error()},
		{"a task that does not exist", cluster.ReplicaOptions{PSTasks: 2, Strategy: func(tf.Node) (int, error) { return 2, nil }}, "tasks 0 to 1"},
		{"a strategy without servers", cluster.ReplicaOptions{PSTasks: 2, Strategy: cluster.GreedyLoadBalancing(0, nil)}, "0 parameter servers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.ErrorContains(t, build(c.setter), c.want)
		})
	}
}

func TestDefaultLoadIsByteSize(t *testing.T) {
	loads := map[string]float64{}
	g := tf.NewGraph()
	var failed error
	strategy := func(n tf.Node) (int, error) {
		load, err := cluster.ByteSize(n)
		if err != nil {
			failed = err
		}
		loads[n.Name] = load
		return 0, nil
	}
	require.NoError(t, withReplicaDevices(g, cluster.ReplicaOptions{PSTasks: 1, Strategy: strategy}, func() error {
		for _, v := range []struct {
			name string
			init tf.Initializer
		}{
			{"matrix", tf.Zeros(3, 5)},
			{"double", tf.Zeros(7).WithDType(dtype.Float64)},
			{"step", tf.Zeros().WithDType(dtype.Int64)},
			{"empty", tf.Zeros(0, 4)},
			{"text", tf.Constant("a", 3)},
		} {
			if _, err := tf.NewVariable(g, v.name, v.init, nil); err != nil {
				return err
			}
			if _, err := tf.NewVariable(g, v.name+"_ref", v.init, &tf.VariableOptions{Ref: true}); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, failed)
	assert.Equal(t, map[string]float64{
		"matrix": 60, "double": 56, "step": 8, "empty": 0, "text": 3,
		"matrix_ref": 60, "double_ref": 56, "step_ref": 8, "empty_ref": 0, "text_ref": 3,
	}, loads)

	require.NoError(t, withReplicaDevices(g, cluster.ReplicaOptions{PSTasks: 1, Strategy: strategy}, func() error {
		_, err := tf.NewVariable(g, "any", tf.Value([]float32{1}), &tf.VariableOptions{AnyShape: true})
		return err
	}))
	require.ErrorContains(t, failed, `"any" has no size`)
}
