package supervisor

import (
	"context"
	"errors"
	"time"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/train"
)

// attempt opens a session and tries once to make the model ready. If another
// attempt may succeed, supervisor.recoverable is true for the error.
func (s *supervisor) attempt(ctx context.Context) (_ *Running, err error) {
	if err := probeTasks(ctx, s.tasks); err != nil {
		return nil, err
	}
	kept, generation, err := s.checkMarks(ctx)
	if err != nil {
		return nil, err
	}
	sess, err := tf.NewSession(s.g, s.Session)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.discard(sess)
		}
	}()
	defer interruptOn(ctx, sess)()
	r := &Running{Session: sess, s: s}
	if !kept && !s.Worker {
		if err := s.setMarks(ctx, 0); err != nil {
			return nil, err
		}
		if r.Resumed, err = s.restore(ctx, sess); err != nil {
			return nil, err
		}
	}
	if err := s.checkVariables(ctx, sess); err != nil {
		return nil, err
	}
	if err := checkReady(ctx, sess, s.ReadyForLocalInit, "ReadyForLocalInit"); err != nil {
		return nil, err
	}
	if err := runOps(ctx, sess, s.LocalInit); err != nil {
		return nil, &tfkeep.Error{Op: "run local initializers", Cause: err}
	}
	if err := checkReady(ctx, sess, s.Ready, "Ready"); err != nil {
		return nil, err
	}
	if r.Step, r.counted, err = s.readStep(ctx, sess, r.Resumed); err != nil {
		return nil, err
	}
	if kept && !r.counted && s.lastCounted {
		r.Step, r.counted = s.lastDone, true
	}
	if s.generation, err = s.commitMarks(ctx, kept, generation); err != nil {
		return nil, err
	}
	if kept && !s.Worker {
		s.emit(Event{Kind: Kept})
	}
	if !kept {
		point := savePoint{step: r.Step, changes: s.changes.Load(), time: time.Now()}
		if r.Resumed != nil && !r.Resumed.Fresh {
			point.exists, point.path = true, r.Resumed.Path
		}
		s.lastSave.set(point)
	}
	r.done, r.start = r.Step, r.Step
	r.Fresh = r.Resumed != nil && r.Resumed.Fresh
	s.setLastStep(r.Step)
	return r, nil
}

// restore restores the newest checkpoint, or initializes the model if there is none.
func (s *supervisor) restore(ctx context.Context, sess *tf.Session) (*saver.Resumed, error) {
	resumed := &saver.Resumed{Fresh: true}
	if s.Dir != "" {
		var err error
		if resumed, err = s.resume(ctx, sess); err != nil {
			return nil, err
		}
	}
	if resumed.Fresh {
		if err := s.initialize(ctx, sess); err != nil {
			return nil, err
		}
	}
	if s.Prepare != nil {
		if err := s.Prepare(ctx, sess, resumed); err != nil {
			return nil, err
		}
	}
	if resumed.Fresh {
		s.emit(Event{Kind: Initialized})
	} else {
		s.emit(Event{Kind: Resumed, Step: resumed.Step, Path: resumed.Path, Checkpoint: resumed})
	}
	return resumed, nil
}

func (s *supervisor) initialize(ctx context.Context, sess *tf.Session) error {
	init := s.Init
	if init == nil {
		for _, v := range s.g.GlobalVariables() {
			if v.Initializer() == nil {
				return invalid("variable %q has no initializer; set Options.Init", v.Name())
			}
			init = append(init, v.Initializer())
		}
	}
	if len(init) > 0 {
		if _, err := sess.Run(ctx, s.InitFeeds, nil, init, nil); err != nil {
			return &tfkeep.Error{Op: "run initializers", Cause: err}
		}
	}
	if s.InitFunc != nil {
		return s.InitFunc(ctx, sess)
	}
	return nil
}

func runOps(ctx context.Context, sess *tf.Session, ops []*tf.Operation) error {
	if len(ops) == 0 {
		return nil
	}
	return sess.RunOps(ctx, ops...)
}

// readStep returns the step to continue from, and whether there is a number for it: that
// of the graph's global step, or of the checkpoint's name.
func (s *supervisor) readStep(ctx context.Context, sess *tf.Session, resumed *saver.Resumed) (step int64, counted bool, err error) {
	v, err := train.FindGlobalStep(s.g)
	switch {
	case errors.Is(err, tfkeep.ErrNotFound) && resumed != nil && !resumed.Fresh:
		return resumed.Step, resumed.Step > 0, nil
	case errors.Is(err, tfkeep.ErrNotFound):
		return 0, false, nil
	case err != nil:
		return 0, false, err
	}
	step, err = saver.Step(v).Value(ctx, sess)
	return step, err == nil, err
}
