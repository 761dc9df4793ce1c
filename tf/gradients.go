package tf

import (
	"errors"

	"github.com/tfkeep/tfkeep/internal/autodiff"
)

// What stands between a value and its gradient, for errors.Is.
var (
	// ErrNoGradient: an operation on the way has no gradient.
	ErrNoGradient = autodiff.ErrNoGradient
	// ErrControlFlow: a loop or a conditional is on the way.
	ErrControlFlow = autodiff.ErrControlFlow
)

// NoGradientError names the operation that stands in the way; its kind is
// ErrNoGradient or ErrControlFlow.
type NoGradientError = autodiff.NoGradientError

// Gradient is the derivative of a loss with respect to one tensor or variable:
// Dense, of its shape, or Slices, or neither where it has no influence.
type Gradient struct {
	Dense  Output
	Slices *IndexedSlices
}

// IndexedSlices are rows of a tensor along its first dimension: row Indices[i]
// is Values[i], all others are zero, and rows that are named twice add up. They
// are what a lookup in an embedding table gives as its gradient.
type IndexedSlices struct {
	Values     Output // [n, …], with the last dimensions of the tensor
	Indices    Output // [n], int32 or int64
	DenseShape Output // the tensor's shape, int32; without an Op it is not known
}

// IsNone says that there is no gradient, as Python's None does.
func (g Gradient) IsNone() bool { return g.Dense.Op == nil && g.Slices == nil }

// GradientsOptions are the choices of Gradients; nil means none of them.
type GradientsOptions struct {
	// GradYs are the gradients that come in at the ys; ones where the list is
	// shorter, or an output in it has no Op.
	GradYs []Output
	// StopGradients are treated as constants.
	StopGradients []Output
	// Name is the scope of the new nodes, "gradients" by default.
	Name string
}

// Gradients adds nodes that compute, for each x, the derivative of the sum of
// all ys with respect to it, as Python's tf.gradients does. An x may be any
// floating point tensor; to differentiate with respect to a variable give its
// Handle.
//
// TensorFlow's C API does most of the work. The package adds the gradients that
// it lacks: of sparse softmax cross entropy, of lookups (Gather, GatherV2,
// ResourceGather, ResourceGatherNd, the sparse segment sums), of the older fused
// batch normalisations, Concat, Conv3D and some rarer operations; and those that
// it has wrong: of dilated and explicitly padded convolutions, LRN and Atan2. An
// operation without a gradient gives a *NoGradientError, and so do loops and
// conditionals; the graph then stays as it was.
//
// The gradients of reference variables are to be applied by an optimizer's
// ComputeGradients and ApplyGradients: those take care that no variable changes
// while another's gradient still needs it.
func Gradients(g *Graph, ys, xs []Output, o *GradientsOptions) ([]Gradient, error) {
	if o == nil {
		o = new(GradientsOptions)
	}
	built, err := autodiff.Build(g.Graph, ys, xs, &autodiff.Options{
		GradYs: o.GradYs, StopGradients: o.StopGradients, Name: o.Name, UniqueName: g.UniqueName,
	})
	if errors.Is(err, autodiff.ErrInvalid) {
		return nil, invalidf("%v", err)
	}
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
