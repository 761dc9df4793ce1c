package saver

import (
	"fmt"
	"slices"
	"strconv"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/devicename"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/tf"
)

// Nodes adds nodes to a graph, under a Saver's name scope. The methods of [Saveable]
// receive one.
type Nodes struct {
	g       *tf.Graph
	scope   string // ends in "/"
	reshape bool
	next    map[string]int // by name, the number from which free and readScope search
}

// openScope reserves a name scope: "save", then "save_1". A name that ends in "/" is
// used unchanged, and continues an existing scope.
func openScope(g *tf.Graph, name string) *Nodes {
	if name == "" {
		name = "save"
	}
	if name[len(name)-1] != '/' {
		name = g.UniqueName(name) + "/"
	}
	return &Nodes{g: g, scope: name, next: map[string]int{}}
}

// Graph returns the graph.
func (n *Nodes) Graph() *tf.Graph { return n.g }

// Add adds an operation within the scope. Its name is spec.Name, or else its type, made
// unique.
func (n *Nodes) Add(spec tf.OpSpec) (*tf.Operation, error) {
	if n == nil {
		return nil, argcheck.Nil("add node", "", "Nodes")
	}
	if spec.Name == "" {
		spec.Name = spec.Type
	}
	return n.add(n.scope+spec.Name, spec)
}

// add adds an operation under a full name. As in TensorFlow 2 in Python, operations
// that it waits for get the attribute _has_manual_control_dependencies.
func (n *Nodes) add(name string, spec tf.OpSpec) (*tf.Operation, error) {
	spec.Name = name
	o, err := n.g.AddOp(spec)
	if err != nil {
		return nil, fmt.Errorf("add node %s (%s): %w", name, spec.Type, err)
	}
	return o, nil
}

// free returns the name that an operation of the scope is going to have, so that its
// constants can be added before it, below that name.
func (n *Nodes) free(name string) string {
	return n.search(name, "")
}

// search returns the first of the names name, name_1 and so on in the scope for which there
// is no operation that is called so, with suffix. Operations are never removed, so that the
// next search goes on from there.
func (n *Nodes) search(name, suffix string) string {
	for i := n.next[name+suffix]; ; i++ {
		full := n.scope + name
		if i > 0 {
			full += "_" + strconv.Itoa(i)
		}
		if n.g.Operation(full+suffix) == nil {
			n.next[name+suffix] = i
			return full
		}
	}
}

// constant adds a Const under a full name.
func (n *Nodes) constant(name string, value *graphdef.AttrValue, device string) (tf.Output, error) {
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

// identityAfter adds an Identity of value that waits for deps, as TensorFlow's
// with_dependencies does.
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

// readToCPU adds nodes that read a resource variable on its device and copy the value to
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

// readScope returns the next unused one of the scopes Read, Read_1 and so on, which have
// one ReadVariableOp each.
func (n *Nodes) readScope() string {
	return n.search("Read", "/ReadVariableOp")
}

// assignResource adds nodes that copy a value to a resource variable's device and assign
// it.
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

// reshapeLike adds nodes that reshape a value to the variable's shape: a constant if the
// graph knows the shape, or else the shape that the variable has when they run.
func (n *Nodes) reshapeLike(value tf.Output, v *variable) (tf.Output, error) {
	var shape tf.Output
	dims, known := knownDims(v.shape)
	if !known {
		o, err := n.Add(tf.OpSpec{Type: "Shape", Input: []tf.Input{v.value}})
		if err != nil {
			return tf.Output{}, err
		}
		shape = o.Output(0)
	}
	name := n.free("Reshape")
	if known {
		var err error
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

// knownDims returns the dimensions of a shape if all of them are known. The binding's
// IsFullySpecified is false for a shape with a dimension of 0 or 1, too.
func knownDims(s tf.Shape) (dims []int64, known bool) {
	dims, err := s.ToSlice()
	return dims, err == nil && !slices.ContainsFunc(dims, func(d int64) bool { return d < 0 })
}

// inputs returns the data inputs of an operation.
func inputs(o *tf.Operation) []tf.Output {
	in := make([]tf.Output, o.NumInputs())
	for i := range in {
		in[i] = tensorflow.Consumer{Op: o, Index: i}.Producer()
	}
	return in
}

// parseDevice reads a device name. It ignores parts that it does not know, which the
// runtime refuses anyway.
func parseDevice(name string) devicename.Spec {
	d, _ := devicename.Parse(name)
	return d
}

// canonicalDevice returns the form of a device name by which TensorFlow groups variables
// into shards.
func canonicalDevice(name string) string { return parseDevice(name).String() }

// onCPU0 returns the first CPU of the machine that a device belongs to. Files are read
// and written there.
func onCPU0(name string) string {
	d := parseDevice(name)
	d.Kind, d.Index = "CPU", "0"
	return d.String()
}
