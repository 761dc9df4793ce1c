package saver

import (
	"fmt"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
)

// planRestore reads what the restore operation assigns, and from where.
func (x nodeIndex) planRestore(restoreOp string) (*restorePlan, error) {
	nodes := x.reach(restoreOp, isRestore)
	takers := map[string][]*node_def_go_proto.NodeDef{} // "node:index" → consumers
	for _, n := range nodes {
		if isRestore(n) {
			continue
		}
		for _, in := range dataInputs(n) {
			name, i := inputRef(in)
			key := fmt.Sprintf("%s:%d", name, i)
			takers[key] = append(takers[key], n)
		}
	}
	p := &restorePlan{}
	for _, n := range nodes {
		if !isRestore(n) {
			continue
		}
		outputs, err := x.restoreOutputs(n)
		if err != nil {
			return nil, err
		}
		for _, t := range outputs {
			x.follow(&t, takers)
			if t.assign != "" {
				t.index = len(p.tensors)
				p.tensors = append(p.tensors, t)
			}
		}
	}
	if len(p.tensors) == 0 {
		return nil, fmt.Errorf("%w: nothing is restored behind %s", ErrNoPlan, restoreOp)
	}
	return p, nil
}

// restoreOutputs lists what a restore node reads.
func (x nodeIndex) restoreOutputs(n *node_def_go_proto.NodeDef) ([]restoredTensor, error) {
	names, err := x.strings(n, 1)
	if err != nil {
		return nil, err
	}
	specs := make([]string, len(names))
	if n.Op != "Restore" {
		if specs, err = x.strings(n, 2); err != nil {
			return nil, err
		}
	}
	dtypes := n.Attr["dtypes"].GetList().GetType()
	if n.Op != "RestoreV2" {
		dtypes = []types_go_proto.DataType{n.Attr["dt"].GetType()}
	}
	if len(names) != len(dtypes) || len(specs) != len(dtypes) {
		return nil, fmt.Errorf("%w: %s has %d names for %d tensors", ErrNoPlan, n.Name, len(names), len(dtypes))
	}
	out := make([]restoredTensor, len(names))
	for i := range out {
		out[i] = restoredTensor{
			name: names[i], spec: specs[i], dtype: dtype.DataType(dtypes[i]),
			output: fmt.Sprintf("%s:%d", n.Name, i), device: n.Device,
		}
	}
	return out, nil
}

// follow goes from a restored tensor to what takes it in the end.
func (x nodeIndex) follow(t *restoredTensor, takers map[string][]*node_def_go_proto.NodeDef) {
	at := t.output
	for range 16 {
		next := takers[at]
		if len(next) == 0 {
			return
		}
		n := next[0]
		t.assign = n.Name
		switch n.Op {
		case "Identity", "Cast":
		case "Reshape":
			t.reshapes = true
		case "Assign", "AssignVariableOp":
			x.target(t, n)
			return
		default: // a saveable's own operation, which alone knows what it takes
			t.variable = n.Name
			return
		}
		at = n.Name + ":0"
	}
}

// target notes which variable an assignment fills and what shape it has.
func (x nodeIndex) target(t *restoredTensor, assign *node_def_go_proto.NodeDef) {
	in := dataInputs(assign)
	if len(in) == 0 {
		return
	}
	name, _ := inputRef(in[0])
	t.variable = name
	v := x[name]
	if v == nil {
		return
	}
	// A reference may ask for any shape, and then takes any.
	if assign.Op == "Assign" && !t.reshapes && !boolAttr(assign, "validate_shape", true) {
		return
	}
	shape := v.Attr["shape"].GetShape()
	if shape == nil || shape.UnknownRank {
		return
	}
	// The oldest variables write an unknown shape as that of a scalar.
	if v.Op == "Variable" && len(shape.Dim) == 0 {
		return
	}
	t.known = true
	t.shape = make([]int64, len(shape.Dim))
	for i, d := range shape.Dim {
		t.shape[i] = d.Size
	}
}

func boolAttr(n *node_def_go_proto.NodeDef, name string, otherwise bool) bool {
	a, ok := n.Attr[name]
	if !ok {
		return otherwise
	}
	return a.GetB()
}

// mismatch says how what the checkpoint has differs from what the graph takes.
func (t *restoredTensor) mismatch(have checkpoint.TensorInfo) (Mismatch, bool) {
	m := Mismatch{Key: t.name, Variable: t.variable}
	if have.DType != t.dtype {
		m.Kind = "dtype"
		m.Graph, m.File = dtype.CName(t.dtype), dtype.CName(have.DType)
		return m, true
	}
	shape := have.Shape
	if t.spec != "" {
		full, slice, err := checkpoint.ParseSliceSpec(t.spec)
		if err != nil || !sameShape(full, have.Shape) {
			m.Kind, m.Graph, m.File = "shape", shapeText(full), shapeText(have.Shape)
			return m, true
		}
		if shape, err = slice.Shape(full); err != nil {
			m.Kind, m.Graph, m.File = "shape", t.spec, shapeText(have.Shape)
			return m, true
		}
	}
	if !t.known || fits(t.shape, shape) {
		return m, false
	}
	if t.reshapes {
		want, ok := checkpoint.NumElements(t.shape)
		got, _ := checkpoint.NumElements(shape)
		if !ok || want == got {
			return m, false
		}
	}
	m.Kind, m.Graph, m.File = "shape", shapeText(t.shape), shapeText(shape)
	return m, true
}

// fits reports whether a tensor of a shape can go where want is asked for, in
// which negative dimensions are free.
func fits(want, have []int64) bool {
	if len(want) != len(have) {
		return false
	}
	for i, d := range want {
		if d >= 0 && d != have[i] {
			return false
		}
	}
	return true
}

func sameShape(a, b []int64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// shapeText writes a shape as TensorFlow's messages do: [2,3].
func shapeText(shape []int64) string {
	s := "["
	for i, d := range shape {
		if i > 0 {
			s += ","
		}
		if d < 0 {
			s += "?"
			continue
		}
		s += fmt.Sprint(d)
	}
	return s + "]"
}
