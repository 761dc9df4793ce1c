package train

import (
	"cmp"
	"slices"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/tf"
)

// Adam scales a moving average of the gradient by one of its square. It is Python's
// tf.compat.v1.train.AdamOptimizer. In step t, counted from 1:
//
//	rate_t = rate·√(1-beta2^t)/(1-beta1^t)
//	m ← beta1·m + (1-beta1)·gradient
//	s ← beta2·s + (1-beta2)·gradient²
//	v ← v - rate_t·m/(√s+epsilon)
//
// A gradient of slices updates all rows of m, s and v, as a dense gradient with zeros
// would.
type Adam struct {
	// LearningRate is the step size. LearningRateTensor, a scalar of the graph that may
	// be fed or computed from the global step, takes its place if it is set.
	LearningRate       float64
	LearningRateTensor tf.Output
	// Beta1 and Beta2 are the parts of m and s that are kept, 0.9 and 0.999 by default.
	Beta1, Beta2 float64
	// Epsilon keeps the divisor from zero, 1e-8 by default.
	Epsilon float64
	// UseLocking makes concurrent steps wait for one another.
	UseLocking bool
	// Name is the scope of the step's nodes and the name of the slots; empty means
	// "Adam".
	Name string
}

// NewAdam returns Adam with a learning rate, in Python by default 0.001, and Python's
// other defaults.
func NewAdam(learningRate float64) *Adam {
	return &Adam{LearningRate: learningRate, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
}

func (o *Adam) scope() string { return nameOr(o.Name, "Adam") }

func (o *Adam) rateTensor() tf.Output { return o.LearningRateTensor }

func (o *Adam) check() error {
	if o.Beta1 == 0 && o.Beta2 == 0 && o.Epsilon == 0 {
		return invalid(applyOp, "Beta1, Beta2 and Epsilon are all 0: make the optimizer with NewAdam, which sets Python's defaults")
	}
	return nil
}

func (o *Adam) newUpdater(g *tf.Graph, vars []*tf.Variable) (updater, error) {
	u := &adam{Adam: o, m: make(slots), s: make(slots)}
	// The powers are beside the variable whose name is first, so that all workers of a
	// cluster agree on the place.
	first := slices.MinFunc(vars, func(a, b *tf.Variable) int { return cmp.Compare(a.Name(), b.Name()) })
	power := func(name string, start float64) (*tf.Variable, error) {
		return tf.NewVariable(g, g.UniqueName(name), tf.Value(float32(start)), &tf.VariableOptions{
			NotTrainable: true, Ref: !first.IsResource(), ColocateWith: first,
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
		if err := u.m.addZeros(v, o.scope()); err != nil {
			return nil, err
		}
		if err := u.s.addZeros(v, o.scope()); err != nil {
			return nil, err
		}
	}
	return u, nil
}

type adam struct {
	*Adam
	m, s                        slots
	power1, power2              *tf.Variable
	rate, beta1, beta2, epsilon tf.Output
}

func (u *adam) addHyperparameters(b *graphbuild.Builder) {
	u.rate = addRate(b, u.LearningRate, u.LearningRateTensor)
	u.beta1 = number(b, "beta1", u.Beta1)
	u.beta2 = number(b, "beta2", u.Beta2)
	u.epsilon = number(b, "epsilon", u.Epsilon)
}

// castPower reads a power and casts it to the type of v, in the scope of the Cast. If no
// cast is needed, it adds nothing and returns an empty Output: the power is read later.
func castPower(b *graphbuild.Builder, power, v *tf.Variable) tf.Output {
	if power.DType() == v.DType() {
		return tf.Output{}
	}
	name := b.Unique("Cast")
	return graphbuild.First(b.Add("Cast", name, map[string]any{"DstT": v.DType()}, readUnder(b, power, name)))
}

func (u *adam) updateDense(b *graphbuild.Builder, v *tf.Variable, grad tf.Output) *tf.Operation {
	typ := "ApplyAdam"
	if v.IsResource() {
		typ = "ResourceApplyAdam"
	}
	// The casts come before the reads in the scope of the update.
	power1, power2 := castPower(b, u.power1, v), castPower(b, u.power2, v)
	var numbers []tf.Input
	for _, number := range []tf.Output{u.rate, u.beta1, u.beta2, u.epsilon} {
		numbers = append(numbers, b.Cast(number, v.DType()))
	}
	if b.Err() != nil {
		return nil
	}
	name := b.Unique(typ)
	if power1.Op == nil {
		power1 = readUnder(b, u.power1, name)
	}
	if power2.Op == nil {
		power2 = readUnder(b, u.power2, name)
	}
	inputs := append([]tf.Input{v.Handle(), u.m[v].Handle(), u.s[v].Handle(), power1, power2}, numbers...)
	return b.Add(typ, name, locking(u.UseLocking), append(inputs, grad)...)
}

// updateSparse is made of simple operations: TensorFlow has no sparse Adam.
func (u *adam) updateSparse(b *graphbuild.Builder, v *tf.Variable, s *IndexedSlices) *tf.Operation {
	dt := v.DType()
	power1, power2 := castPower(b, u.power1, v), castPower(b, u.power2, v)
	rate, beta1, beta2, epsilon := b.Cast(u.rate, dt), b.Cast(u.beta1, dt), b.Cast(u.beta2, dt), b.Cast(u.epsilon, dt)
	if power2.Op == nil {
		power2 = read(b, u.power2)
	}
	scaled := b.Value("Mul", "mul", rate, b.Value("Sqrt", "Sqrt", oneMinus(b, power2, dt)))
	if power1.Op == nil {
		power1 = read(b, u.power1)
	}
	scaled = b.Value("RealDiv", "truediv", scaled, oneMinus(b, power1, dt))

	gradient := b.Value("Mul", "mul", s.Values, oneMinus(b, beta1, dt))
	m, mDone := u.decayAndAdd(b, u.m[v], beta1, s.Indices, gradient)
	square := b.Value("Mul", "mul", s.Values, s.Values)
	square = b.Value("Mul", "mul", square, oneMinus(b, beta2, dt))
	sq, sqDone := u.decayAndAdd(b, u.s[v], beta2, s.Indices, square)
	root := b.Value("Sqrt", "Sqrt", sq)
	delta := b.Value("RealDiv", "truediv", b.Value("Mul", "mul", scaled, m), b.Value("AddV2", "add", root, epsilon))
	var updated *tf.Operation
	if v.IsResource() {
		updated = b.Op("AssignSubVariableOp", map[string]any{"dtype": dt}, v.Handle(), delta)
		readAfter(b, v, updated)
	} else {
		updated = b.Op("AssignSub", locking(u.UseLocking), v.Handle(), delta)
	}
	if b.Err() != nil {
		return nil
	}
	return b.Group(b.Unique("group_deps"), updated, mDone, sqDone)
}

// oneMinus adds 1 - x.
func oneMinus(b *graphbuild.Builder, x tf.Output, dt dtype.DataType) tf.Output {
	name := b.Unique("sub")
	return graphbuild.First(b.Add("Sub", name, nil, b.Const(name+"/x", dt, 1), x))
}

// decayAndAdd multiplies a slot by beta and adds rows to it. It returns the slot's new
// value and the operation to wait for.
func (u *adam) decayAndAdd(b *graphbuild.Builder, slot *tf.Variable, beta, indices, rows tf.Output) (tf.Output, *tf.Operation) {
	decayed := b.Value("Mul", "mul", read(b, slot), beta)
	assigned := u.assign(b, slot, decayed)
	if b.Err() != nil {
		return tf.Output{}, nil
	}
	if !slot.IsResource() {
		op := b.After(assigned).Op("ScatterAdd", locking(u.UseLocking), slot.Handle(), indices, rows)
		return graphbuild.First(op), op
	}
	added := b.After(assigned).Op("ResourceScatterAdd", map[string]any{"dtype": slot.DType()}, slot.Handle(), indices, rows)
	if b.Err() != nil {
		return tf.Output{}, nil
	}
	value := read(b.After(assigned, added), slot)
	return value, value.Op
}

// assign sets a variable. For a resource, Python also reads the new value.
func (u *adam) assign(b *graphbuild.Builder, v *tf.Variable, value tf.Output) *tf.Operation {
	if !v.IsResource() {
		return b.WithoutControl().Op("Assign", map[string]any{"use_locking": u.UseLocking, "validate_shape": true}, v.Handle(), value)
	}
	assigned := b.WithoutControl().Op("AssignVariableOp", map[string]any{"dtype": v.DType(), "validate_shape": true}, v.Handle(), value)
	readAfter(b, v, assigned)
	return assigned
}

// readAfter reads v when op is done. Nothing uses the value, and no run computes it; it
// is there because Python's assignments return one.
func readAfter(b *graphbuild.Builder, v *tf.Variable, op *tf.Operation) {
	if b.Err() == nil {
		b.After(op).Op("ReadVariableOp", map[string]any{"dtype": v.DType()}, v.Handle())
	}
}

// finish advances the powers after the updates of all variables.
func (u *adam) finish(b *graphbuild.Builder, updates []*tf.Operation) []*tf.Operation {
	if b.Err() != nil {
		return nil
	}
	b = b.Beside(u.power1.Handle().Op).After(updates...)
	advance := func(power *tf.Variable, beta tf.Output) *tf.Operation {
		in := b
		if power.IsResource() {
			in = b.WithoutControl() // the read has waited
		}
		return u.assign(b, power, in.Value("Mul", "mul", read(b, power), beta))
	}
	return []*tf.Operation{advance(u.power1, u.beta1), advance(u.power2, u.beta2)}
}
