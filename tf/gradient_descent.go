package tf

// GradientDescent is plain gradient descent: v ← v - rate·gradient. It is
// Python's tf.compat.v1.train.GradientDescentOptimizer.
type GradientDescent struct {
	// LearningRate has to be set, or LearningRateTensor, a scalar that may be fed
	// or computed from the step.
	LearningRate       float64
	LearningRateTensor Output
	// UseLocking makes concurrent steps of reference and resource variables
	// wait for one another.
	UseLocking bool
	// Name is the scope of the step's nodes, "GradientDescent" by default.
	Name string
}

var _ Optimizer = GradientDescent{}

// Minimize is described at [Optimizer].
func (o GradientDescent) Minimize(g *Graph, loss Output, step *Variable) (*Operation, error) {
	return minimize(o, g, loss, step)
}

// ComputeGradients is described at [Optimizer].
func (o GradientDescent) ComputeGradients(g *Graph, loss Output, vars ...*Variable) ([]GradientVariable, error) {
	return computeGradients(o, g, loss, vars)
}

// ApplyGradients is described at [Optimizer].
func (o GradientDescent) ApplyGradients(g *Graph, grads []GradientVariable, step *Variable, name string) (*Operation, error) {
	return applyGradients(o, g, grads, step, name)
}

func (o GradientDescent) scope() string { return orDefault(o.Name, "GradientDescent") }

func (o GradientDescent) defaults() (method, error) {
	return o, learningRate{o.LearningRate, o.LearningRateTensor}.check(o)
}

func (o GradientDescent) state(*Graph, []*Variable) (updater, error) {
	return &gradientDescent{GradientDescent: o}, nil
}

type gradientDescent struct {
	GradientDescent
	noFinish
	rate Output
}

func (u *gradientDescent) prepare(n *nodes) {
	u.rate = learningRate{u.LearningRate, u.LearningRateTensor}.output(n)
}

func (u *gradientDescent) dense(n *nodes, v *Variable, grad Output) *Operation {
	return n.apply("GradientDescent", v, u.UseLocking, v.handle, n.cast(u.rate, v.dtype), grad)
}

// addsRows: each row is added to the variable, so the same one may come twice.
func (u *gradientDescent) addsRows() {}

func (u *gradientDescent) sparse(n *nodes, v *Variable, s *IndexedSlices) *Operation {
	if v.resource {
		minus := n.value("Neg", "Neg", s.Values)
		delta := n.value("Mul", "mul", minus, n.cast(u.rate, v.dtype))
		return n.op("ResourceScatterAdd", map[string]any{"dtype": v.dtype}, v.handle, s.Indices, delta)
	}
	delta := n.value("Mul", "mul", s.Values, n.cast(u.rate, v.dtype))
	return n.op("ScatterSub", map[string]any{"use_locking": u.UseLocking}, v.handle, s.Indices, delta)
}
