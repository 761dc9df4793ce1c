package train

import (
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/tf"
)

// Momentum is gradient descent that keeps a part of its last step:
// a ← momentum·a + gradient, v ← v - rate·a. It is Python's
// tf.compat.v1.train.MomentumOptimizer.
type Momentum struct {
	// LearningRate is the step size. LearningRateTensor, a scalar of the graph that may
	// be fed or computed from the global step, takes its place if it is set.
	LearningRate       float64
	LearningRateTensor tf.Output
	// Momentum is the part of a that is kept, such as 0.9.
	Momentum float64
	// UseNesterov looks ahead: v ← v - rate·(gradient + momentum·a).
	UseNesterov bool
	// UseLocking makes concurrent steps wait for one another.
	UseLocking bool
	// Name is the scope of the step's nodes and the name of the slots; empty means
	// "Momentum".
	Name string
}

// NewMomentum returns gradient descent with a learning rate and a momentum.
func NewMomentum(learningRate, momentum float64) *Momentum {
	return &Momentum{LearningRate: learningRate, Momentum: momentum}
}

func (o *Momentum) scope() string { return nameOr(o.Name, "Momentum") }

func (o *Momentum) rateTensor() tf.Output { return o.LearningRateTensor }

func (o *Momentum) check() error { return nil }

func (o *Momentum) newUpdater(_ *tf.Graph, vars []*tf.Variable) (updater, error) {
	u := &momentum{Momentum: o, accumulator: make(slots)}
	for _, v := range vars {
		if err := u.accumulator.addZeros(v, o.scope()); err != nil {
			return nil, err
		}
	}
	return u, nil
}

type momentum struct {
	*Momentum
	accumulator slots
	rate, decay tf.Output
}

func (u *momentum) addHyperparameters(b *graphbuild.Builder) {
	u.rate = addRate(b, u.LearningRate, u.LearningRateTensor)
	u.decay = number(b, "momentum", u.Momentum.Momentum)
}

func (u *momentum) attrs() map[string]any {
	return map[string]any{"use_locking": u.UseLocking, "use_nesterov": u.UseNesterov}
}

func (u *momentum) updateDense(b *graphbuild.Builder, v *tf.Variable, grad tf.Output) *tf.Operation {
	rate, decay := b.Cast(u.rate, v.DType()), b.Cast(u.decay, v.DType())
	return apply(b, "ApplyMomentum", v, u.attrs(), v.Handle(), u.accumulator[v].Handle(), rate, grad, decay)
}

func (u *momentum) updateSparse(b *graphbuild.Builder, v *tf.Variable, s *IndexedSlices) *tf.Operation {
	rate, decay := b.Cast(u.rate, v.DType()), b.Cast(u.decay, v.DType())
	return apply(b, "SparseApplyMomentum", v, u.attrs(), v.Handle(), u.accumulator[v].Handle(), rate, s.Values, s.Indices, decay)
}
