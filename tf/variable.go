package tf

import (
	"slices"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/variable_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// SaveSliceInfo says which part of a partitioned variable one variable is:
// of FullName, of shape FullShape, the block at Offset of shape Shape.
type SaveSliceInfo struct {
	FullName  string
	FullShape []int64
	Offset    []int64
	Shape     []int64
}

// Variable is state that a session keeps from run to run: a number of nodes
// that make it, set it and read it.
type Variable struct {
	g           *Graph
	name        string
	dtype       dtype.DataType
	shape       Shape
	handle      Output // the resource, or the reference
	value       Output
	initialized Output
	initializer *Operation
	initial     Output
	def         *variable_go_proto.VariableDef
	resource    bool
}

// Name is the name of the variable, which is that of its node: "hidden/w".
func (v *Variable) Name() string { return v.name }

// TensorName is Python's name of the variable: "hidden/w:0".
func (v *Variable) TensorName() string { return v.name + ":0" }

// Graph is the graph of which the variable is a part.
func (v *Variable) Graph() *Graph { return v.g }

// DType is the type of the variable's elements.
func (v *Variable) DType() dtype.DataType { return v.dtype }

// Shape is the variable's shape; parts of it may be unknown.
func (v *Variable) Shape() Shape { return v.shape }

// Handle is the resource handle that ops such as ResourceApplyAdam take; of a
// reference variable, the reference that ops such as ApplyAdam take.
func (v *Variable) Handle() Output { return v.handle }

// Value is the variable's value, for other ops to use and for runs to fetch.
// What a run fetches of a resource variable is a snapshot; of a reference
// variable it is the variable's own memory, which later runs change.
func (v *Variable) Value() Output { return v.value }

// Initializer is the operation that gives the variable its first value. It is
// nil where a VariableDef did not say.
func (v *Variable) Initializer() *Operation { return v.initializer }

// InitialValue is what Initializer assigns; Op is nil where it is not known.
func (v *Variable) InitialValue() Output { return v.initial }

// IsResource says whether it is a resource variable, and not one of the older
// reference variables.
func (v *Variable) IsResource() bool { return v.resource }

// Trainable says whether optimizers update the variable by default.
func (v *Variable) Trainable() bool { return v.def.GetTrainable() }

// SaveSliceInfo is the part of a partitioned variable that this one is, or nil.
func (v *Variable) SaveSliceInfo() *SaveSliceInfo {
	d := v.def.GetSaveSliceInfoDef()
	if d == nil {
		return nil
	}
	return &SaveSliceInfo{
		FullName:  d.GetFullName(),
		FullShape: slices.Clone(d.GetFullShape()),
		Offset:    slices.Clone(d.GetVarOffset()),
		Shape:     slices.Clone(d.GetVarShape()),
	}
}

// IsInitialized is a bool that says whether the variable has a value. For a
// reference variable the first call adds the node that tells.
func (v *Variable) IsInitialized() (Output, error) {
	v.g.mu.Lock()
	defer v.g.mu.Unlock()
	if v.initialized.Op != nil {
		return v.initialized, nil
	}
	typ := "IsVariableInitialized"
	if v.resource {
		typ = "VarIsInitializedOp"
	}
	spec := OpSpec{Type: typ, Name: v.name + "/IsInitialized/" + typ, Input: []Input{v.handle}}
	op, err := v.g.addNode(spec, exactly(v.handle.Op.Device()))
	if err != nil {
		return Output{}, err
	}
	v.initialized = op.Output(0)
	return v.initialized, nil
}

// Assign adds an operation that sets the variable to value.
func (v *Variable) Assign(value Output) (*Operation, error) {
	return v.update("Assign", "AssignVariableOp", value)
}

// AssignAdd adds an operation that adds delta to the variable.
func (v *Variable) AssignAdd(delta Output) (*Operation, error) {
	return v.update("AssignAdd", "AssignAddVariableOp", delta)
}

// AssignSub adds an operation that subtracts delta from the variable.
func (v *Variable) AssignSub(delta Output) (*Operation, error) {
	return v.update("AssignSub", "AssignSubVariableOp", delta)
}

// update adds an op that has the form refType on references and resourceType on
// resources.
func (v *Variable) update(refType, resourceType string, value Output) (*Operation, error) {
	if v.resource {
		return v.g.AddOp(OpSpec{Type: resourceType, Input: []Input{v.handle, value}, Attrs: map[string]any{"dtype": v.dtype}})
	}
	// What changes a reference is where it is.
	spec := OpSpec{Type: refType, Input: []Input{v.handle, value}, Attrs: map[string]any{"_class": graphbuild.ColocationGroup(v.handle.Op)}}
	if refType == "Assign" && v.shape.NumDimensions() < 0 {
		spec.Attrs["validate_shape"] = false
	}
	v.g.mu.Lock()
	defer v.g.mu.Unlock()
	spec.Name = refType
	return v.g.addNode(spec, exactly(v.handle.Op.Device()))
}
