package savedmodel

import (
	"context"
	"errors"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/namescope"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// A SavedModel of TensorFlow 2 saves and restores with functions that read and write files
// themselves. Its object graph says which variable has which key, so a Saver of its own can
// do it, with all that package saver does.
//
// Some of these models have two nodes for one variable: the functions of signatures captured
// one, and the functions that save and restore use the other. Keras 3 writes such models with
// tf.saved_model.save. TensorFlow's loader for objects knows that they are one; its loader for
// sessions does not, and fails when a signature reads the first one. The Saver uses the first
// one. The other then has no value, and nothing reads it.

// objectVariable is a variable of the model as a saver.Saveable.
type objectVariable struct {
	key    string
	dtype  tf.DataType
	handle tf.Output
}

// Name implements saver.Saveable.
func (v *objectVariable) Name() string { return v.key }

// Specs implements saver.Saveable.
func (v *objectVariable) Specs(n *saver.Nodes) ([]saver.Spec, error) {
	device := v.handle.Op.Device()
	read, err := n.Add(tf.OpSpec{Type: "ReadVariableOp", Input: []tf.Input{v.handle}, Attrs: map[string]any{"dtype": v.dtype}, Device: device})
	if err != nil {
		return nil, err
	}
	return []saver.Spec{{Name: v.key, Tensor: read.Output(0), DType: v.dtype, Device: device}}, nil
}

// Restore implements saver.Saveable.
func (v *objectVariable) Restore(n *saver.Nodes, restored []tf.Output) (*tf.Operation, error) {
	return n.Add(tf.OpSpec{Type: "AssignVariableOp", Input: []tf.Input{v.handle, restored[0]},
		Attrs: map[string]any{"dtype": v.dtype}, Device: v.handle.Op.Device()})
}

// useObjects replaces the Saver by one that saves and restores the objects of a TensorFlow 2
// model. It keeps the Saver of the graph for models whose values are not all of variables, such
// as those of mutable tables, and for models with a variable of two nodes that signatures use.
func (m *Model) useObjects(ctx context.Context, files *folder) error {
	o := *m.saverOptions(m.MetaGraphDef.GetGraphDef())
	if m.MetaGraphDef.GetObjectGraphDef() == nil || m.Saver.SaverDef() == nil || o.Driver == saver.Ops {
		return nil
	}
	r, err := files.variables(ctx)
	if err != nil {
		return nil //nolint:nilerr // RestoreVariables reports it, or has another folder
	}
	defer r.Close()
	objects, err := objectgraph.Read(ctx, r)
	if errors.Is(err, tfkeep.ErrNotFound) {
		return nil // a checkpoint of names
	}
	if err != nil {
		return err
	}
	variables, err := m.objectVariables(objects)
	if err != nil || len(variables) == 0 {
		return err
	}
	for t := range r.Tensors() {
		if variables[t.Name] == nil && t.Name != objectgraph.Key {
			return nil
		}
	}
	o.Objects, o.VarMap, o.Name = objects, variables, namescope.Prepend("save", m.Scope)
	s, err := saver.New(m.Graph(), &o)
	if err != nil {
		return err
	}
	before := m.Saver
	m.Saver, m.byObjects = s, true
	return before.Close()
}

// objectVariables returns the variables of the model by their keys, or nothing if there are
// values that are no variables.
func (m *Model) objectVariables(saved *objectgraph.Graph) (map[string]saver.Saveable, error) {
	objects := m.MetaGraphDef.GetObjectGraphDef()
	g := savergraph.New(m.MetaGraphDef.GetGraphDef())
	call := nodedef.NodeName(m.MetaGraphDef.GetSaverDef().GetRestoreOpName())
	nodes := map[string]string{} // key → node
	for r, err := range g.AllRestores() {
		if r.Call != call {
			continue
		}
		if err != nil || r.Slice != "" {
			return nil, nil
		}
		if r.VariableID != "" {
			nodes[r.Key] = r.Variable
		}
	}
	keys := saved.VariableKeys(objects)
	captured := map[string]string{} // key → VariableID
	for c := range g.Captures(objects) {
		if len(keys[c.Object]) != 1 {
			continue
		}
		key := keys[c.Object][0]
		if id, ok := captured[key]; ok && id != c.VariableID {
			return nil, nil
		}
		captured[key], nodes[key] = c.VariableID, c.Variable
	}
	found := make(map[string]saver.Saveable, len(nodes))
	for key, node := range nodes {
		op := findOperation(m.Graph(), node, m.Scope)
		if op == nil || op.Type() != "VarHandleOp" {
			return nil, nil
		}
		attr, err := op.Attr("dtype")
		if err != nil {
			return nil, err
		}
		dt, ok := attr.(tf.DataType)
		if !ok {
			return nil, nil
		}
		found[key] = &objectVariable{key: key, dtype: dt, handle: op.Output(0)}
	}
	return found, nil
}
