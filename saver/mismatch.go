package saver

import (
	"fmt"
	"slices"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
)

// mismatch compares a tensor of the checkpoint with the one that the graph needs, and
// returns whether they differ.
func mismatch(t *savergraph.Restored, have checkpoint.TensorInfo) (Mismatch, bool) {
	m := Mismatch{Key: t.Key, Variable: t.Variable, Slices: len(have.Slices)}
	if have.DType != t.DType {
		m.Kind = "dtype"
		m.Graph, m.File = dtype.CName(t.DType), dtype.CName(have.DType)
		return m, true
	}
	shape := have.Shape
	if t.Slice != "" {
		full, slice, err := checkpoint.ParseSliceSpec(t.Slice)
		if err != nil || !slices.Equal(full, have.Shape) {
			m.Kind, m.Graph, m.File = "shape", shapeText(full), shapeText(have.Shape)
			return m, true
		}
		if shape, err = slice.Shape(full); err != nil {
			m.Kind, m.Graph, m.File = "shape", t.Slice, shapeText(have.Shape)
			return m, true
		}
	}
	if !t.HasShape || fits(t.Shape, shape) {
		return m, false
	}
	if t.Reshapes {
		want, ok := dtype.NumElements(t.Shape)
		got, _ := dtype.NumElements(shape)
		if !ok || want == got {
			return m, false
		}
	}
	m.Kind, m.Graph, m.File = "shape", shapeText(t.Shape), shapeText(shape)
	return m, true
}

// saveKey identifies a tensor of a save and of a restore.
type saveKey struct{ key, slice string }

// allowGrowth lets the restore plan take any shape for variables that change theirs.
func (n *saverNodes) allowGrowth(x *savergraph.Graph) {
	growing := x.Growing(func(tensor string) ([]int64, bool) {
		o, err := n.g.OutputByName(tensor)
		if err != nil {
			return nil, false
		}
		dims, err := o.Shape().ToSlice()
		return dims, err == nil
	})
	n.takes = make(map[saveKey]*savergraph.Restored, len(n.load))
	for i := range n.load {
		t := &n.load[i]
		if growing[t.VariableID] && t.VariableID != "" {
			t.Shape, t.HasShape = nil, false
		}
		n.takes[saveKey{t.Key, t.Slice}] = t
	}
}

// checkSaved refuses a value that the restore nodes would not take, so that no checkpoint is
// written that cannot be restored.
func (n *saverNodes) checkSaved(saved *savergraph.Saved, dt dtype.DataType, shape []int64) error {
	t := n.takes[saveKey{saved.Key, saved.Slice}]
	if t == nil {
		return nil
	}
	m, bad := mismatch(t, checkpoint.TensorInfo{DType: dt, Shape: shape})
	if !bad || m.Kind != "shape" {
		return nil
	}
	return fault(tfkeep.ErrMismatch, "variable %s has a value of shape %s, and its node has the shape %s, so that the checkpoint could not be restored; make the variable without a fixed shape (VariableOptions.AnyShape, validate_shape=False)",
		t.Variable, m.File, m.Graph)
}

// fits reports whether a shape is the wanted one, in which negative dimensions are free.
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

// shapeText formats a shape as TensorFlow's messages do: [2,3].
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
