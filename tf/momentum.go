package tf

// Momentum is gradient descent that keeps going: a ← momentum·a + gradient,
// v ← v - rate·a. It is Python's tf.compat.v1.train.MomentumOptimizer.
type Momentum struct {
	// LearningRate has to be set, or LearningRateTensor, a scalar that may be fed
	// or computed from the step.
	LearningRate       float64
	LearningRateTensor Output
	// Momentum is the part of a that is kept, such as 0.9. Zero is zero.
	Momentum float64
	// UseNesterov looks ahead: v ← v - rate·(gradient + momentum·a).
	UseNesterov bool
	// UseLocking makes concurrent steps wait for one another.
	UseLocking bool
	// Name is the scope of the step's nodes and the name of the slot,
	// "Momentum" by default.
	Name string
}

var _ Optimizer = Momentum{}

// Minimize is described at [Optimizer].
func (o Momentum) Minimize(g *Graph, loss Output, step *Variable) (*Operation, error) {
	return minimize(o, g, loss, step)
}

// ComputeGradients is described at [Optimizer].
func (o Momentum) ComputeGradients(g *Graph, loss Output, vars ...*Variable) ([]GradientVariable, error) {
	return computeGradients(o, g, loss, vars)
}

// ApplyGradients is described at [Optimizer].
func (o Momentum) ApplyGradients(g *Graph, grads []GradientVariable, step *Variable, name string) (*Operation, error) {
	return applyGradients(o, g, grads, step, name)
}

func (o Momentum) scope() string { return orDefault(o.Name, "Momentum") }

func (o Momentum) defaults() (method, error) {
	return o, learningRate{o.LearningRate, o.LearningRateTensor}.check(o)
}

func (o Momentum) state(_ *Graph, vars []*Variable) (updater, error) {
	u := &momentum{Momentum: o, accumulator: make(slots)}
	for _, v := range vars {
		if err := u.accumulator.add(v, o.scope(), Zeros, 0); err != nil {
			return nil, err
		}
	}
	return u, nil
}

type momentum struct {
	Momentum
	noFinish
	accumulator slots
	rate, decay Output
}

func (u *momentum) prepare(n *nodes) {
	u.rate = learningRate{u.LearningRate, u.LearningRateTensor}.output(n)
	u.decay = n.number("momentum", u.Momentum.Momentum)
}

func (u *momentum) attrs() map[string]any {
	return map[string]any{"use_locking": u.UseLocking, "use_nesterov": u.UseNesterov}
}

func (u *momentum) dense(n *nodes, v *Variable, grad Output) *Operation {
	rate, decay := n.cast(u.rate, v.dtype), n.cast(u.decay, v.dtype)
	return n.applyWith("ApplyMomentum", v, u.attrs(), v.handle, u.accumulator[v].handle, rate, grad, decay)
}

func (u *momentum) sparse(n *nodes, v *Variable, s *IndexedSlices) *Operation {
	rate, decay := n.cast(u.rate, v.dtype), n.cast(u.decay, v.dtype)
	return n.applyWith("SparseApplyMomentum", v, u.attrs(), v.handle, u.accumulator[v].handle, rate, s.Values, s.Indices, decay)
}
