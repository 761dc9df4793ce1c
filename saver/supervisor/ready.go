package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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
	if generation == s.trained && lostState(s.outage.cause) {
		// Nothing was lost: these variables never had a value.
		return false, 0, &final{s.outage.cause}
	}
	return s.Worker || generation == s.generation, generation, nil
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
