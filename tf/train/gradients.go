package train

import (
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/train/internal/autodiff"
)

// Gradient is the derivative of a loss with respect to one tensor or variable: Dense, in
// the shape of the tensor, or Slices. It is empty if the tensor does not influence the
// loss.
type Gradient struct {
	Dense  tf.Output
	Slices *IndexedSlices
}

// IndexedSlices are rows of a tensor along its first dimension: row Indices[i] is
// Values[i], and all other rows are zero. Rows that are named twice add up. It is the
// gradient of a lookup in an embedding table.
type IndexedSlices struct {
	Values     tf.Output // shape [n, …], with the last dimensions of the tensor
	Indices    tf.Output // shape [n], int32 or int64
	DenseShape tf.Output // the tensor's shape, int32; its Op is nil if it is not known
}

// IsNone reports whether there is no gradient, as Python's None does.
func (g Gradient) IsNone() bool { return g.Dense.Op == nil && g.Slices == nil }

// GradientsOptions are the options of [Gradients]. Nil and the zero value are the
// defaults.
type GradientsOptions struct {
	// GradYs are the gradients with respect to the ys. An output without an Op, and an
	// output that a shorter list lacks, means ones.
	GradYs []tf.Output
	// StopGradients are tensors through which no gradient goes back: they are treated as
	// constants, and so are all outputs of their operations, as in Python. One that is an x has a
	// gradient nevertheless, so xs and StopGradients that are equal give partial derivatives.
	StopGradients []tf.Output
	// Name is the scope of the new nodes, "gradients" by default.
	Name string
	// Recompute are scopes, such as "block1", whose operations run again when the gradient
	// needs their results, so that the results need not be kept until then: less memory for
	// more work, as with Python's tf.recompute_grad. Random numbers and the values of variables
	// are kept. All operations of a scope run again as one, so that none of another scope may lie
	// between them, and no x.
	Recompute []string
}

// Gradients adds nodes that compute, for each x, the derivative of the sum of all ys with
// respect to it, as Python's tf.gradients does. An x may be any floating point tensor; to
// differentiate with respect to a variable, pass its Handle.
//
// An operation is differentiated by the rule that Python registers for it, and
// [RegisterGradient] adds rules. The gradient of a lookup is slices where Python's is: they pass
// through Identity, Neg, sums of equal shapes and the like, and sums of slices are slices.
// docs/gradients.md says what is left out.
//
// It differentiates functions, conditionals and loops of the kind that tf.While makes and
// Python writes today, and TensorLists; also the conditionals and while loops of TensorFlow 1
// (Switch, Merge, Enter and so on) and the TensorArrays that they use: those of Python's
// tf.cond, while_loop and dynamic_rnn with control flow v2 disabled. The arguments back_prop and swap_memory of
// while_loop have effect if the graph comes from a meta graph, whose collections have them.
//
// A call, conditional or loop that a session of tf.NewSession has run already is refused, because
// the session would fail from then on. The C library does not tell of sessions that the binding's
// NewSession opened: close them first.
//
// An operation without a gradient is an error of the kind [ErrNoGradient], and control flow
// that cannot be differentiated one of the kind [ErrControlFlow]. The error is a *tfkeep.Error
// with the name of the operation, and the graph stays as it was.
//
// Apply the gradients of reference variables with [ComputeGradients] and
// [ApplyGradients]. They make sure that no variable changes while another gradient still
// needs its value.
func Gradients(g *tf.Graph, ys, xs []tf.Output, opts *GradientsOptions) ([]Gradient, error) {
	if opts == nil {
		opts = new(GradientsOptions)
	}
	if err := g.Err(); err != nil {
		return nil, err
	}
	built, err := autodiff.Build(g.Binding(), ys, xs, &autodiff.Options{
		GradYs: opts.GradYs, StopGradients: opts.StopGradients, Name: opts.Name, UniqueName: g.UniqueName, Loops: loopArguments(g), Recompute: opts.Recompute,
		Custom: customGradients(g),
	})
	if err != nil {
		return nil, err
	}
	grads := make([]Gradient, len(built))
	for i, b := range built {
		grads[i].Dense = b.Dense
		if s := b.Slices; s != nil {
			grads[i].Slices = &IndexedSlices{Values: s.Values, Indices: s.Indices, DenseShape: s.DenseShape}
		}
	}
	return grads, nil
}
