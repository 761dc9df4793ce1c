package savedmodel

import (
	"context"
	"io/fs"
	"slices"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/graphdef/safety"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// checkSafety reads what the model runs while it is loaded, and refuses the model if that
// reaches out of it.
func (m *Model) checkSafety(files *folder, mg *graphdef.MetaGraphDef, limits *check.Limits) error {
	var err error
	if m.plan, err = safety.NewPlan(mg); err != nil {
		return &tfkeep.Error{Op: "load", Path: files.name, Cause: err}
	}
	if m.opts.AllowAllOps {
		return nil
	}
	runs := []*safety.Run{m.plan.Restore(), m.plan.Initialization()}
	for _, r := range runs {
		if r != nil {
			r.Limits = limits
		}
	}
	if m.opts.CheckSignatures {
		runs = append(runs, m.plan.Signatures()...)
	}
	for _, r := range runs {
		if r == nil {
			continue
		}
		r.Allow = m.opts.AllowOps
		if err := r.Check(mg.GetGraphDef()); err != nil {
			return &tfkeep.Error{Op: "load", Path: files.name, Cause: err}
		}
	}
	return nil
}

// ScanOptions are the options of [ScanPredict]. Nil and the zero value are the defaults.
type ScanOptions struct {
	// FS is that of LoadOptions.
	FS fs.FS
	// Tags choose the graph, as those of [Load] do.
	Tags []string
	// Keys are the signatures to look at; nil means all, and the training step.
	Keys []string
	// AllowOps names ops that may run although package safety refuses them.
	AllowOps []string
}

// ScanPredict finds out, from the files alone, whether the signatures of a model in dir
// would reach out of it when they are called: read or write files, call other machines, wait
// without end, or end the process. A loop whose condition is always true counts too. The error
// is then a [*safety.Error], a tfkeep.ErrUnsafe that names the nodes. Ops that are not reviewed, such as those of a
// library of custom ops, count too. LoadOptions.CheckSignatures makes the loader do this.
func ScanPredict(dir string, o *ScanOptions) error {
	if o == nil {
		o = &ScanOptions{}
	}
	files, err := openFolder(dir, o.FS)
	if err != nil {
		return err
	}
	defer files.Close()
	mg, _, err := files.graph(o.Tags)
	if err != nil {
		return err
	}
	plan, err := safety.NewPlan(mg)
	if err != nil {
		return &tfkeep.Error{Op: "scan", Path: dir, Cause: err}
	}
	runs := plan.Signatures()
	if o.Keys != nil {
		runs = nil
		for _, key := range o.Keys {
			runs = append(runs, plan.Signature(key))
		}
	}
	for _, r := range runs {
		r.Allow = o.AllowOps
		if err := r.Check(mg.GetGraphDef()); err != nil {
			return &tfkeep.Error{Op: "scan", Path: dir, Cause: err}
		}
	}
	return nil
}

// allowed returns the ops that may run although package safety refuses them.
func (m *Model) allowed(g *graphdef.GraphDef) []string {
	if m.opts.AllowAllOps {
		return opdef.Used(g)
	}
	return m.opts.AllowOps
}

func (m *Model) saverOptions(g *graphdef.GraphDef) *saver.Options {
	var o saver.Options
	if m.opts.Saver != nil {
		o = *m.opts.Saver
	}
	o.AllowOps = slices.Concat(o.AllowOps, m.allowed(g))
	before, after := o.BeforeSave, o.AfterRestore
	o.BeforeSave = func(ctx context.Context, sess *tf.Session) error {
		if before != nil {
			if err := before(ctx, sess); err != nil {
				return err
			}
		}
		return copyTwins(ctx, sess, m.twins.store)
	}
	o.AfterRestore = func(ctx context.Context, sess *tf.Session) error {
		if err := copyTwins(ctx, sess, m.twins.load); err != nil || after == nil {
			return err
		}
		return after(ctx, sess)
	}
	return &o
}

// restoreByFunctions has the functions of a model of TensorFlow 2 read the checkpoint,
// after a check that it has what they read. The Saver reads all of it first.
func (m *Model) restoreByFunctions(ctx context.Context, files *folder, r *checkpoint.Reader) error {
	def := m.MetaGraphDef.GetSaverDef()
	for want, err := range savergraph.New(m.MetaGraphDef.GetGraphDef()).AllRestores() {
		if err != nil || want.Call != nodedef.NodeName(def.GetRestoreOpName()) {
			continue
		}
		have, ok := r.Lookup(want.Key)
		fault := &tfkeep.Error{Op: "restore", Path: files.name, Item: "tensor", Name: want.Key, Detail: "function " + want.Func + " reads it"}
		switch {
		case !ok:
			fault.Err = tfkeep.ErrNotFound
			return fault
		case have.DType != want.DType:
			fault.Err = tfkeep.ErrMismatch
			return fault
		}
	}
	prefix, err := files.checkpointPath()
	if err != nil {
		return err
	}
	_, err = m.Saver.Restore(ctx, m.Session, prefix, nil)
	return err
}
