package tf

import (
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/variable_go_proto"
	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/tf/status"
)

// VariableOptions are the choices in making a variable. Nil is a trainable
// resource variable in the collections variables and trainable_variables.
type VariableOptions struct {
	// NotTrainable keeps the variable from optimizers and from the collection
	// trainable_variables.
	NotTrainable bool
	// Ref makes a reference variable (VariableV2), as TensorFlow 1.x did.
	Ref bool
	// Local puts the variable in local_variables, which are not saved, in place
	// of variables. It implies NotTrainable.
	Local bool
	// Collections, where it is not nil, are the collections that the variable is
	// added to, in place of variables or local_variables.
	Collections []string
	// Device is where the variable lives, such as "/job:ps/task:0". It refines
	// the graph's current device.
	Device string
	// ColocateWith puts the variable where another one is, as the slots of an
	// optimizer are.
	ColocateWith *Variable
	// SliceInfo says that the variable is a part of a partitioned one.
	SliceInfo *SaveSliceInfo
	// AnyShape lets values of any shape be assigned.
	AnyShape bool
	// Synchronization and Aggregation are notes for distribution strategies.
	Synchronization variable_go_proto.VariableSynchronization
	Aggregation     variable_go_proto.VariableAggregation
}

// NewVariable adds a variable called name, such as "hidden/w", to g. A nil o means a
// trainable resource variable. Its nodes are those of Python's tf.compat.v1.get_variable.
// If the name is taken, the error is of the kind tfkeep.ErrExists.
func NewVariable(g *Graph, name string, init Initializer, o *VariableOptions) (*Variable, error) {
	if g == nil {
		return nil, variableError("add", name, invalidf("the graph is nil"))
	}
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

func newVariable(g *Graph, name string, init Initializer, o *VariableOptions) (*Variable, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if g.Operation(name) != nil {
		return nil, status.Errorf(status.AlreadyExists, "the graph has a node of that name: choose another name, or use UniqueName")
	}
	init, done, err := init.resolve()
	if err != nil {
		return nil, err
	}
	defer done()
	p := &plan{g: g, name: name, init: init, o: o}
	if err := p.placement(); err != nil {
		return nil, err
	}
	v := &Variable{
		g:        g,
		name:     name,
		dtype:    init.dtype,
		shape:    p.shape(),
		resource: !o.Ref,
		def: &variable_go_proto.VariableDef{
			VariableName:    name + ":0",
			IsResource:      !o.Ref,
			Trainable:       !o.NotTrainable && !o.Local,
			Synchronization: o.Synchronization,
			Aggregation:     o.Aggregation,
		},
	}
	if s := o.SliceInfo; s != nil {
		v.def.SaveSliceInfoDef = &variable_go_proto.SaveSliceInfoDef{FullName: s.FullName, FullShape: s.FullShape, VarOffset: s.Offset, VarShape: s.Shape}
	}
	if v.initial, err = p.initialValue(); err != nil {
		return nil, err
	}
	if o.Ref {
		err = p.reference(v)
	} else {
		err = p.resource(v)
	}
	if err != nil {
		return nil, err
	}
	v.def.InitialValueName = tensorName(v.initial)
	v.def.InitializerName = v.initializer.Name()
	v.def.SnapshotName = tensorName(v.value)
	return v, nil
}

// plan is a variable in the making.
type plan struct {
	g    *Graph
	name string
	init Initializer
	o    *VariableOptions

	// around is where the variable, and what says whether it has a value, go.
	around placement
	// initial is where the ops that make the first value go: nowhere, unless
	// another variable says where.
	initial placement
	own     []string // the colocation group of the variable
	outer   []string // that of ColocateWith, nil without it
}

func (p *plan) placement() error {
	d, err := parseDevice(p.o.Device)
	if err != nil {
		return err
	}
	around := p.g.currentDevices()
	if d != (deviceSpec{}) {
		around = around.with(deviceFrame{spec: d})
	}
	p.around, p.initial = within(around, ""), exactly("")
	p.own = []string{"loc:@" + p.name}
	if with := p.o.ColocateWith; with != nil {
		if with.g != p.g {
			return invalidf("it cannot be colocated with variable %q of another graph", with.name)
		}
		p.outer = graphbuild.ColocationGroup(with.handle.Op)
		p.own = p.outer
		if device := with.handle.Op.Device(); device != "" {
			p.initial = exactly(device)
			p.around = p.initial
		}
	}
	return nil
}

// shape is the shape that the variable's node declares.
func (p *plan) shape() Shape {
	if p.o.AnyShape || p.init.output.Op != nil && p.init.output.Shape().NumDimensions() < 0 {
		return Shape{}
	}
	return MakeShape(p.init.dims...)
}

// below is a builder for nodes below the variable's name.
func (p *plan) below(sub string, at placement, class []string) *builder {
	return below(p.g, strings.TrimSuffix(p.name+"/"+sub, "/"), at, class)
}

func (p *plan) initialValue() (Output, error) {
	switch {
	case p.init.output.Op != nil:
		return p.init.output, nil
	case p.init.tensor != nil && p.o.Ref:
		// Python's reference variable makes the value beside itself, in the
		// device and colocation of its surroundings.
		return p.below("", p.around, p.outer).given(p.init.tensor)
	case p.init.tensor != nil:
		return p.below("Initializer", p.initial, p.own).given(p.init.tensor)
	case p.init.build == nil:
		return Output{}, invalidf("the initializer is empty: use Zeros, Value or another function that makes one")
	}
	return p.init.build(p.below("Initializer", p.initial, p.own), p.init)
}

// resource adds the nodes of a resource variable.
func (p *plan) resource(v *Variable) (err error) {
	v.handle, err = p.node("VarHandleOp", p.own, map[string]any{
		"container": "", "shared_name": p.name, "debug_name": p.name + "/", "dtype": v.dtype, "shape": v.shape, "allowed_devices": []string{},
	})
	if err != nil {
		return err
	}
	if v.initialized, err = p.below("IsInitialized", p.around, p.outer).op("VarIsInitializedOp", "VarIsInitializedOp", nil, v.handle); err != nil {
		return err
	}
	device := v.handle.Op.Device()
	assign, err := p.below("", exactly(device), nil).op("AssignVariableOp", "Assign", map[string]any{"dtype": v.dtype}, v.handle, v.initial)
	if err != nil {
		return err
	}
	v.initializer = assign.Op
	// Python asks the surroundings of the read for what the variable's device lacks.
	read := p.around
	read.device = device
	v.value, err = p.below("Read", read, p.outer).op("ReadVariableOp", "ReadVariableOp", map[string]any{"dtype": v.dtype}, v.handle)
	return err
}

// reference adds the nodes of a reference variable.
func (p *plan) reference(v *Variable) (err error) {
	class := p.own
	if p.init.tensor != nil || p.init.output.Op != nil {
		class = p.outer // a given value brings no colocation of the variable's own
	}
	v.handle, err = p.node("VariableV2", class, map[string]any{
		"container": "", "shared_name": "", "dtype": v.dtype, "shape": v.shape,
	})
	if err != nil {
		return err
	}
	b := p.below("", exactly(v.handle.Op.Device()), p.own)
	assign, err := b.op("Assign", "Assign", map[string]any{"use_locking": true, "validate_shape": !p.o.AnyShape}, v.handle, v.initial)
	if err != nil {
		return err
	}
	v.initializer = assign.Op
	v.value, err = b.op("Identity", "read", nil, v.handle)
	return err
}

// node adds the node of the variable itself, under its very name, which is free.
func (p *plan) node(typ string, class []string, attrs map[string]any) (Output, error) {
	b := below(p.g, "", p.around, class)
	o := graphbuild.First(b.Add(typ, p.name, attrs))
	return o, b.Err()
}
