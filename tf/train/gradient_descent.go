package train

import (
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/tf"
)

// GradientDescent is plain gradient descent, v ← v - rate·gradient. It is Python's
// tf.compat.v1.train.GradientDescentOptimizer.
type GradientDescent struct {
	// LearningRate is the step size. LearningRateTensor, a scalar of the graph that may
	// be fed or computed from the global step, takes its place if it is set.
	LearningRate       float64
	LearningRateTensor tf.Output
	// UseLocking makes concurrent steps wait for one another.
	UseLocking bool
	// Name is the scope of the step's nodes; empty means "GradientDescent".
	Name string
}

// NewGradientDescent returns gradient descent with a learning rate.
func NewGradientDescent(learningRate float64) *GradientDescent {
	return &GradientDescent{LearningRate: learningRate}
}

func (o *GradientDescent) scope() string { return nameOr(o.Name, "GradientDescent") }

func (o *GradientDescent) rateTensor() tf.Output { return o.LearningRateTensor }

func (o *GradientDescent) check() error { return nil }

//nolint:unparam // Optimizer demands the error
func (o *GradientDescent) newUpdater(*tf.Graph, []*tf.Variable) (updater, error) {
	return &gradientDescent{GradientDescent: o}, nil
}

type gradientDescent struct {
	*GradientDescent
	rate tf.Output
}

func (u *gradientDescent) addHyperparameters(b *graphbuild.Builder) {
	u.rate = addRate(b, u.LearningRate, u.LearningRateTensor)
}

func (u *gradientDescent) updateDense(b *graphbuild.Builder, v *tf.Variable, grad tf.Output) *tf.Operation {
	return apply(b, "ApplyGradientDescent", v, locking(u.UseLocking), v.Handle(), b.Cast(u.rate, v.DType()), grad)
}

// addsRows marks that each row is added to the variable, so that the same row may come
// twice.
func (u *gradientDescent) addsRows() {}

func (u *gradientDescent) updateSparse(b *graphbuild.Builder, v *tf.Variable, s *IndexedSlices) *tf.Operation {
	if v.IsResource() {
		minus := b.Value("Neg", "Neg", s.Values)
		delta := b.Value("Mul", "mul", minus, b.Cast(u.rate, v.DType()))
		return b.Op("ResourceScatterAdd", map[string]any{"dtype": v.DType()}, v.Handle(), s.Indices, delta)
	}
	delta := b.Value("Mul", "mul", s.Values, b.Cast(u.rate, v.DType()))
	return b.Op("ScatterSub", locking(u.UseLocking), v.Handle(), s.Indices, delta)
}
