package savedmodel

import (
	"context"
	"errors"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/tf"
)

// Where the Saver of the graph is kept (see Model.useObjects), it sets the nodes that the
// functions of the model restore. Those that signatures captured get copies of their values.

// twins copies the values between the two nodes of variables.
type twins struct {
	// load copies from the nodes that restores assign to the captured ones, and store back.
	// They are nil if the model has no such variables.
	load, store []*tf.Operation
}

// linkObjects finds the variables with two nodes, by the objects of the model and of its
// checkpoint, and adds the operations that copy their values.
func (m *Model) linkObjects(ctx context.Context, r *checkpoint.Reader) error {
	objects := m.MetaGraphDef.GetObjectGraphDef()
	if objects == nil || m.linked || m.byObjects {
		return nil
	}
	saved, err := objectgraph.Read(ctx, r)
	if errors.Is(err, tfkeep.ErrNotFound) {
		return nil // a checkpoint of names
	}
	if err != nil {
		return err
	}
	m.linked = true
	g := savergraph.New(m.MetaGraphDef.GetGraphDef())
	restored := make(map[string]savergraph.Restored)
	for r, err := range g.AllRestores() {
		if err == nil && r.Call == nodedef.NodeName(m.MetaGraphDef.GetSaverDef().GetRestoreOpName()) && r.VariableID != "" {
			restored[r.Key] = r
		}
	}
	keys := saved.VariableKeys(objects)
	done := make(map[string]bool)
	for c := range g.Captures(objects) {
		if len(keys[c.Object]) != 1 || done[c.VariableID] {
			continue
		}
		twin, ok := restored[keys[c.Object][0]]
		if !ok || twin.VariableID == c.VariableID {
			continue
		}
		done[c.VariableID] = true
		if err := m.link(c.Variable, twin.Variable); err != nil {
			return err
		}
	}
	return nil
}

// link adds the operations for one variable.
func (m *Model) link(captured, restored string) error {
	a, b := findOperation(m.Graph(), captured, m.Scope), findOperation(m.Graph(), restored, m.Scope)
	if a == nil || b == nil {
		return nil
	}
	load, err := m.copyOp(b, a)
	if err != nil {
		return err
	}
	store, err := m.copyOp(a, b)
	if err != nil {
		return err
	}
	m.twins.load, m.twins.store = append(m.twins.load, load), append(m.twins.store, store)
	return nil
}

// copyOp returns an operation that copies the value of a variable to another one.
func (m *Model) copyOp(from, to *tf.Operation) (*tf.Operation, error) {
	dt, err := from.Attr("dtype")
	if err != nil {
		return nil, err
	}
	attrs := map[string]any{"dtype": dt}
	class := []string{"loc:@" + to.Name()}
	read, err := m.Graph().AddOp(tf.OpSpec{Type: "ReadVariableOp", Name: from.Name() + "/Read", Input: []tf.Input{from.Output(0)}, Attrs: attrs})
	if err != nil {
		return nil, err
	}
	return m.Graph().AddOp(tf.OpSpec{Type: "AssignVariableOp", Name: to.Name() + "/Copy", Input: []tf.Input{to.Output(0), read.Output(0)},
		Attrs: map[string]any{"dtype": dt, "_class": class}})
}

// copyTwins runs operations that copy values, if the model has any.
func copyTwins(ctx context.Context, sess *tf.Session, ops []*tf.Operation) error {
	if len(ops) == 0 {
		return nil
	}
	return sess.RunOps(ctx, ops...)
}
