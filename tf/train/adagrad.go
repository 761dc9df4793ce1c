package train

import (
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/tf"
)

// Adagrad divides the learning rate of each element by the root of its summed squared
// gradients: a ← a + gradient², v ← v - rate·gradient/√a. It is Python's
// tf.compat.v1.train.AdagradOptimizer.
type Adagrad struct {
	// LearningRate is the step size. LearningRateTensor, a scalar of the graph that may
	// be fed or computed from the global step, takes its place if it is set.
	LearningRate       float64
	LearningRateTensor tf.Output
	// InitialAccumulatorValue is the start value of a, which must be positive; 0.1 by
	// default.
	InitialAccumulatorValue float64
	// UseLocking makes concurrent steps wait for one another.
	UseLocking bool
	// Name is the scope of the step's nodes and the name of the slots; empty means
	// "Adagrad".
	Name string
}

// NewAdagrad returns Adagrad with a learning rate and Python's defaults.
func NewAdagrad(learningRate float64) *Adagrad {
	return &Adagrad{LearningRate: learningRate, InitialAccumulatorValue: 0.1}
}

func (o *Adagrad) scope() string { return nameOr(o.Name, "Adagrad") }

func (o *Adagrad) rateTensor() tf.Output { return o.LearningRateTensor }

func (o *Adagrad) check() error {
	if !(float32(o.InitialAccumulatorValue) > 0) {
		return invalid(applyOp, "InitialAccumulatorValue must be positive: %v", o.InitialAccumulatorValue)
	}
	return nil
}

func (o *Adagrad) newUpdater(_ *tf.Graph, vars []*tf.Variable) (updater, error) {
	u := &adagrad{Adagrad: o, accumulator: make(slots)}
	start := func(dims ...int64) tf.Initializer { return tf.Constant(o.InitialAccumulatorValue, dims...) }
	for _, v := range vars {
		if err := u.accumulator.add(v, o.scope(), start, o.InitialAccumulatorValue); err != nil {
			return nil, err
		}
	}
	return u, nil
}

type adagrad struct {
	*Adagrad
	accumulator slots
	rate        tf.Output
}

func (u *adagrad) addHyperparameters(b *graphbuild.Builder) {
	u.rate = addRate(b, u.LearningRate, u.LearningRateTensor)
}

func (u *adagrad) updateDense(b *graphbuild.Builder, v *tf.Variable, grad tf.Output) *tf.Operation {
	return apply(b, "ApplyAdagrad", v, locking(u.UseLocking), v.Handle(), u.accumulator[v].Handle(), b.Cast(u.rate, v.DType()), grad)
}

func (u *adagrad) updateSparse(b *graphbuild.Builder, v *tf.Variable, s *IndexedSlices) *tf.Operation {
	return apply(b, "SparseApplyAdagrad", v, locking(u.UseLocking), v.Handle(), u.accumulator[v].Handle(), b.Cast(u.rate, v.DType()), s.Values, s.Indices)
}
