package tf

import (
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/variable_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/devicename"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/status"
)

// VariableOptions are the options of NewVariable. Nil and the zero value mean a trainable
// resource variable in the collections variables and trainable_variables.
type VariableOptions struct {
	// NotTrainable keeps the variable from optimizers and from the collection
	// trainable_variables.
	NotTrainable bool
	// Ref makes a reference variable (VariableV2), as TensorFlow 1.x did.
	Ref bool
	// Local puts the variable into local_variables, which are not saved, instead of
	// variables. It implies NotTrainable.
	Local bool
	// Collections, if not nil, are the collections to which the variable is added
	// instead of variables or local_variables.
	Collections []string
	// Device is the device of the variable, such as "/job:ps/task:0". The graph's
	// current device completes it.
	Device string
	// ColocateWith places the variable with another one, as the slots of an optimizer
	// are.
	ColocateWith *Variable
	// SliceInfo makes the variable a part of a partitioned variable.
	SliceInfo *SaveSliceInfo
	// AnyShape allows values of any shape to be assigned.
	AnyShape bool
	// Synchronization and Aggregation are read by distribution strategies.
	Synchronization variable_go_proto.VariableSynchronization
	Aggregation     variable_go_proto.VariableAggregation
}

// NewVariable adds a variable called name, such as "hidden/w", to g. A nil o means a
// trainable resource variable. Its nodes are those of Python's tf.compat.v1.get_variable.
// If the name is taken, the error is of the kind tfkeep.ErrExists.
func NewVariable(g *Graph, name string, init Initializer, o *VariableOptions) (*Variable, error) {
	if o == nil {
		o = new(VariableOptions)
	}
	v, err := newVariable(g, name, init, o)
	if err != nil {
		return nil, variableError("add", name, err)
	}
	collections := o.Collections
	if collections == nil {
		collections = []string{GlobalVariables}
		if o.Local {
			collections = []string{LocalVariables}
		}
	}
	for _, key := range collections {
		g.AddToCollection(key, v)
	}
	if v.Trainable() {
		g.AddToCollection(TrainableVariables, v)
	}
	return v, nil
}

func variableError(op, name string, err error) error {
	return &tfkeep.Error{Op: op, Item: "variable", Name: name, Cause: err}
}

// newVariable adds the nodes of a variable.
func newVariable(g *Graph, name string, init Initializer, o *VariableOptions) (*Variable, error) {
	if err := g.givenUp(); err != nil {
		return nil, err
	}
	if g.body != nil {
		return nil, &tfkeep.Error{Op: "make variable", Err: tfkeep.ErrUnsupported, Detail: "the body of a function cannot have variables of its own: make them outside, and read them with Read in the body"}
	}
	if err := checkName(name); err != nil {
		return nil, err
	}
	if g.Operation(name) != nil {
		return nil, status.Errorf(status.AlreadyExists, "the graph has a node of that name: choose another name, or use UniqueName")
	}
	init, release, err := init.resolve()
	if err != nil {
		return nil, err
	}
	defer release()
	b := &variableBuilder{g: g, name: name, init: init, o: o}
	if err := b.setPlacement(); err != nil {
		return nil, err
	}
	v := b.variable()
	if v.initial, err = b.addInitialValue(); err != nil {
		return nil, err
	}
	if o.Ref {
		err = b.addReference(v)
	} else {
		err = b.addResource(v)
	}
	if err != nil {
		return nil, err
	}
	v.def.InitialValueName = graphbuild.TensorName(v.initial)
	v.def.InitializerName = v.initializer.Name()
	v.def.SnapshotName = graphbuild.TensorName(v.value)
	return v, nil
}

// variableBuilder adds the nodes of one variable.
type variableBuilder struct {
	g    *Graph
	name string
	init Initializer
	o    *VariableOptions

	at     placement // of the variable and of the node that checks whether it has a value
	initAt placement // of the nodes that make the first value
	class  []string  // the colocation group of the variable
	outer  []string  // the colocation group of ColocateWith, or nil
}

// setPlacement decides where the nodes are placed. Like Python it gives the first value
// no device, unless the variable is colocated with another one.
func (b *variableBuilder) setPlacement() error {
	d, err := parseDevice(b.o.Device)
	if err != nil {
		return err
	}
	devices := b.g.currentDevices()
	if d != (deviceSpec{}) {
		devices = devices.with(deviceFrame{spec: d})
	}
	b.at, b.initAt = within(devices, ""), exactly("")
	b.class = []string{devicename.ColocationPrefix + b.name}
	with := b.o.ColocateWith
	if with == nil {
		return nil
	}
	if with.g != b.g {
		return invalidf("it cannot be colocated with variable %q of another graph", with.name)
	}
	b.outer = graphbuild.ColocationGroup(with.handle.Op)
	b.class = b.outer
	if device := with.handle.Op.Device(); device != "" {
		b.initAt = exactly(device)
		b.at = b.initAt
	}
	return nil
}

