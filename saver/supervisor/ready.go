package supervisor

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/namelist"
	"github.com/tfkeep/tfkeep/tf"
)

// notReadyError is the reason why a worker has to wait. One of its lists is set.
type notReadyError struct {
	marks     []string // the servers without the mark
	variables []string // the variables without a value
	readyOp   []string // the result of Options.Ready
}

func (e *notReadyError) Error() string {
	switch {
	case e.marks != nil:
		return "the chief has not marked the model as ready: no mark on " + strings.Join(e.marks, ", ")
	case e.variables != nil:
		return "variables without a value: " + abbreviate(e.variables)
	}
	return "Options.Ready returned " + abbreviate(e.readyOp)
}

// abbreviate returns the first names of a list that may be long.
func abbreviate(names []string) string { return namelist.Some(names, 10) }

// checkMarks reports whether the servers hold the whole model, and the number on
// their marks. For a chief, the servers hold the model only if this chief has made
// it ready since Run was called.
func (s *supervisor) checkMarks(ctx context.Context) (kept bool, generation int64, err error) {
	if s.marks == nil {
		return false, 0, nil
	}
	generation, err = s.readMarks(ctx)
	var missing *notReadyError
	switch {
	case errors.As(err, &missing) && !s.Worker:
		return false, 0, nil
	case err != nil:
		return false, 0, err
	}
	if generation == s.trained && isLostState(s.outage.cause) {
		// No server was lost: these variables never had a value.
		return false, 0, &finalError{s.outage.cause}
	}
	return s.Worker || generation == s.generation, generation, nil
}

// commitMarks ends an attempt. A chief that has made the model ready sets the marks
// to a new number; otherwise the marks must still have the number that the attempt
// started with.
func (s *supervisor) commitMarks(ctx context.Context, kept bool, generation int64) (int64, error) {
	switch {
	case s.marks == nil:
		return 0, nil
	case !kept:
		generation = newGeneration()
		return generation, s.setMarks(ctx, generation)
	}
	now, err := s.readMarks(ctx)
	if err == nil && now != generation {
		err = &notReadyError{marks: slices.Clone(s.marks.tasks)}
	}
	return generation, err
}

// checkVariables checks that every global variable has a value.
func (s *supervisor) checkVariables(ctx context.Context, sess *tf.Session) error {
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
		return &notReadyError{variables: missing}
	}
	return &tfkeep.Error{
		Op: "make the model ready", Err: tfkeep.ErrUninitialized,
		Detail: abbreviate(missing) + "; add them to the Saver, or set them in Options.Prepare",
	}
}

// checkReady runs ready, the option with the given name.
func checkReady(ctx context.Context, sess *tf.Session, ready tf.Output, option string) error {
	if ready.Op == nil {
		return nil
	}
	got, err := sess.Run(ctx, nil, []tf.Output{ready}, nil, nil)
	if err != nil {
		return err
	}
	defer tf.Release(got...)
	switch v := got[0].Value().(type) {
	case bool:
		if !v {
			return &notReadyError{readyOp: []string{"false"}}
		}
		return nil
	case []string:
		if len(v) > 0 {
			return &notReadyError{readyOp: v}
		}
		return nil
	}
	return invalid("Options.%s returned a %T; it must return a bool or a vector of strings", option, got[0].Value())
}
