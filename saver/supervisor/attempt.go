package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// notReady is what a worker waits for.
type notReady struct {
	marks     []string // servers that lack the mark
	variables []string // variables without a value
	said      []string // what Options.Ready says
}

func (e *notReady) Error() string {
	switch {
	case e.marks != nil:
		return "the chief has not said that the model is ready: no mark on " + strings.Join(e.marks, ", ")
	case e.variables != nil:
		return "variables without a value: " + few(e.variables)
	}
	return "Options.Ready says: " + few(e.said)
}

// few are the first names of a list that may be long.
func few(names []string) string {
	const most = 10
	if n := len(names) - most; n > 0 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(names, ", ")
}

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

// kept says whether the servers hold the model, whole. To a chief that is only
// so while they hold what it made ready itself, since Run was called.
func (s *supervisor) kept(ctx context.Context) (bool, int64, error) {
	if s.marks == nil {
		return false, 0, nil
	}
	generation, err := s.readMarks(ctx)
	var missing *notReady
	switch {
	case errors.As(err, &missing):
		if s.Worker {
			return false, 0, err
		}
		return false, 0, nil
	case err != nil:
		return false, 0, err
	}
	kept := s.Worker || generation == s.generation
	if kept && generation == s.generation && lostState(s.outage.cause) {
		// Nothing was lost: these variables never had a value.
		return false, 0, &final{s.outage.cause}
	}
	return kept, generation, nil
}

// sealed is the last act: the chief sets the mark, and the others see that it is
// still the one that they began with.
func (s *supervisor) sealed(ctx context.Context, kept bool, generation int64) (int64, error) {
	switch {
	case s.marks == nil:
		return 0, nil
	case !kept:
		generation = newGeneration()
		return generation, s.setMarks(ctx, generation)
	}
	now, err := s.readMarks(ctx)
	if err == nil && now != generation {
		err = &notReady{marks: slices.Clone(s.marks.tasks)}
	}
	return generation, err
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

// complete sees that every global variable has a value.
func (s *supervisor) complete(ctx context.Context, sess *tf.Session) error {
	vars := s.g.GlobalVariables()
	if len(vars) == 0 {
		return nil
	}
	missing, err := tf.UninitializedVariables(ctx, sess, vars...)
	switch {
	case err != nil:
		return err
	case len(missing) == 0:
		return nil
	case s.Worker || s.generation != 0:
		return &notReady{variables: missing}
	}
	return fmt.Errorf("%w: %s; let the Saver have them, or give them values in Options.Prepare", ErrUninitialized, few(missing))
}

// asked asks Options.Ready.
func (s *supervisor) asked(ctx context.Context, sess *tf.Session) error {
	if s.Ready.Op == nil {
		return nil
	}
	got, err := sess.Run(ctx, nil, []tf.Output{s.Ready}, nil)
	if err != nil {
		return err
	}
	defer tf.Release(got...)
	switch v := got[0].Value().(type) {
	case bool:
		if !v {
			return &notReady{said: []string{"false"}}
		}
		return nil
	case []string:
		if len(v) > 0 {
			return &notReady{said: v}
		}
		return nil
	}
	return fmt.Errorf("%w: Ready gives a %T; it is a bool, or a vector of strings", ErrArgument, got[0].Value())
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

// final is an error that is not to be recovered from, whatever its kind.
type final struct{ error }

func (f *final) Unwrap() error { return f.error }

func (s *supervisor) readMarks(ctx context.Context) (int64, error) {
	return s.withMarks(ctx, s.marks.generation)
}

func (s *supervisor) setMarks(ctx context.Context, generation int64) error {
	if s.marks == nil {
		return nil
	}
	_, err := s.withMarks(ctx, func(ctx context.Context, sess *tf.Session) (int64, error) {
		return 0, s.marks.assign(ctx, sess, generation)
	})
	return err
}

// markTimeout bounds the small runs that concern the marks.
const markTimeout = 10 * time.Second

// withMarks calls f with a session on the marks. It is the first to be opened in
// an attempt, and so the one to hang where a server is gone: when ctx is done, it
// is left to end by itself.
func (s *supervisor) withMarks(ctx context.Context, f func(context.Context, *tf.Session) (int64, error)) (int64, error) {
	o := *s.Session
	limit := markTimeout
	if o.OperationTimeout > 0 {
		limit = min(limit, o.OperationTimeout)
	}
	if s.RecoveryTimeout > 0 {
		limit = min(limit, max(s.RecoveryTimeout-time.Since(s.outage.since), time.Second))
	}
	o.OperationTimeout = limit
	sess, err := tf.NewSession(s.marks.g, &o)
	if err != nil {
		return 0, err
	}
	type result struct {
		n   int64
		err error
	}
	done := make(chan result, 1)
	s.closing.Go(func() {
		n, err := f(ctx, sess)
		done <- result{n, err}
		_ = sess.Close()
	})
	select {
	case r := <-done:
		return r.n, r.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
