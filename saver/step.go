package saver

import (
	"context"
	"fmt"
	"math"
	"reflect"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/tf"
)

// GlobalStep is the number that Save appends to the path: "model-1000". Make one with
// Step. The zero value appends nothing.
type GlobalStep struct {
	number int64
	output tf.Output // its value is the number
	nilVar bool
	given  bool
	counts bool // made by SaveNumber
}

// SaveNumber makes a GlobalStep of the number of the save, which a Saver with Options.Objects
// counts. Then checkpoints have the names that tf.train.CheckpointManager gives them: "ckpt-3"
// is the third save, also if Python made the first two.
func SaveNumber() GlobalStep { return GlobalStep{given: true, counts: true} }

// Step makes a GlobalStep of a number, or of a variable or tensor whose value is read
// when the checkpoint is saved.
func Step[T int | int32 | int64 | *tf.Variable | tf.Output](step T) GlobalStep {
	s := GlobalStep{given: true}
	switch v := any(step).(type) {
	case *tf.Variable:
		if v == nil {
			s.nilVar = true
		} else {
			s.output = v.Value()
		}
	case tf.Output:
		s.output = v
	case int:
		s.number = int64(v)
	case int32:
		s.number = int64(v)
	case int64:
		s.number = v
	}
	return s
}

// Value returns the number. It reads a variable or tensor in sess; an integer of any type
// that has at most 63 bits will do. A number needs no session.
func (s GlobalStep) Value(ctx context.Context, sess *tf.Session) (int64, error) {
	if err := argcheck.Context(ctx, "read the global step", ""); err != nil {
		return 0, err
	}
	switch {
	case s.nilVar:
		return 0, fault(tfkeep.ErrArgument, "the global step is a nil *tf.Variable, which train.FindGlobalStep returns for a graph that has none")
	case s.output.Op == nil:
		return s.number, nil
	}
	if sess == nil {
		return 0, argcheck.Nil("read the global step", "", "session")
	}
	return readStep(ctx, sess, s.output)
}

// readStep reads a global step from a session.
func readStep(ctx context.Context, sess *tf.Session, step tf.Output) (int64, error) {
	got, err := sess.Run(ctx, nil, []tf.Output{step}, nil, nil)
	if err != nil {
		return 0, fmt.Errorf("read the global step: %w", err)
	}
	defer tf.Release(got...)
	v := got[0].Value()
	r := reflect.ValueOf(v)
	switch {
	case r.CanInt():
		return r.Int(), nil
	case r.CanUint() && r.Uint() <= math.MaxInt64:
		return int64(r.Uint()), nil
	}
	return 0, fault(tfkeep.ErrArgument, "the global step %s is %v (%T); it must be an integer of at most 63 bits", step.Op.Name(), v, v)
}
