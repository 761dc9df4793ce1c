package tf

// RMSProp divides each element's rate by the root of a moving average of its
// squared gradients. It is Python's tf.compat.v1.train.RMSPropOptimizer:
//
//	ms  ← decay·ms + (1-decay)·gradient²
//	mom ← momentum·mom + rate·gradient/√(ms+epsilon)
//	v   ← v - mom
//
// Slices update only the rows that they name.
type RMSProp struct {
	// LearningRate has to be set, or LearningRateTensor, a scalar that may be fed
	// or computed from the step.
	LearningRate       float64
	LearningRateTensor Output
	// Decay is 0.9 by default.
	Decay float64
	// Momentum is 0 by default.
	Momentum float64
	// Epsilon is 1e-10 by default.
	Epsilon float64
	// Centered takes the squared moving average of the gradient off ms: the
	// variance. It needs a third slot.
	Centered bool
	// UseLocking makes concurrent steps wait for one another.
	UseLocking bool
	// Name is the scope of the step's nodes and the name of the slots,
	// "RMSProp" by default.
	Name string
}

var _ Optimizer = RMSProp{}

// Minimize is described at [Optimizer].
func (o RMSProp) Minimize(g *Graph, loss Output, step *Variable) (*Operation, error) {
	return minimize(o, g, loss, step)
}

// ComputeGradients is described at [Optimizer].
func (o RMSProp) ComputeGradients(g *Graph, loss Output, vars ...*Variable) ([]GradientVariable, error) {
	return computeGradients(o, g, loss, vars)
}

// ApplyGradients is described at [Optimizer].
func (o RMSProp) ApplyGradients(g *Graph, grads []GradientVariable, step *Variable, name string) (*Operation, error) {
	return applyGradients(o, g, grads, step, name)
}

func (o RMSProp) scope() string { return orDefault(o.Name, "RMSProp") }

func (o RMSProp) defaults() (method, error) {
	o.Decay = orDefault(o.Decay, 0.9)
	o.Epsilon = orDefault(o.Epsilon, 1e-10)
	return o, learningRate{o.LearningRate, o.LearningRateTensor}.check(o)
}

func (o RMSProp) state(_ *Graph, vars []*Variable) (updater, error) {
	u := &rmsProp{RMSProp: o, square: make(slots), mean: make(slots), momentum: make(slots)}
	for _, v := range vars {
		if err := u.square.add(v, o.scope(), Ones, 1); err != nil {
			return nil, err
		}
		if o.Centered {
			if err := u.mean.add(v, o.scope(), Zeros, 0); err != nil {
				return nil, err
			}
		}
		if err := u.momentum.add(v, o.scope(), Zeros, 0); err != nil {
			return nil, err
		}
	}
	return u, nil
}

type rmsProp struct {
	RMSProp
	noFinish
	square, mean, momentum          slots
	rate, decay, keptSpeed, epsilon Output
}

func (u *rmsProp) prepare(n *nodes) {
	u.rate = learningRate{u.LearningRate, u.LearningRateTensor}.output(n)
	u.decay = n.number("decay", u.Decay)
	u.keptSpeed = n.number("momentum", u.Momentum)
	u.epsilon = n.number("epsilon", u.Epsilon)
}

func (u *rmsProp) kind() string {
	if u.Centered {
		return "CenteredRMSProp"
	}
	return "RMSProp"
}

// inputs are those that dense and sparse updates begin with.
func (u *rmsProp) inputs(n *nodes, v *Variable) []Output {
	in := []Output{v.handle}
	if u.Centered {
		in = append(in, u.mean[v].handle)
	}
	in = append(in, u.square[v].handle, u.momentum[v].handle)
	for _, number := range []Output{u.rate, u.decay, u.keptSpeed, u.epsilon} {
		in = append(in, n.cast(number, v.dtype))
	}
	return in
}

func (u *rmsProp) dense(n *nodes, v *Variable, grad Output) *Operation {
	return n.apply(u.kind(), v, u.UseLocking, append(u.inputs(n, v), grad)...)
}

func (u *rmsProp) sparse(n *nodes, v *Variable, s *IndexedSlices) *Operation {
	return n.applySparse(u.kind(), v, u.UseLocking, append(u.inputs(n, v), s.Values, s.Indices)...)
}
