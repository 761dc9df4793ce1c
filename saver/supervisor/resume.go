package supervisor

import (
	"context"
	"errors"
	"path/filepath"
	"slices"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// prepareDir takes the lock of the directory, if this client saves there, and writes the
// graph.
func (s *supervisor) prepareDir(ctx context.Context) error {
	if !s.saves() {
		return nil
	}
	if err := s.lockDir(ctx); err != nil {
		return err
	}
	if err := s.checkName(ctx); err != nil || !s.GraphText {
		return err
	}
	def, err := s.g.GraphDef()
	if err != nil {
		return err
	}
	return graphdef.Write(filepath.Join(s.Dir, "graph.pbtxt"), def, &graphdef.WriteOptions{Text: true})
}

// saves reports whether this client saves without being told to.
func (s *supervisor) saves() bool {
	return !s.Worker && (s.SaveSteps > 0 || s.SaveInterval > 0)
}

// withSaveTimeout returns ctx for a save or a restore. In a local session no run has a limit.
func (s *supervisor) withSaveTimeout(ctx context.Context) context.Context {
	if s.Session.Target == "" {
		return ctx
	}
	return tf.WithOperationTimeout(ctx, s.SaveTimeout)
}

func (s *supervisor) lockDir(ctx context.Context) error {
	o := &saver.LockOptions{LatestFilename: s.LatestFilename}
	err := s.sv.Lock(ctx, s.Dir, o)
	if !s.Resume.Wait || !errors.Is(err, tfkeep.ErrLocked) {
		return err
	}
	s.emit(Event{Kind: Waiting, Err: err})
	o.Wait = true
	return s.sv.Lock(ctx, s.Dir, o)
}

// resume restores the newest checkpoint. If Options.Resume accepts a model that has changed,
// it also initializes the variables that have no value and that the Saver does not save.
func (s *supervisor) resume(ctx context.Context, sess *tf.Session) (*saver.Resumed, error) {
	ctx = s.withSaveTimeout(ctx)
	o := *s.Resume
	if o.Initialize == nil {
		o.Initialize = s.initializeVariables
	}
	resumed, err := s.sv.Resume(ctx, sess, s.Dir, &o)
	if err != nil || resumed.Fresh || !o.Partial {
		return resumed, err
	}
	rest, err := uninitialized(ctx, sess)
	if err != nil || len(rest) == 0 {
		return resumed, err
	}
	for _, v := range rest {
		resumed.Report.NotRestored = append(resumed.Report.NotRestored, v.Name())
	}
	return resumed, o.Initialize(ctx, sess, rest)
}

// uninitialized returns the global variables without a value.
func uninitialized(ctx context.Context, sess *tf.Session) ([]*tf.Variable, error) {
	vars := sess.Graph().GlobalVariables()
	if len(vars) == 0 {
		return nil, nil
	}
	names, err := tf.UninitializedVariables(ctx, sess, vars...)
	if err != nil {
		return nil, err
	}
	missing := map[string]bool{}
	for _, name := range names {
		missing[name] = true
	}
	return slices.DeleteFunc(vars, func(v *tf.Variable) bool { return !missing[v.Name()] }), nil
}

// initializeVariables runs the initializers of some variables.
func (s *supervisor) initializeVariables(ctx context.Context, sess *tf.Session, vars []*tf.Variable) error {
	init := make([]*tf.Operation, len(vars))
	for i, v := range vars {
		if init[i] = v.Initializer(); init[i] == nil {
			return invalid("variable %q is not in the checkpoint and has no initializer; set Initialize in Options.Resume", v.Name())
		}
	}
	if _, err := sess.Run(ctx, s.InitFeeds, nil, init, nil); err != nil {
		return &tfkeep.Error{Op: "run initializers", Cause: err}
	}
	return nil
}
