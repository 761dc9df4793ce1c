package saver

import (
	"context"
	"errors"
	"maps"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/tf"
)

// saverNodes are the nodes of a Saver in its graph, and what they do. That is read from
// the graph once, when it is first needed, because nodes do not change. Saver.turn guards
// it.
type saverNodes struct {
	g        *tf.Graph
	def      *graphdef.SaverDef
	filename tf.Output // fed with the path
	saved    tf.Output // the path, once everything is written
	restore  *tf.Operation

	allow   []string // Options.AllowOps
	read    bool
	save    *savergraph.SavePlan
	saveErr error
	load    []savergraph.Restored
	loadErr error
	sources []tf.Output // parallel to save.Tensors
	fed     []tf.Output // parallel to load
	takes   map[saveKey]*savergraph.Restored
	covered map[string]bool        // the variables that are saved, by name and by VariableID
	parts   *savergraph.TaskGraphs // nil until it is needed

	plainSave    *tf.Operation // the save node, if a file in memory can take what it writes
	plainRestore bool          // whether the restore nodes can read a file in memory
	ram          *ramFiles     // nil until it is needed

	fedUnsafe   error // why Go must not run the restore nodes
	nodesUnsafe error // why they must not read files

	// The step that assigns all of load, for the session of the last
	// restore: laying out thousands of feeds takes as long as running them.
	assign  *tf.Callable
	session *tf.Session
}

// findNodes looks up the nodes that a SaverDef names.
func findNodes(g *tf.Graph, def *graphdef.SaverDef, allow []string) (*saverNodes, error) {
	n := &saverNodes{g: g, def: def, allow: allow}
	var err error
	if n.filename, err = g.OutputByName(def.FilenameTensorName); err != nil {
		return nil, badSaverDef("filename_tensor_name", err)
	}
	if n.saved, err = g.OutputByName(def.SaveTensorName); err != nil {
		return nil, badSaverDef("save_tensor_name", err)
	}
	if n.restore = g.Operation(def.RestoreOpName); n.restore == nil {
		return nil, fault(tfkeep.ErrArgument, "restore_op_name of the SaverDef: the graph has no operation %q", def.RestoreOpName)
	}
	return n, nil
}

func badSaverDef(field string, cause error) error {
	return &tfkeep.Error{Err: tfkeep.ErrArgument, Cause: cause, Detail: field + " of the SaverDef"}
}

// readPlans reads what the nodes do.
func (n *saverNodes) readPlans() error {
	if n.read {
		return nil
	}
	def, err := n.g.GraphDef()
	if err != nil {
		return err // the next call tries again
	}
	n.read = true
	x := savergraph.New(def)
	n.save, n.saveErr = x.Save(n.def.SaveTensorName)
	n.load, n.loadErr = x.Restore(n.def.RestoreOpName)
	if n.saveErr == nil {
		n.sources, n.saveErr = outputs(n.g, n.save.Tensors, func(t *savergraph.Saved) string { return t.Source })
	}
	if n.loadErr == nil {
		n.allowGrowth(x)
		n.fed, n.loadErr = outputs(n.g, n.load, func(t *savergraph.Restored) string { return t.Output })
	}
	n.setCovered(x)
	n.readPlainNodes(def)
	n.checkRuns(def, n.allow)
	return nil
}

func outputs[T any](g *tf.Graph, tensors []T, name func(*T) string) ([]tf.Output, error) {
	out := make([]tf.Output, len(tensors))
	for i := range tensors {
		o, err := g.OutputByName(name(&tensors[i]))
		if err != nil {
			return nil, err
		}
		out[i] = o
	}
	return out, nil
}

// savePlan returns what the save nodes do, and the tensors to fetch for it.
func (n *saverNodes) savePlan() (*savergraph.SavePlan, []tf.Output, error) {
	if err := n.readPlans(); err != nil {
		return nil, nil, err
	}
	return n.save, n.sources, n.saveErr
}

// restorePlan returns what the restore nodes do.
func (n *saverNodes) restorePlan() ([]savergraph.Restored, error) {
	if err := n.readPlans(); err != nil {
		return nil, err
	}
	return n.load, n.loadErr
}

// taskParts returns the parts of both plans that single servers of a cluster can run.
func (n *saverNodes) taskParts() (*savergraph.TaskGraphs, error) {
	if err := n.readPlans(); err != nil {
		return nil, err
	}
	if n.parts != nil || n.saveErr != nil || n.loadErr != nil {
		return n.parts, errors.Join(n.saveErr, n.loadErr)
	}
	def, err := n.g.GraphDef()
	if err != nil {
		return nil, err
	}
	n.parts = savergraph.New(def).SplitByTask(n.save, n.load)
	return n.parts, nil
}

// savedPath returns what the save nodes return for a path: the path itself, or for the
// shards of V1 the pattern that matches them.
func (n *saverNodes) savedPath(path string) string {
	plan, _, err := n.savePlan()
	if err != nil || !plan.V1 || !n.def.Sharded {
		return path
	}
	return filenames.V1Pattern(path, plan.Shards)
}

// runSave runs the save nodes and returns the path that they report.
func (n *saverNodes) runSave(ctx context.Context, sess *tf.Session, path string) (string, error) {
	feed, err := tf.NewTensor(path)
	if err != nil {
		return "", err
	}
	defer tf.Release(feed)
	got, err := sess.Run(ctx, map[tf.Output]*tf.Tensor{n.filename: feed}, []tf.Output{n.saved}, nil, nil)
	if err != nil {
		return "", err
	}
	defer tf.Release(got...)
	saved, ok := got[0].Value().(string)
	if !ok {
		return "", fault(tfkeep.ErrArgument, "save_tensor_name of the SaverDef: %s is not a string", n.def.SaveTensorName)
	}
	return saved, nil
}

// runRestore runs the restore nodes. feeds may replace the keys that they look for.
func (n *saverNodes) runRestore(ctx context.Context, sess *tf.Session, path string, feeds map[tf.Output]*tf.Tensor) error {
	feed, err := tf.NewTensor(path)
	if err != nil {
		return err
	}
	defer tf.Release(feed)
	all := map[tf.Output]*tf.Tensor{n.filename: feed}
	maps.Copy(all, feeds)
	_, err = sess.Run(ctx, all, nil, []*tf.Operation{n.restore}, nil)
	return err
}

// assignAll assigns one value to each tensor of the restore plan, in order.
func (n *saverNodes) assignAll(ctx context.Context, sess *tf.Session, values []*tf.Tensor) error {
	if n.assign == nil || n.session != sess {
		call, err := sess.MakeCallable(n.fed, nil, []*tf.Operation{n.restore}, nil)
		if err != nil {
			return err
		}
		_ = n.assign.Close()
		n.assign, n.session = call, sess
	}
	_, err := n.assign.Run(ctx, values...)
	return err
}

// close frees the prepared step.
func (n *saverNodes) close() {
	if n == nil {
		return
	}
	_ = n.assign.Close()
	n.assign, n.session = nil, nil
	n.ram.close()
	n.ram = nil
}
