package train

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/tf"
)

// checkStep returns an error if a step cannot work with an optimizer and options. It comes
// before the slots are made, so that a graph whose step is refused stays as it was.
func checkStep(g *tf.Graph, o Optimizer, opts *ApplyOptions) error {
	if v := reflect.ValueOf(o); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return invalid(applyOp, "the optimizer is nil: make one with NewAdam or another of these functions")
	}
	if err := o.check(); err != nil {
		return err
	}
	if err := checkRate(g, o.rateTensor()); err != nil {
		return err
	}
	for i, op := range opts.ControlDependencies {
		if err := checkOwn(g, op); err != nil {
			return invalid(applyOp, "ControlDependencies[%d]: %v", i, err)
		}
	}
	return checkGlobalStep(g, opts.GlobalStep)
}

// checkRate checks a LearningRateTensor, which may be empty. Python converts its type, too.
func checkRate(g *tf.Graph, rate tf.Output) error {
	if rate.Op == nil {
		return nil
	}
	if err := checkTensor(g, rate); err != nil {
		return invalid(applyOp, "LearningRateTensor: %v", err)
	}
	if dt := graphbuild.TypeOf(rate); !graphbuild.IsFloat(dt) && !graphbuild.IsInteger(dt) {
		return invalid(applyOp, "LearningRateTensor %s has type %s; it must be a number", graphbuild.TensorName(rate), dtype.Name(dt))
	}
	if shape := rate.Shape(); shape.NumDimensions() > 0 {
		return invalid(applyOp, "LearningRateTensor %s has shape %v; it must be a scalar, as op.Const(s, float32(0.1)) is", graphbuild.TensorName(rate), shape)
	}
	return nil
}

func checkGlobalStep(g *tf.Graph, step *tf.Variable) error {
	if step == nil {
		return nil
	}
	if step.Graph() != g || !graphbuild.IsInteger(step.DType()) {
		return invalid(applyOp, "the global step %q must be an integer variable of the same graph", step.Name())
	}
	if shape := step.Shape(); shape.NumDimensions() > 0 {
		return invalid(applyOp, "the global step %q has shape %v; it must be a scalar", step.Name(), shape)
	}
	return nil
}

// checkOwn returns an error unless op is an operation of g.
func checkOwn(g *tf.Graph, op *tf.Operation) error {
	if capi.CheckOperation(op) != nil {
		return errors.New("the operation is nil: look at the error of the call that should have added it")
	}
	if own := g.Operation(op.Name()); own == nil || *own != *op {
		return fmt.Errorf("operation %q belongs to another graph", op.Name())
	}
	return nil
}

// checkTensor returns an error unless o is an output of an operation of g.
func checkTensor(g *tf.Graph, o tf.Output) error {
	if err := checkOwn(g, o.Op); err != nil {
		return err
	}
	if n := o.Op.NumOutputs(); o.Index < 0 || o.Index >= n {
		return fmt.Errorf("operation %q has %d outputs and no output %d", o.Op.Name(), n, o.Index)
	}
	return nil
}

// checkGradient checks the gradient of a variable, which may be empty.
func checkGradient(g *tf.Graph, gv GradientVariable) error {
	name, grad := gv.Variable.Name(), gv.Gradient.Dense
	if s := gv.Gradient.Slices; s != nil {
		if s.Values.Op == nil || s.Indices.Op == nil {
			return invalid(applyOp, "the slices for %q have no Values or no Indices", name)
		}
		grad = s.Values
		if err := checkTensor(g, s.Indices); err != nil {
			return invalid(applyOp, "the indices of the slices for %q: %v", name, err)
		}
	}
	if grad.Op == nil {
		return nil
	}
	if err := checkTensor(g, grad); err != nil {
		return invalid(applyOp, "the gradient of %q: %v", name, err)
	}
	if got, want := graphbuild.TypeOf(grad), gv.Variable.DType(); got != want {
		return invalid(applyOp, "the gradient of %q, %s, has type %s, but the variable has type %s: convert with op.Cast", name, graphbuild.TensorName(grad), dtype.Name(got), dtype.Name(want))
	}
	return nil
}
