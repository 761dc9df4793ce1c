package tf

// Adam scales a moving average of the gradient by one of its square. It is
// Python's tf.compat.v1.train.AdamOptimizer; at step t, from 1:
//
//	rate_t = rate·√(1-beta2^t)/(1-beta1^t)
//	m ← beta1·m + (1-beta1)·gradient
//	s ← beta2·s + (1-beta2)·gradient²
//	v ← v - rate_t·m/(√s+epsilon)
//
// Slices move all rows of m, s and v, as a dense gradient with zeros would.
type Adam struct {
	// LearningRate is 0.001 by default. LearningRateTensor, a scalar that may be
	// fed or computed from the step, goes before it.
	LearningRate       float64
	LearningRateTensor Output
	// Beta1 is 0.9 by default, Beta2 is 0.999.
	Beta1, Beta2 float64
	// Epsilon is 1e-8 by default.
	Epsilon float64
	// UseLocking makes concurrent steps wait for one another.
	UseLocking bool
	// Name is the scope of the step's nodes and the name of the slots, "Adam"
	// by default.
	Name string
}

var _ Optimizer = Adam{}

// Minimize is described at [Optimizer].
func (o Adam) Minimize(g *Graph, loss Output, step *Variable) (*Operation, error) {
	return minimize(o, g, loss, step)
}

// ComputeGradients is described at [Optimizer].
func (o Adam) ComputeGradients(g *Graph, loss Output, vars ...*Variable) ([]GradientVariable, error) {
	return computeGradients(o, g, loss, vars)
}

// ApplyGradients is described at [Optimizer].
func (o Adam) ApplyGradients(g *Graph, grads []GradientVariable, step *Variable, name string) (*Operation, error) {
	return applyGradients(o, g, grads, step, name)
}

func (o Adam) scope() string { return orDefault(o.Name, "Adam") }

func (o Adam) defaults() (method, error) {
	o.LearningRate = orDefault(o.LearningRate, 0.001)
	o.Beta1 = orDefault(o.Beta1, 0.9)
	o.Beta2 = orDefault(o.Beta2, 0.999)
	o.Epsilon = orDefault(o.Epsilon, 1e-8)
	return o, nil
}

func (o Adam) state(g *Graph, vars []*Variable) (updater, error) {
	u := &adam{Adam: o, m: make(slots), s: make(slots)}
	// The powers live with the variable whose name comes first, so that all
	// workers of a cluster agree on the place.
	with := vars[0]
	for _, v := range vars {
		if v.name < with.name {
			with = v
		}
	}
	power := func(name string, start float64) (*Variable, error) {
		return NewVariableWith(g, g.UniqueName(name), Value(float32(start)), &VariableOptions{
			NotTrainable: true, Ref: !with.resource, ColocateWith: with,
		})
	}
	var err error
	if u.power1, err = power("beta1_power", o.Beta1); err != nil {
		return nil, err
	}
	if u.power2, err = power("beta2_power", o.Beta2); err != nil {
		return nil, err
	}
	for _, v := range vars {
		if err := u.m.add(v, o.scope(), Zeros, 0); err != nil {
			return nil, err
		}
		if err := u.s.add(v, o.scope(), Zeros, 0); err != nil {
			return nil, err
		}
	}
	return u, nil
}

type adam struct {
	Adam
	m, s                        slots
	power1, power2              *Variable
	rate, beta1, beta2, epsilon Output
}

func (u *adam) prepare(n *nodes) {
	u.rate = learningRate{u.LearningRate, u.LearningRateTensor}.output(n)
	u.beta1 = n.number("beta1", u.Beta1)
	u.beta2 = n.number("beta2", u.Beta2)
	u.epsilon = n.number("epsilon", u.Epsilon)
}

func (u *adam) dense(n *nodes, v *Variable, grad Output) *Operation {
	typ := "ApplyAdam"
	if v.resource {
		typ = "ResourceApplyAdam"
	}
	// What is read for the operation is read in its scope, what is read for a
	// cast in the cast's, and the casts come first.
	name := ""
	var late []*Variable
	read := func(p *Variable) Output { late = append(late, p); return Output{} }
	powers := []Output{n.castVariable(u.power1, v.dtype, read), n.castVariable(u.power2, v.dtype, read)}
	inputs := []Output{v.handle, u.m[v].handle, u.s[v].handle, powers[0], powers[1]}
	for _, number := range []Output{u.rate, u.beta1, u.beta2, u.epsilon} {
		inputs = append(inputs, n.cast(number, v.dtype))
	}
	name = n.unique(typ)
	for i, p := range late {
		inputs[3+i] = n.readAs(p, name+"/ReadVariableOp")
	}
	attrs := map[string]any{"use_locking": u.UseLocking}
	return n.add(typ, name, attrs, append(inputs, grad)...)
}

