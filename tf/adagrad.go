package tf

// Adagrad divides each element's rate by the root of its summed squared
// gradients: a ← a + gradient², v ← v - rate·gradient/√a. It is Python's
// tf.compat.v1.train.AdagradOptimizer.
type Adagrad struct {
	// LearningRate has to be set, or LearningRateTensor, a scalar that may be fed
	// or computed from the step.
	LearningRate       float64
	LearningRateTensor Output
	// InitialAccumulatorValue is what a starts with, 0.1 by default; it must be
	// positive.
	InitialAccumulatorValue float64
	// UseLocking makes concurrent steps wait for one another.
	UseLocking bool
	// Name is the scope of the step's nodes and the name of the slot, "Adagrad"
	// by default.
	Name string
}

var _ Optimizer = Adagrad{}

// Minimize is described at [Optimizer].
func (o Adagrad) Minimize(g *Graph, loss Output, step *Variable) (*Operation, error) {
	return minimize(o, g, loss, step)
}

// ComputeGradients is described at [Optimizer].
func (o Adagrad) ComputeGradients(g *Graph, loss Output, vars ...*Variable) ([]GradientVariable, error) {
	return computeGradients(o, g, loss, vars)
}

// ApplyGradients is described at [Optimizer].
func (o Adagrad) ApplyGradients(g *Graph, grads []GradientVariable, step *Variable, name string) (*Operation, error) {
	return applyGradients(o, g, grads, step, name)
}

func (o Adagrad) scope() string { return orDefault(o.Name, "Adagrad") }

func (o Adagrad) defaults() (method, error) {
	o.InitialAccumulatorValue = orDefault(o.InitialAccumulatorValue, 0.1)
	if !(float32(o.InitialAccumulatorValue) > 0) {
		return nil, optimizerError(o, "initial_accumulator_value must be positive: %v", o.InitialAccumulatorValue)
	}
	return o, learningRate{o.LearningRate, o.LearningRateTensor}.check(o)
}

func (o Adagrad) state(_ *Graph, vars []*Variable) (updater, error) {
	u := &adagrad{Adagrad: o, accumulator: make(slots)}
	start := func(dims ...int64) Initializer { return Constant(o.InitialAccumulatorValue, dims...) }
	for _, v := range vars {
		if err := u.accumulator.add(v, o.scope(), start, o.InitialAccumulatorValue); err != nil {
			return nil, err
		}
	}
	return u, nil
}

type adagrad struct {
	Adagrad
	noFinish
	accumulator slots
	rate        Output
}

func (u *adagrad) prepare(n *nodes) {
	u.rate = learningRate{u.LearningRate, u.LearningRateTensor}.output(n)
}

func (u *adagrad) dense(n *nodes, v *Variable, grad Output) *Operation {
	return n.apply("Adagrad", v, u.UseLocking, v.handle, u.accumulator[v].handle, n.cast(u.rate, v.dtype), grad)
}

func (u *adagrad) sparse(n *nodes, v *Variable, s *IndexedSlices) *Operation {
	return n.applySparse("Adagrad", v, u.UseLocking, v.handle, u.accumulator[v].handle, n.cast(u.rate, v.dtype), s.Values, s.Indices)
}
