package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// restores checks that a checkpoint has what the graph's saver reads, and what the objects
// of a SavedModel need.
func (c *graphChecker) restores(ctx context.Context, mg *graphdef.MetaGraphDef, prefix string) {
	wanted := restoresOf(mg)
	for _, err := range wanted.unknown {
		c.note(fmt.Errorf("%snot checked against the checkpoint %s: %w", c.where, prefix, err))
	}
	objects := variableObjects(mg.GetObjectGraphDef())
	if len(wanted.tensors)+len(objects) == 0 {
		return
	}
	r, err := checkpoint.Open(ctx, prefix, nil)
	if err != nil {
		return // the checkpoint's own report has the error
	}
	defer r.Close()
	ops := map[string]string{}
	for _, n := range mg.GetGraphDef().GetNode() {
		ops[n.GetName()] = n.GetOp()
	}
	for i := range wanted.tensors {
		w := &wanted.tensors[i]
		t, ok := r.Lookup(w.Key)
		switch {
		case !ok:
			c.faultf("node %q restores %q, which the checkpoint %s does not have: %w", w.Node, w.Key, prefix, tfkeep.ErrNotFound)
		case w.DType != 0 && w.DType != t.DType:
			c.faultf("node %q restores %q as %s, the checkpoint has %s: %w",
				w.Node, w.Key, dtype.Name(w.DType), dtype.Name(t.DType), tfkeep.ErrMismatch)
		default:
			c.restoredShape(w, t, ops[w.Variable])
		}
	}
	if len(objects) > 0 {
		c.objects(ctx, mg.GetObjectGraphDef(), objects, r)
	}
}

// restoredShape compares the shape of a tensor with that of the variable which takes it.
func (c *graphChecker) restoredShape(w *savergraph.Restored, t checkpoint.TensorInfo, op string) {
	shape := t.Shape
	if w.Slice != "" {
		full, slice, err := checkpoint.ParseSliceSpec(w.Slice)
		if err == nil && !slices.Equal(full, t.Shape) {
			c.faultf("node %q restores a slice of %q of shape %v, the checkpoint has %v: %w", w.Node, w.Key, full, t.Shape, tfkeep.ErrMismatch)
			return
		}
		if err == nil {
			shape, err = slice.Shape(full)
		}
		if err != nil {
			c.faultf("node %q restores %q by the slice %q: %w", w.Node, w.Key, w.Slice, err)
			return
		}
	}
	if !w.HasShape || fits(w.Shape, shape) {
		return
	}
	if w.Reshapes {
		need, known := dtype.NumElements(w.Shape)
		have, _ := dtype.NumElements(shape)
		if !known || need == have {
			return
		}
	}
	text := fmt.Errorf("variable %q has shape %v, and %q in the checkpoint %v: %w", w.Variable, w.Shape, w.Key, shape, tfkeep.ErrMismatch)
	if op == "VarHandleOp" && w.Func == "" {
		// TensorFlow 1 restores a resource variable of any shape.
		c.note(fmt.Errorf("%s%w", c.where, text))
		return
	}
	c.faultf("%w", text)
}

// fits reports whether a tensor of shape have can be where want is declared, in which
// negative dimensions are free.
func fits(want, have []int64) bool {
	return slices.EqualFunc(want, have, func(w, h int64) bool { return w < 0 || w == h })
}

// variableObjects returns the positions of the variables in the object graph of a
// SavedModel.
func variableObjects(g *pb.SavedObjectGraph) []int {
	var list []int
	for i, n := range g.GetNodes() {
		if n.GetVariable() != nil {
			list = append(list, i)
		}
	}
	return list
}

// objects checks that a checkpoint has the values of the variables of a SavedModel's
// objects, as TensorFlow's loader looks for them.
func (c *graphChecker) objects(ctx context.Context, g *pb.SavedObjectGraph, variables []int, r *checkpoint.Reader) {
	saved, err := objectgraph.Read(ctx, r)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		if errors.Is(err, tfkeep.ErrNotFound) {
			err = fmt.Errorf("the checkpoint has no object graph, by which TensorFlow 2 finds the values of the model's %d variables: %w", len(variables), err)
		}
		c.faultf("%w", err)
		return
	}
	keys := saved.VariableKeys(g)
	for _, i := range variables {
		v := g.GetNodes()[i].GetVariable()
		if len(keys[i]) == 0 {
			c.faultf("the checkpoint has no object for variable %q, object %d of the model: %w", v.GetName(), i, tfkeep.ErrNotFound)
		}
		for _, key := range keys[i] {
			t, ok := r.Lookup(key)
			want, known := nodedef.Dims(v.GetShape())
			switch {
			case !ok:
				c.faultf("variable %q is saved as %q, which the checkpoint does not have: %w", v.GetName(), key, tfkeep.ErrNotFound)
			case v.GetDtype() != t.DType:
				c.faultf("variable %q has type %s, and %q in the checkpoint %s: %w", v.GetName(), dtype.Name(v.GetDtype()), key, dtype.Name(t.DType), tfkeep.ErrMismatch)
			case known && !fits(want, t.Shape):
				c.faultf("variable %q has shape %v, and %q in the checkpoint %v: %w", v.GetName(), want, key, t.Shape, tfkeep.ErrMismatch)
			}
		}
	}
}

// restored is what the restore nodes of a saver read.
type restored struct {
	tensors []savergraph.Restored
	unknown []error // about nodes whose keys cannot be read from the graph
}

// restoresOf returns what the graph's saver reads: the keys of the restore nodes that take
// their file name from the saver's file name tensor. A call that restores in a branch or a
// loop may take its file from there, too.
func restoresOf(mg *graphdef.MetaGraphDef) restored {
	var r restored
	file := nodedef.NodeName(mg.GetSaverDef().GetFilenameTensorName())
	if file == "" {
		return r
	}
	type source struct{ call, function, node, output string }
	seen := map[source]bool{}
	for t, err := range savergraph.New(mg.GetGraphDef()).AllRestores() {
		from := source{t.Call, t.Func, t.Node, t.Output}
		mayBe := t.File == file || err != nil && t.File == ""
		if !mayBe || seen[from] { // several variables may take it
			continue
		}
		seen[from] = true
		if err != nil {
			r.unknown = append(r.unknown, err)
		} else {
			r.tensors = append(r.tensors, t)
		}
	}
	return r
}
