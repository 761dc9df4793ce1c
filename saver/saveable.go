package saver

import (
	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/tf"
)

// Saveable has state that is saved as one or more named tensors, and can be restored
// from them. It is TensorFlow's SaveableObject. [Var] makes one of a variable and
// [NewTable] one of a lookup table; implement it for other state in a graph.
//
// Put a Saveable into VarList or VarMap, or into the graph's collection
// saveable_objects, from which a Saver without a list takes it. Use a pointer
// type: by it a Saver notices that the same Saveable would be saved under two names.
type Saveable interface {
	// Name is used in errors, and to sort a VarList. The keys in the checkpoint are
	// those of the specs.
	Name() string
	// Specs returns the tensors to save. It is called once while the save and restore
	// nodes are built, and may add nodes with n.
	Specs(n *Nodes) ([]Spec, error)
	// Restore adds nodes that assign the restored tensors, one for each spec, and returns
	// the operation that assigns them.
	Restore(n *Nodes, restored []tf.Output) (*tf.Operation, error)
}

// Spec is one tensor of a Saveable.
type Spec struct {
	Name   string      // the key in the checkpoint
	Tensor tf.Output   // the tensor to save
	Slice  string      // "" for all of it; "4 3 0,2:0,3" for a part, see checkpoint.FormatSliceSpec
	DType  tf.DataType // 0 for that of Tensor's value
	Device string      // "" for that of Tensor's operation; only a sharded Saver uses it
}

func (s Spec) dtype() tf.DataType {
	if s.DType != 0 {
		return s.DType
	}
	return dtype.Base(s.Tensor.DataType())
}

func (s Spec) device() string {
	if s.Device != "" {
		return canonicalDevice(s.Device)
	}
	return canonicalDevice(s.Tensor.Op.Device())
}

// variable saves a whole variable or one slice of a partitioned one.
type variable struct {
	name  string
	value tf.Output // what SaveV2 takes: the reference itself, or a read
	// target is what Restore assigns to: a reference or a resource handle.
	target tf.Output
	shape  tf.Shape
	slice  string
	// lateRead means that nodes of the Saver read the variable, rather than the
	// variable's own read. That is so for slices of partitioned resource variables.
	lateRead bool
	dtype    tf.DataType
	identity string // equal for variables that may be saved only once
}

func (v *variable) Name() string { return v.name }

func (v *variable) Specs(n *Nodes) ([]Spec, error) {
	value := v.value
	if v.lateRead {
		var err error
		if value, err = n.readToCPU(v.target, v.dtype); err != nil {
			return nil, err
		}
	}
	return []Spec{{
		Name: v.name, Tensor: value, Slice: v.slice, DType: v.dtype,
		Device: v.target.Op.Device(),
	}}, nil
}

func (v *variable) Restore(n *Nodes, restored []tf.Output) (*tf.Operation, error) {
	value := restored[0]
	if n.reshape {
		var err error
		if value, err = n.reshapeLike(value, v); err != nil {
			return nil, err
		}
	}
	if !dtype.IsRef(v.target.DataType()) {
		return n.assignResource(v.target, value, v.dtype)
	}
	_, known := knownDims(v.shape)
	return n.assignRef(v.target, value, !n.reshape && known)
}

// fromVariable wraps a whole variable.
func fromVariable(name string, v *tf.Variable) *variable {
	s := &variable{name: name, shape: v.Shape(), dtype: tf.DataType(v.DType()), target: v.Handle(), value: v.Handle()}
	if v.IsResource() {
		s.value = v.Value()
	}
	s.identity = graphbuild.TensorName(s.value)
	return s
}

// fromSlice wraps one part of a partitioned variable.
func fromSlice(name string, v *tf.Variable) *variable {
	s := fromVariable(name, v)
	s.slice = sliceSpec(v)
	s.identity = "slice " + v.TensorName()
	if v.IsResource() {
		s.lateRead = true
	} else {
		s.value = v.Value()
	}
	return s
}

// fromOutput wraps a tensor that is a variable: a reference, or the read of a resource.
// It returns false for other tensors.
func fromOutput(name string, o tf.Output) (*variable, bool) {
	switch o.Op.Type() {
	case "Variable", "VariableV2", "AutoReloadVariable":
		return &variable{name: name, value: o, target: o, shape: o.Shape(),
			dtype: dtype.Base(o.DataType()), identity: graphbuild.TensorName(o)}, true
	case "ReadVariableOp":
		return &variable{name: name, value: o, target: inputs(o.Op)[0], shape: o.Shape(),
			dtype: o.DataType(), identity: graphbuild.TensorName(o)}, true
	}
	return nil, false
}

type table struct {
	name          string
	handle        tf.Output
	keyDType, val dtype.DataType
}

// NewTable makes a mutable hash table a Saveable: its keys and values are saved as two
// tensors, "<name>-keys" and "<name>-values", and restoring replaces the table's
// content. handle is the output of a MutableHashTableV2 or a similar op, with keys and
// values of the given types.
func NewTable(name string, handle tf.Output, keyDType, valueDType dtype.DataType) Saveable {
	return &table{name, handle, keyDType, valueDType}
}

// Name implements Saveable.
func (t *table) Name() string { return t.name }

// Specs implements Saveable.
func (t *table) Specs(n *Nodes) ([]Spec, error) {
	if t.handle.Op == nil {
		return nil, fault(tfkeep.ErrArgument, "table %s has no operation: look at the error of the call that should have made it", t.name)
	}
	export, err := n.Add(tf.OpSpec{
		Type: "LookupTableExportV2", Name: "LookupTableExportV2",
		Input:  []tf.Input{t.handle},
		Attrs:  map[string]any{"Tkeys": t.keyDType, "Tvalues": t.val},
		Device: t.handle.Op.Device(),
	})
	if err != nil {
		return nil, err
	}
	return []Spec{
		{Name: t.name + "-keys", Tensor: export.Output(0)},
		{Name: t.name + "-values", Tensor: export.Output(1)},
	}, nil
}

// Restore implements Saveable.
func (t *table) Restore(n *Nodes, restored []tf.Output) (*tf.Operation, error) {
	return n.Add(tf.OpSpec{
		Type: "LookupTableImportV2", Name: "LookupTableImportV2",
		Input:  []tf.Input{t.handle, restored[0], restored[1]},
		Attrs:  map[string]any{"Tin": t.keyDType, "Tout": t.val},
		Device: t.handle.Op.Device(),
	})
}
