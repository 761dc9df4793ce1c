package convert

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// likeness is what Names.Like has: names or objects, and what is known of their tensors.
type likeness struct {
	names   []string           // sorted
	objects *objectgraph.Graph // nil for names
	wants   map[string]want    // by name or key
}

// want is what a tensor must be.
type want struct {
	dtype    dtype.DataType // 0: unknown
	shape    []int64        // -1: free
	hasShape bool
	reshapes bool
}

// fault returns why a tensor is not what is wanted, or "".
func (w *want) fault(have *checkpoint.TensorInfo) string {
	if w.dtype != 0 && w.dtype != have.DType {
		return fmt.Sprintf("it is %s, and the model needs %s", dtype.Name(have.DType), dtype.Name(w.dtype))
	}
	if !w.hasShape || slices.EqualFunc(w.shape, have.Shape, func(a, b int64) bool { return a < 0 || a == b }) {
		return ""
	}
	a, known := dtype.NumElements(w.shape)
	b, _ := dtype.NumElements(have.Shape)
	if w.reshapes && (!known || a == b) {
		return ""
	}
	return fmt.Sprintf("its shape is %v, and the model needs %v", have.Shape, w.shape)
}

// readLikeness reads the names or objects of a model.
func readLikeness(ctx context.Context, path string) (*likeness, error) {
	m, err := graphdef.Read(path)
	if err != nil {
		l, ckptErr := checkpointLikeness(ctx, path)
		if ckptErr == nil || errors.Is(err, tfkeep.ErrNotFound) {
			return l, ckptErr
		}
		return nil, err
	}
	switch m := m.(type) {
	case *graphdef.SavedModel:
		for _, mg := range m.GetMetaGraphs() {
			if mg.GetObjectGraphDef() != nil {
				return checkpointLikeness(ctx, path)
			}
		}
		if len(m.GetMetaGraphs()) > 0 {
			return graphLikeness(path, m.GetMetaGraphs()[0].GetGraphDef(), m.GetMetaGraphs()[0].GetSaverDef())
		}
	case *graphdef.MetaGraphDef:
		return graphLikeness(path, m.GetGraphDef(), m.GetSaverDef())
	case *graphdef.GraphDef:
		return graphLikeness(path, m, nil)
	}
	return nil, likeError(path, tfkeep.ErrUnsupported, "it has no graph")
}

func likeError(path string, kind error, detail string) error {
	return &tfkeep.Error{Op: "read names of", Path: path, Err: kind, Detail: detail}
}

// checkpointLikeness reads the objects of a checkpoint, or its names.
func checkpointLikeness(ctx context.Context, path string) (*likeness, error) {
	r, err := dir.Open(ctx, path, nil)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	l := &likeness{wants: map[string]want{}}
	for t := range r.Tensors() {
		l.add(t.Name, want{dtype: t.DType, shape: t.Shape, hasShape: true})
	}
	if _, ok := r.Lookup(objectgraph.Key); ok {
		l.names = nil
		l.objects, err = objectgraph.Read(ctx, r)
	}
	return l, err
}

// graphLikeness returns the names under which the Saver of a graph restores its variables, or
// all restore nodes do. A graph without any has the names of its variables.
func graphLikeness(path string, g *graphdef.GraphDef, saver *graphdef.SaverDef) (*likeness, error) {
	l := &likeness{wants: map[string]want{}}
	x := savergraph.New(g)
	var restored []savergraph.Restored
	if op := nodedef.NodeName(saver.GetRestoreOpName()); op != "" {
		var err error
		if restored, err = x.Restore(op); err != nil {
			return nil, &tfkeep.Error{Op: "read names of", Path: path, Err: tfkeep.ErrUnsupported, Cause: err}
		}
	} else {
		for r, err := range x.AllRestores() {
			if err != nil {
				return nil, &tfkeep.Error{Op: "read names of", Path: path, Err: tfkeep.ErrUnsupported, Cause: err}
			}
			restored = append(restored, r)
		}
	}
	for _, r := range restored {
		w := want{dtype: r.DType, shape: r.Shape, hasShape: r.HasShape, reshapes: r.Reshapes}
		if r.Slice != "" {
			full, _, err := checkpoint.ParseSliceSpec(r.Slice)
			w.shape, w.hasShape = full, err == nil
		}
		l.add(r.Key, w)
	}
	if len(restored) == 0 {
		for _, n := range g.GetNode() {
			if nodedef.IsVariableOp(n.GetOp()) {
				shape, ok := nodedef.Dims(n.GetAttr()["shape"].GetShape())
				l.add(n.GetName(), want{dtype: dtype.Base(n.GetAttr()["dtype"].GetType()), shape: shape, hasShape: ok})
			}
		}
	}
	if len(l.names) == 0 {
		return nil, likeError(path, tfkeep.ErrNotFound, "the graph has no variables")
	}
	slices.Sort(l.names)
	return l, nil
}

func (l *likeness) add(name string, w want) {
	if _, ok := l.wants[name]; !ok {
		l.names = append(l.names, name)
	}
	l.wants[name] = w
}