// sparse is made of simple operations: TensorFlow has no sparse Adam.
func (u *adam) sparse(n *nodes, v *Variable, s *IndexedSlices) *Operation {
	dt := v.dtype
	var late1, late2 bool
	power1 := n.castVariable(u.power1, dt, func(*Variable) Output { late1 = true; return Output{} })
	power2 := n.castVariable(u.power2, dt, func(*Variable) Output { late2 = true; return Output{} })
	rate, beta1, beta2, epsilon := n.cast(u.rate, dt), n.cast(u.beta1, dt), n.cast(u.beta2, dt), n.cast(u.epsilon, dt)
	if late2 {
		power2 = n.read(u.power2)
	}
	scaled := n.value("Mul", "mul", rate, n.value("Sqrt", "Sqrt", n.oneMinus(power2, dt)))
	if late1 {
		power1 = n.read(u.power1)
	}
	scaled = n.value("RealDiv", "truediv", scaled, n.oneMinus(power1, dt))

	gradient := n.value("Mul", "mul", s.Values, n.oneMinus(beta1, dt))
	m, mDone := u.decayAndAdd(n, u.m[v], beta1, s.Indices, gradient)
	square := n.value("Mul", "mul", s.Values, s.Values)
	square = n.value("Mul", "mul", square, n.oneMinus(beta2, dt))
	sq, sqDone := u.decayAndAdd(n, u.s[v], beta2, s.Indices, square)
	root := n.value("Sqrt", "Sqrt", sq)
	delta := n.value("RealDiv", "truediv", n.value("Mul", "mul", scaled, m), n.value("AddV2", "add", root, epsilon))
	var updated *Operation
	if v.resource {
		updated = n.op("AssignSubVariableOp", map[string]any{"dtype": dt}, v.handle, delta)
		n.readAfter(v, updated)
	} else {
		updated = n.op("AssignSub", map[string]any{"use_locking": u.UseLocking}, v.handle, delta)
	}
	if *n.err != nil {
		return nil
	}
	return n.group(n.unique("group_deps"), updated, mDone, sqDone)
}

// oneMinus is 1 - x.
func (n *nodes) oneMinus(x Output, dt DataType) Output {
	name := n.unique("sub")
	return first(n.add("Sub", name, nil, n.constant(name+"/x", dt, 1), x))
}

// decayAndAdd multiplies a slot by beta, adds rows to it, and gives its value
// after that with the operation to wait for.
func (u *adam) decayAndAdd(n *nodes, slot *Variable, beta Output, indices, rows Output) (Output, *Operation) {
	decayed := n.value("Mul", "mul", n.read(slot), beta)
	assigned := u.assign(n, slot, decayed)
	if *n.err != nil {
		return Output{}, nil
	}
	if !slot.resource {
		op := n.after(assigned).op("ScatterAdd", map[string]any{"use_locking": u.UseLocking}, slot.handle, indices, rows)
		return first(op), op
	}
	added := n.after(assigned).op("ResourceScatterAdd", map[string]any{"dtype": slot.dtype}, slot.handle, indices, rows)
	if *n.err != nil {
		return Output{}, nil
	}
	value := n.after(assigned, added).read(slot)
	return value, value.Op
}

// assign sets a variable. Of a resource Python also reads what it has set.
func (u *adam) assign(n *nodes, v *Variable, value Output) *Operation {
	if !v.resource {
		return n.now().op("Assign", map[string]any{"use_locking": u.UseLocking, "validate_shape": true}, v.handle, value)
	}
	assigned := n.now().op("AssignVariableOp", map[string]any{"dtype": v.dtype, "validate_shape": true}, v.handle, value)
	n.readAfter(v, assigned)
	return assigned
}

// readAfter reads v when op is done. Nothing uses the value, and no run computes
// it; it is there because Python's assignments return one.
func (n *nodes) readAfter(v *Variable, op *Operation) {
	if *n.err == nil {
		n.after(op).op("ReadVariableOp", map[string]any{"dtype": v.dtype}, v.handle)
	}
}

// finish advances the powers, when all variables are updated.
func (u *adam) finish(n *nodes, updates []*Operation) []*Operation {
	if *n.err != nil {
		return nil
	}
	n = n.with(u.power1).after(updates...)
	advance := func(power *Variable, beta Output) *Operation {
		in := n
		if power.resource {
			in = n.now() // the read has waited
		}
		return u.assign(n, power, in.value("Mul", "mul", n.read(power), beta))
	}
	return []*Operation{advance(u.power1, u.beta1), advance(u.power2, u.beta2)}
}
