package capi

import (
	"runtime"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/versions_go_proto"
	"google.golang.org/protobuf/proto"
)

// manyControls is the number of control inputs from which importing a group is faster than
// adding it. TensorFlow compares each control input that is added with all that the node
// has, so that a group of 100,000 operations would take minutes. An import compares none,
// but looks at each node of the graph once.
const manyControls = 1000

// isLargeGroup reports whether addGroup can add an operation faster.
func isLargeGroup(spec *tensorflow.OpSpec) bool {
	return len(spec.ControlDependencies) >= manyControls && len(spec.Input) == 0 && len(spec.Attrs) == 0
}

// addGroup adds an operation that has control inputs only, which were checked.
func addGroup(g *tensorflow.Graph, spec *tensorflow.OpSpec) (*tensorflow.Operation, error) {
	raw, err := Versions(g)
	if err != nil {
		return nil, err
	}
	versions := new(versions_go_proto.VersionDef)
	if err := proto.Unmarshal(raw, versions); err != nil {
		return nil, err
	}
	node := &node_def_go_proto.NodeDef{Name: spec.Name, Op: spec.Type, Device: spec.Device}
	o := &ImportOptions{
		ControlMapping:   make(map[string]*tensorflow.Operation, len(spec.ControlDependencies)),
		ReturnOperations: []string{spec.Name},
	}
	for _, op := range spec.ControlDependencies {
		name := op.Name()
		if o.ControlMapping[name] == nil { // a second input from the same operation has no effect
			o.ControlMapping[name] = op
			node.Input = append(node.Input, "^"+name)
		}
	}
	def, err := proto.Marshal(&graph_go_proto.GraphDef{Node: []*node_def_go_proto.NodeDef{node}, Versions: versions})
	if err != nil {
		return nil, err
	}
	res, err := Import(g, def, o)
	runtime.KeepAlive(spec)
	if err != nil {
		return nil, err
	}
	return res.Operations[0], nil
}
