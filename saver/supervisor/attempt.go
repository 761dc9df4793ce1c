package supervisor

import (
	"context"
	"fmt"
	"time"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// attempt opens a session and makes the model ready once. Its errors are those
// of a loss where another attempt may do better.
func (s *supervisor) attempt(ctx context.Context) (_ *Running, err error) {
	if err := reach(ctx, s.tasks); err != nil {
		return nil, err
	}
	kept, generation, err := s.kept(ctx)
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
	if err := s.complete(ctx, sess); err != nil {
		return nil, err
	}
	if err := runOps(ctx, sess, s.LocalInit); err != nil {
		return nil, fmt.Errorf("supervisor: local initialization: %w", err)
	}
	if err := s.asked(ctx, sess); err != nil {
		return nil, err
	}
	if r.Step, err = s.step(ctx, sess, r.Resumed); err != nil {
		return nil, err
	}
	if s.generation, err = s.sealed(ctx, kept, generation); err != nil {
		return nil, err
	}
	if kept && !s.Worker {
		s.event(Kept{})
	}
	if !kept {
		s.saved.set(saves{step: r.Step, time: time.Now(), any: r.Resumed != nil && !r.Resumed.Fresh})
	}
	r.done = r.Step
	return r, nil
}

// restore gives the variables their values.
func (s *supervisor) restore(ctx context.Context, sess *tf.Session) (*saver.Resumed, error) {
	resumed := &saver.Resumed{Step: -1, Fresh: true}
	if s.Dir != "" {
		var err error
		long := tf.WithOperationTimeout(ctx, s.SaveTimeout)
		if resumed, err = s.sv.Resume(long, sess, s.Dir, &saver.ResumeOptions{LatestFilename: s.LatestFilename}); err != nil {
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
		s.event(Initialized{})
	} else {
		s.event(Resumed{resumed})
	}
	return resumed, nil
}

func (s *supervisor) initialize(ctx context.Context, sess *tf.Session) error {
	init := s.Init
	if init == nil {
		for _, v := range s.g.GlobalVariables() {
			if v.Initializer() == nil {
				return fmt.Errorf("%w: variable %q has no initializer: set Options.Init", ErrArgument, v.Name())
			}
			init = append(init, v.Initializer())
		}
	}
	if err := runOps(ctx, sess, init); err != nil {
		return fmt.Errorf("supervisor: initialization: %w", err)
	}
	return nil
}

func runOps(ctx context.Context, sess *tf.Session, ops []*tf.Operation) error {
	if len(ops) == 0 {
		return nil
	}
	return sess.RunOps(ctx, ops...)
}

// step is the step to go on from.
func (s *supervisor) step(ctx context.Context, sess *tf.Session, resumed *saver.Resumed) (int64, error) {
	v, err := tf.FindGlobalStep(s.g)
	if err != nil {
		return 0, err
	}
	if v == nil {
		if resumed != nil {
			return resumed.Step, nil
		}
		return -1, nil
	}
	got, err := sess.Run(ctx, nil, []tf.Output{v.Value()}, nil)
	if err != nil {
		return 0, err
	}
	defer tf.Release(got...)
	switch n := got[0].Value().(type) {
	case int64:
		return n, nil
	case int32:
		return int64(n), nil
	}
	return 0, fmt.Errorf("%w: the global step is no int64 or int32", ErrArgument)
}
