package tf

import (
	"slices"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/variable_go_proto"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// SaveSliceInfo describes a variable that is a part of a partitioned variable.
type SaveSliceInfo struct {
	FullName  string  // the name of the partitioned variable
	FullShape []int64 // its shape
	Offset    []int64 // the offset of the part in each dimension
	Shape     []int64 // the shape of the part
}

// Variable is state that a session keeps from run to run. In the graph it is several nodes,
// which hold, set and read it.
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

// Name returns the name of the variable, which is the name of its node: "hidden/w".
func (v *Variable) Name() string { return v.name }

// TensorName returns Python's name of the variable: "hidden/w:0".
func (v *Variable) TensorName() string { return v.name + ":0" }

// Graph returns the graph of the variable.
func (v *Variable) Graph() *Graph { return v.g }

// DType returns the type of the variable's elements.
func (v *Variable) DType() dtype.DataType { return v.dtype }

// Shape returns the variable's shape. Dimensions, or the number of dimensions, may be
// unknown.
func (v *Variable) Shape() Shape { return v.shape }

// Handle returns the resource handle for operations such as ResourceApplyAdam. For a
// reference variable it returns the reference for operations such as ApplyAdam.
func (v *Variable) Handle() Output { return v.handle }

// Value returns the variable's value, for other operations and for runs to fetch. The
// value that a run fetches from a resource variable is a snapshot. From a reference
// variable it is the variable's own memory, which later runs change.
//
// The value of a resource variable is read once, where the run needs it first: an operation
// that must see the value after an update uses Read.
func (v *Variable) Value() Output { return v.value }

// Read adds a node that reads the variable's value under a scope, after the scope's control
// dependencies: the value that an update among them leaves.
//
//	after := v.Read(s.WithControlDependencies(update))
//
// Python does that wherever a variable is used under tf.control_dependencies.
func (v *Variable) Read(scope *Scope) Output {
	if v.resource {
		return Out(scope.AddOperation(OpSpec{
			Type: "ReadVariableOp", Input: []Input{v.handle}, Attrs: map[string]any{"dtype": v.dtype},
		}), 0)
	}
	return Out(scope.AddOperation(OpSpec{Type: "Identity", Input: []Input{v.handle}}), 0)
}

// Initializer returns the operation that sets the variable's first value. It is nil if the
// VariableDef of the variable has none.
func (v *Variable) Initializer() *Operation { return v.initializer }

// InitialValue returns the value that Initializer assigns. Its Op is nil if the VariableDef
// of the variable has none.
func (v *Variable) InitialValue() Output { return v.initial }

// IsResource reports whether the variable is a resource variable and not a reference
// variable, as TensorFlow 1.x made.
func (v *Variable) IsResource() bool { return v.resource }

// Trainable reports whether optimizers update the variable by default.
func (v *Variable) Trainable() bool { return v.def.GetTrainable() }

// SaveSliceInfo describes the part of a partitioned variable that the variable is. It
// returns nil if the variable is not such a part.
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

// isInitialized returns a bool tensor that is true if the variable has a value. For a
// reference variable the first call adds a node.
func (v *Variable) isInitialized() (Output, error) {
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

// Assign adds an operation that sets the variable to value, which has the variable's type. A
// value of another shape is an error, of Assign if the graph knows the shape and else of the run,
// unless the variable was made with VariableOptions.AnyShape.
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

// check returns an error if no function of this package has made the variable.
func (v *Variable) check() error {
	if v == nil || v.g == nil {
		return invalidf("the variable is nil, or NewVariable has not made it")
	}
	return nil
}

// checkType returns an error if a tensor has another type than the variable.
func (v *Variable) checkType(value Output) error {
	if capi.CheckOutput(value) != nil { // the error of AddOp says more
		return nil
	}
	got, want := graphbuild.TypeOf(value), v.dtype
	if got == want || want == 0 {
		return nil
	}
	return invalidf("the value %s has type %s, but the variable has type %s: make a constant of this type, such as float32(0.5), or convert with op.Cast", graphbuild.TensorName(value), dtype.Name(got), dtype.Name(want))
}

// update adds an operation of type resourceType, or of refType for a reference variable.
func (v *Variable) update(refType, resourceType string, value Output) (*Operation, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	if err := v.checkType(value); err != nil {
		return nil, variableError("assign", v.name, err)
	}
	if v.resource {
		attrs := map[string]any{"dtype": v.dtype}
		if resourceType == "AssignVariableOp" {
			attrs["validate_shape"] = v.shape.IsFullySpecified()
		}
		return v.g.AddOp(OpSpec{Type: resourceType, Input: []Input{v.handle, value}, Attrs: attrs})
	}
	// An operation that changes a reference is on the same device.
	spec := OpSpec{Type: refType, Input: []Input{v.handle, value}, Attrs: map[string]any{"_class": graphbuild.ColocationGroup(v.handle.Op)}}
	if refType == "Assign" && v.shape.NumDimensions() < 0 {
		spec.Attrs["validate_shape"] = false
	}
	v.g.mu.Lock()
	defer v.g.mu.Unlock()
	spec.Name = refType
	return v.g.addNode(spec, exactly(v.handle.Op.Device()))
}
