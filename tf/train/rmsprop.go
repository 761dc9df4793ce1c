package train

import (
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/tf"
)

// RMSProp divides the learning rate of each element by the root of a moving average of
// its squared gradients. It is Python's tf.compat.v1.train.RMSPropOptimizer:
//
//	ms  ← decay·ms + (1-decay)·gradient²
//	mom ← momentum·mom + rate·gradient/√(ms+epsilon)
//	v   ← v - mom
//
// A gradient of slices updates only the rows that it names.
type RMSProp struct {
	// LearningRate is the step size. LearningRateTensor, a scalar of the graph that may
	// be fed or computed from the global step, takes its place if it is set.
	LearningRate       float64
	LearningRateTensor tf.Output
	// Decay is the part of ms that is kept, 0.9 by default.
	Decay float64
	// Momentum is the part of mom that is kept, 0 by default.
	Momentum float64
	// Epsilon keeps the divisor from zero, 1e-10 by default.
	Epsilon float64
	// Centered subtracts the squared moving average of the gradient from ms, which gives
	// the variance. It needs a third slot.
	Centered bool
	// UseLocking makes concurrent steps wait for one another.
	UseLocking bool
	// Name is the scope of the step's nodes and the name of the slots; empty means
	// "RMSProp".
	Name string
}

// NewRMSProp returns RMSProp with a learning rate and Python's defaults.
func NewRMSProp(learningRate float64) *RMSProp {
	return &RMSProp{LearningRate: learningRate, Decay: 0.9, Epsilon: 1e-10}
}

func (o *RMSProp) scope() string { return nameOr(o.Name, "RMSProp") }

func (o *RMSProp) rateTensor() tf.Output { return o.LearningRateTensor }

func (o *RMSProp) check() error {
	if o.Decay == 0 && o.Epsilon == 0 {
		return invalid(applyOp, "Decay and Epsilon are both 0: make the optimizer with NewRMSProp, which sets Python's defaults")
	}
	return nil
}

func (o *RMSProp) newUpdater(_ *tf.Graph, vars []*tf.Variable) (updater, error) {
	u := &rmsProp{RMSProp: o, square: make(slots), mean: make(slots), momentum: make(slots)}
	for _, v := range vars {
		if err := u.square.add(v, o.scope(), tf.Ones, 1); err != nil {
			return nil, err
		}
		if o.Centered {
			if err := u.mean.addZeros(v, o.scope()); err != nil {
				return nil, err
			}
		}
		if err := u.momentum.addZeros(v, o.scope()); err != nil {
			return nil, err
		}
	}
	return u, nil
}

type rmsProp struct {
	*RMSProp
	square, mean, momentum               slots
	rate, decay, momentumFactor, epsilon tf.Output
}

func (u *rmsProp) addHyperparameters(b *graphbuild.Builder) {
	u.rate = addRate(b, u.LearningRate, u.LearningRateTensor)
	u.decay = number(b, "decay", u.Decay)
	u.momentumFactor = number(b, "momentum", u.Momentum)
	u.epsilon = number(b, "epsilon", u.Epsilon)
}

func (u *rmsProp) kind() string {
	if u.Centered {
		return "CenteredRMSProp"
	}
	return "RMSProp"
}

// inputs returns the inputs with which dense and sparse updates begin.
func (u *rmsProp) inputs(b *graphbuild.Builder, v *tf.Variable) []tf.Input {
	in := []tf.Input{v.Handle()}
	if u.Centered {
		in = append(in, u.mean[v].Handle())
	}
	in = append(in, u.square[v].Handle(), u.momentum[v].Handle())
	for _, number := range []tf.Output{u.rate, u.decay, u.momentumFactor, u.epsilon} {
		in = append(in, b.Cast(number, v.DType()))
	}
	return in
}

func (u *rmsProp) updateDense(b *graphbuild.Builder, v *tf.Variable, grad tf.Output) *tf.Operation {
	return apply(b, "Apply"+u.kind(), v, locking(u.UseLocking), append(u.inputs(b, v), grad)...)
}

func (u *rmsProp) updateSparse(b *graphbuild.Builder, v *tf.Variable, s *IndexedSlices) *tf.Operation {
	return apply(b, "SparseApply"+u.kind(), v, locking(u.UseLocking), append(u.inputs(b, v), s.Values, s.Indices)...)
}