// variable returns the variable without its nodes.
func (b *variableBuilder) variable() *Variable {
	v := &Variable{
		g:        b.g,
		name:     b.name,
		dtype:    b.init.dtype,
		shape:    MakeShape(b.init.dims...),
		resource: !b.o.Ref,
		def: &variable_go_proto.VariableDef{
			VariableName:    b.name + ":0",
			IsResource:      !b.o.Ref,
			Trainable:       !b.o.NotTrainable && !b.o.Local,
			Synchronization: b.o.Synchronization,
			Aggregation:     b.o.Aggregation,
		},
	}
	if b.o.AnyShape || b.init.output.Op != nil && b.init.output.Shape().NumDimensions() < 0 {
		v.shape = Shape{}
	}
	if s := b.o.SliceInfo; s != nil {
		v.def.SaveSliceInfoDef = &variable_go_proto.SaveSliceInfoDef{FullName: s.FullName, FullShape: s.FullShape, VarOffset: s.Offset, VarShape: s.Shape}
	}
	return v
}

// under returns a builder for nodes under the variable's name and sub.
func (b *variableBuilder) under(sub string, at placement, class []string) *builder {
	return newBuilder(b.g, strings.TrimSuffix(b.name+"/"+sub, "/"), at, class)
}

// addInitialValue adds the nodes that make the first value.
func (b *variableBuilder) addInitialValue() (Output, error) {
	nodes := b.under("Initializer", b.initAt, b.class)
	var o Output
	switch {
	case b.init.output.Op != nil:
		return b.init.output, nil
	case b.init.tensor != nil && b.o.Ref:
		// Python makes the value of a reference variable outside of the scope
		// Initializer, on the current device.
		nodes = b.under("", b.at, b.outer)
		o = nodes.tensor(b.init.tensor)
	case b.init.tensor != nil:
		o = nodes.tensor(b.init.tensor)
	case b.init.build == nil:
		return Output{}, invalidf("the initializer is empty: use Zeros, Value or another function that makes one")
	default:
		o = b.init.build(nodes, b.init)
	}
	return o, nodes.Err()
}

// addResource adds the nodes of a resource variable.
func (b *variableBuilder) addResource(v *Variable) (err error) {
	v.handle, err = b.addHandle("VarHandleOp", b.class, map[string]any{
		"container": "", "shared_name": b.name, "debug_name": b.name + "/", "dtype": v.dtype, "shape": v.shape, "allowed_devices": []string{},
	})
	if err != nil {
		return err
	}
	check := b.under("IsInitialized", b.at, b.outer)
	v.initialized = check.op("VarIsInitializedOp", "VarIsInitializedOp", nil, v.handle)
	if err := check.Err(); err != nil {
		return err
	}
	device := v.handle.Op.Device()
	assign := b.under("", exactly(device), nil)
	v.initializer = assign.op("AssignVariableOp", "Assign", map[string]any{"dtype": v.dtype}, v.handle, v.initial).Op
	if err := assign.Err(); err != nil {
		return err
	}
	// Python completes the variable's device with the current devices of the read.
	at := b.at
	at.device = device
	read := b.under("Read", at, b.outer)
	v.value = read.op("ReadVariableOp", "ReadVariableOp", map[string]any{"dtype": v.dtype}, v.handle)
	return read.Err()
}

// addReference adds the nodes of a reference variable.
func (b *variableBuilder) addReference(v *Variable) (err error) {
	class := b.class
	if b.init.tensor != nil || b.init.output.Op != nil {
		class = b.outer // in Python only a value that an initializer makes is colocated
	}
	v.handle, err = b.addHandle("VariableV2", class, map[string]any{
		"container": "", "shared_name": "", "dtype": v.dtype, "shape": v.shape,
	})
	if err != nil {
		return err
	}
	nodes := b.under("", exactly(v.handle.Op.Device()), b.class)
	v.initializer = nodes.op("Assign", "Assign", map[string]any{"use_locking": true, "validate_shape": !b.o.AnyShape}, v.handle, v.initial).Op
	v.value = nodes.op("Identity", "read", nil, v.handle)
	return nodes.Err()
}

// addHandle adds the node of the variable itself, which has exactly the variable's name.
func (b *variableBuilder) addHandle(typ string, class []string, attrs map[string]any) (Output, error) {
	nodes := newBuilder(b.g, "", b.at, class)
	o := graphbuild.First(nodes.Add(typ, b.name, attrs))
	return o, nodes.Err()
}
