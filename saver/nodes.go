package saver

import (
	"fmt"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/tf"
)

// Nodes adds nodes under a Saver's name scope. A [Saveable] gets one.
type Nodes struct {
	g       *tf.Graph
	scope   string // ends in "/"
	reshape bool
}

// openScope reserves a name scope: "save", then "save_1". A name that ends in
// "/" is taken as it is, and its scope continued.
func openScope(g *tf.Graph, name string) *Nodes {
	if name == "" {
		name = "save"
	}
	if name[len(name)-1] != '/' {
		name = g.UniqueName(name) + "/"
	}
	return &Nodes{g: g, scope: name}
}

// Graph is the graph that the nodes go to.
func (n *Nodes) Graph() *tf.Graph { return n.g }

// Add adds an operation named spec.Name (by default its type) within the scope,
// made unique.
func (n *Nodes) Add(spec tf.OpSpec) (*tf.Operation, error) {
	if spec.Name == "" {
		spec.Name = spec.Type
	}
	return n.add(n.scope+spec.Name, spec)
}

// add adds an operation under a full name. What it waits for gets the mark
// _has_manual_control_dependencies, as in Python TensorFlow 2.
func (n *Nodes) add(name string, spec tf.OpSpec) (*tf.Operation, error) {
	spec.Name = name
	o, err := n.g.AddOp(spec)
	if err != nil {
		return nil, fmt.Errorf("add node %s (%s): %w", name, spec.Type, err)
	}
	return o, nil
}

// free finds the name that an operation of the scope is going to have, so that
// its constants can be made before it, below that name.
func (n *Nodes) free(name string) string {
	full := n.scope + name
	for i := 1; n.g.Operation(full) != nil; i++ {
		full = fmt.Sprintf("%s%s_%d", n.scope, name, i)
	}
	return full
}

// constant adds a Const under a full name.
func (n *Nodes) constant(name string, value *graphbuild.AttrValue, device string) (tf.Output, error) {
	o, err := n.add(name, tf.OpSpec{
		Type:   "Const",
		Attrs:  map[string]any{"dtype": tf.DataType(value.GetTensor().GetDtype()), "value": value},
		Device: device,
	})
	if err != nil {
		return tf.Output{}, err
	}
	return o.Output(0), nil
}

// identityAfter is TensorFlow's with_dependencies: value, once deps have run.
func (n *Nodes) identityAfter(value tf.Output, deps []*tf.Operation) (tf.Output, error) {
	o, err := n.Add(tf.OpSpec{
		Type: "Identity", Name: "control_dependency",
		Input: []tf.Input{value}, ControlDependencies: deps,
		Attrs:  map[string]any{"_class": graphbuild.ColocationGroup(value.Op)},
		Device: value.Op.Device(),
	})
	if err != nil {
		return tf.Output{}, err
	}
	return o.Output(0), nil
}

// readToCPU reads a resource variable where it lives and brings the value to
// the CPU of the same machine.
func (n *Nodes) readToCPU(handle tf.Output, dtype tf.DataType) (tf.Output, error) {
	device := handle.Op.Device()
	scope := n.readScope()
	// Nothing waits for this node, in TensorFlow's graphs as here.
	_, err := n.add(scope+"/DisableCopyOnRead", tf.OpSpec{
		Type: "DisableCopyOnRead", Input: []tf.Input{handle}, Device: device,
	})
	if err != nil {
		return tf.Output{}, err
	}
	read, err := n.add(scope+"/ReadVariableOp", tf.OpSpec{
		Type: "ReadVariableOp", Input: []tf.Input{handle},
		Attrs: map[string]any{"dtype": dtype}, Device: device,
	})
	if err != nil {
		return tf.Output{}, err
	}
	here, err := n.Add(tf.OpSpec{Type: "Identity", Input: []tf.Input{read.Output(0)}, Device: device})
	if err != nil {
		return tf.Output{}, err
	}
	onCPU, err := n.Add(tf.OpSpec{Type: "Identity", Input: []tf.Input{here.Output(0)}, Device: onCPU0(device)})
	if err != nil {
		return tf.Output{}, err
	}
	return onCPU.Output(0), nil
}

// readScope is the next of the scopes Read, Read_1, … of which each holds one
// ReadVariableOp.
func (n *Nodes) readScope() string {
	full := n.scope + "Read"
	for i := 1; n.g.Operation(full+"/ReadVariableOp") != nil; i++ {
		full = fmt.Sprintf("%sRead_%d", n.scope, i)
	}
	return full
}

// assignResource copies the value to the variable's device and assigns it.
func (n *Nodes) assignResource(handle, value tf.Output, dtype tf.DataType) (*tf.Operation, error) {
	device := handle.Op.Device()
	local, err := n.Add(tf.OpSpec{Type: "Identity", Input: []tf.Input{value}, Device: device})
	if err != nil {
		return nil, err
	}
	return n.Add(tf.OpSpec{
		Type: "AssignVariableOp", Input: []tf.Input{handle, local.Output(0)},
		Attrs:  map[string]any{"dtype": dtype},
		Device: device,
	})
}

func (n *Nodes) assignRef(ref, value tf.Output, validateShape bool) (*tf.Operation, error) {
	return n.Add(tf.OpSpec{
		Type: "Assign", Input: []tf.Input{ref, value},
		Attrs: map[string]any{
			"use_locking": true, "validate_shape": validateShape,
			"_class": graphbuild.ColocationGroup(ref.Op),
		},
		Device: ref.Op.Device(),
	})
}

// reshapeLike gives value the variable's shape: a constant where that is known,
// else the shape it has when the node runs.
func (n *Nodes) reshapeLike(value tf.Output, v *variable) (tf.Output, error) {
	var shape tf.Output
	dims, err := v.shape.ToSlice()
	known := err == nil && v.shape.IsFullySpecified()
	if !known {
		o, err := n.Add(tf.OpSpec{Type: "Shape", Input: []tf.Input{v.value}})
		if err != nil {
			return tf.Output{}, err
		}
		shape = o.Output(0)
	}
	name := n.free("Reshape")
	if known {
		if shape, err = n.constant(name+"/shape", graphbuild.Dims(dims), ""); err != nil {
			return tf.Output{}, err
		}
	}
	o, err := n.add(name, tf.OpSpec{Type: "Reshape", Input: []tf.Input{value, shape}})
	if err != nil {
		return tf.Output{}, err
	}
	return o.Output(0), nil
}

// inputs lists the data inputs of an operation.
func inputs(o *tf.Operation) []tf.Output {
	in := make([]tf.Output, o.NumInputs())
	for i := range in {
		in[i] = tensorflow.Consumer{Op: o, Index: i}.Producer()
	}
	return in
}
