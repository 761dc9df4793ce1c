package tf

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// WhileOptions are the options of [While]. Nil and the zero value are the defaults.
type WhileOptions struct {
	// Name is the name of the operation, "while" by default.
	Name string
	// MaximumIterations ends the loop after so many iterations: a scalar, int32 or int64.
	// By default there is no limit.
	MaximumIterations Output
	// ParallelIterations bounds how many iterations may run at the same time. 0 means 10,
	// as in Python.
	ParallelIterations int64
	// Shapes are the shapes that loop variables have in all iterations. By default a
	// variable keeps the shape of its first value. A shorter list leaves out the last
	// variables.
	Shapes []Shape
	// StopGradient lets no gradient pass through the loop, as back_prop=False does in Python.
	StopGradient bool
}

// While repeats body as long as cond returns true, as Python's tf.while_loop does. vars are
// the first values of the loop variables; body gets their values and returns the next
// ones; While returns the last ones.
//
// Both functions are called once, now, and add their operations under the scope that they
// get. cond returns a bool scalar. body returns as many tensors as there are variables, of the
// same types and of shapes that fit; a variable that grows needs a shape in
// WhileOptions.Shapes. They use tensors and variables from outside as [NewFunction] says. A
// captured tensor has the same value in every iteration; a variable that body reads with Read
// has its current one.
//
// The results are zero Outputs after an error, which is the graph's first one ([Graph.Err]).
func While(s *Scope, vars []Output, cond func(s *Scope, vars []Output) Output, body func(s *Scope, vars []Output) []Output, o *WhileOptions) []Output {
	if o == nil {
		o = new(WhileOptions)
	}
	if s.Err() != nil {
		return make([]Output, len(vars))
	}
	l := &loop{s: s, sub: s.Sub(cmp.Or(o.Name, "while")), o: o}
	results, err := l.whileOf(vars, cond, body)
	if err != nil {
		s.g.fail("While", l.sub.name, err)
		return make([]Output, len(vars))
	}
	return results
}

// loop builds a While. As in Python its first two variables are the number of the iteration,
// which gradients need, and the maximum.
type loop struct {
	s, sub *Scope
	o      *WhileOptions

	args         []argument
	names        []string
	cond, body   *traced
	condPlace    string
	bodyPlace    string
	counter, max Output
	late         []Output // arguments that addVariable added
}

// ownVars is the number of variables before those of the caller.
const ownVars = 2

func (l *loop) whileOf(vars []Output, cond func(*Scope, []Output) Output, body bodyFunc) ([]Output, error) {
	if err := checkOutputs(vars...); err != nil {
		return nil, err
	}
	if cond == nil || body == nil {
		return nil, invalidf("the condition or the body is nil")
	}
	if len(vars) == 0 {
		return nil, invalidf("there are no loop variables")
	}
	l.condPlace, l.bodyPlace = place("condition", cond), cmp.Or(l.bodyPlace, place("body", body))
	captured := slices.Clone(vars)
	args := make([]argument, len(vars))
	for i, v := range vars {
		var err error
		if captured[i], err = l.s.g.captured(v); err != nil {
			return nil, fmt.Errorf("loop variable %d: %w", i, err)
		}
		args[i] = argOf(captured[i])
		if i < len(l.o.Shapes) {
			if args[i].shape = l.o.Shapes[i]; !wider(args[i].shape, v.Shape()) {
				return nil, mismatchf("loop variable %d, %q, has the shape %v at the start, and %v in Shapes", i, graphbuild.TensorName(v), v.Shape(), args[i].shape)
			}
		}
	}
	if len(l.o.Shapes) > len(vars) {
		return nil, invalidf("%d Shapes for %d loop variables", len(l.o.Shapes), len(vars))
	}
	return l.build(args, cond, body, func() []Output { return captured })
}

// build traces the functions. first returns the first values of the variables, after the
// functions are traced.
func (l *loop) build(args []argument, cond func(*Scope, []Output) Output, body bodyFunc, first func() []Output) ([]Output, error) {
	if err := l.addOwnVars(args); err != nil {
		return nil, err
	}
	if err := l.trace(cond, body); err != nil {
		return nil, err
	}
	vars := len(l.args) - ownVars
	if err := l.check(vars); err != nil {
		return nil, err
	}
	initial := append(OutputList{l.counter, l.max}, first()...)
	if err := l.s.Err(); err != nil {
		return nil, err
	}
	for _, c := range l.body.g.body.captures {
		initial = append(initial, c.outer)
	}
	node, err := l.add(initial)
	if err != nil || node == nil {
		return make([]Output, vars), err
	}
	shapes, handles := make([]Shape, len(initial)), handlesOf(l.body.results)
	for i, o := range l.body.results {
		if shapes[i] = o.Shape(); i < len(l.args) {
			shapes[i] = l.args[i].shape
		}
	}
	outputs := l.s.known(node, shapes, handles)
	if l.s.g.body == nil {
		outputs = l.sub.identities(outputs)
	}
	results := outputs[ownVars : ownVars+vars]
	if l.o.StopGradient {
		results = slices.Clone(results)
		for i, o := range results {
			results[i] = l.s.one("StopGradient", nil, o)
		}
	}
	return results, nil
}

// addOwnVars adds the counter and the maximum.
func (l *loop) addOwnVars(args []argument) error {
	dt := dtype.Int32
	l.max = l.o.MaximumIterations
	if l.max.Op != nil {
		if dt = graphbuild.TypeOf(l.max); dt != dtype.Int32 && dt != dtype.Int64 {
			return mismatchf("MaximumIterations is %s; it must be int32 or int64", dtype.Name(dt))
		}
		if err := checkScalar("MaximumIterations", l.max, dt); err != nil {
			return err
		}
		var err error
		if l.max, err = l.s.g.captured(l.max); err != nil {
			return fmt.Errorf("MaximumIterations: %w", err)
		}
	} else {
		l.max = l.sub.scalar("maximum_iterations", dt, -1)
	}
	l.counter = l.sub.scalar("loop_counter", dt, 0)
	if err := l.s.Err(); err != nil {
		return err
	}
	own := argument{dtype: dt, shape: MakeShape()}
	l.args = append([]argument{own, own}, args...)
	l.names = []string{"while_loop_counter", "while_maximum_iterations"}
	for i := range args {
		l.names = append(l.names, "loop_var_"+strconv.Itoa(i))
	}
	return nil
}

func (l *loop) trace(cond func(*Scope, []Output) Output, body bodyFunc) error {
	bounded := l.o.MaximumIterations.Op != nil
	var err error
	l.cond, err = l.sub.trace(l.condPlace, l.names, l.args, nil, func(s *Scope, args []Output) []Output {
		pred := cond(s, args[ownVars:])
		if !bounded || pred.Op == nil || graphbuild.TypeOf(pred) != dtype.Bool {
			return []Output{pred}
		}
		return []Output{s.one("LogicalAnd", nil, s.one("Less", nil, args[0], args[1]), pred)}
	})
	if err != nil {
		return err
	}
	if err := checkScalar("the result of "+l.condPlace, l.cond.results[0], dtype.Bool); err != nil {
		return err
	}
	l.body, err = l.sub.trace(l.bodyPlace, l.names, l.args, l.cond.g.body.captures, func(s *Scope, args []Output) []Output {
		results := body(s, args[ownVars:])
		next := s.one("AddV2", nil, args[0], s.scalar("Const", l.args[0].dtype, 1))
		return append([]Output{next, args[1]}, results...)
	})
	if err != nil {
		return err
	}
	for _, arg := range l.late {
		l.args = append(l.args, argOf(arg))
		l.body.args = append(l.body.args, arg)
		l.cond.args = append(l.cond.args, Output{}) // which does not use it
	}
	return nil
}

// addVariable adds a scalar loop variable while the body is traced.
func (l *loop) addVariable(s *Scope, dt dtype.DataType) Output {
	s.g.mu.Lock()
	arg, err := s.g.placeholder("loop_var", argument{dtype: dt, shape: MakeShape()})
	s.g.mu.Unlock()
	if err != nil {
		s.UpdateErr("Placeholder", err)
		return Output{}
	}
	l.late = append(l.late, arg)
	return arg
}

// check requires that the body returns values for the variables.
func (l *loop) check(vars int) error {
	results := l.body.results[ownVars:]
	if len(results) != vars {
		return mismatchf("%s returns %d tensors, but the loop has %d variables", l.bodyPlace, len(results), vars)
	}
	for i, r := range results {
		want := l.args[ownVars+i]
		if got := graphbuild.TypeOf(r); got != want.dtype {
			return mismatchf("loop variable %d is %s, but %s returns %s for it (%s)", i, dtype.Name(want.dtype), l.bodyPlace, dtype.Name(got), graphbuild.TensorName(r))
		}
		if !wider(want.shape, r.Shape()) {
			return mismatchf("loop variable %d has the shape %v, but %s returns the shape %v for it (%s): give the variable a shape with unknown dimensions in WhileOptions.Shapes",
				i, want.shape, l.bodyPlace, r.Shape(), graphbuild.TensorName(r))
		}
	}
	return nil
}

// add adds the functions and the operation.
func (l *loop) add(initial OutputList) (*Operation, error) {
	types := arguments(initial)
	copy(types, l.args)
	condArgs, bodyArgs := slices.Clone(l.cond.args), slices.Clone(l.body.args)
	for i, c := range l.body.g.body.captures {
		bodyArgs = append(bodyArgs, c.inner)
		l.body.results = append(l.body.results, c.inner)
		if i < len(l.cond.g.body.captures) {
			condArgs = append(condArgs, l.cond.g.body.captures[i].inner)
		} else {
			condArgs = append(condArgs, Output{})
		}
	}
	cond, condEffects, err := l.cond.define(functionBase(l.sub.name, "cond"), condArgs, types)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.condPlace, err)
	}
	body, bodyEffects, err := l.body.define(functionBase(l.sub.name, "body"), bodyArgs, types)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.bodyPlace, err)
	}
	shapes := make([]Shape, len(types))
	for i, t := range types {
		shapes[i] = t.shape
	}
	typ := "StatelessWhile"
	if condEffects || bodyEffects {
		typ = "While"
	}
	control := append(slices.Clone(l.cond.g.body.control), l.body.g.body.control...)
	return l.s.WithControlDependencies(control...).addNamed(OpSpec{
		Type: typ, Name: l.sub.name + "/", Input: []Input{initial}, Attrs: map[string]any{
			"T": typesOf(initial), "output_shapes": shapes, "cond": Func{Name: cond}.AttrValue(), "body": Func{Name: body}.AttrValue(),
			"parallel_iterations": cmp.Or(l.o.ParallelIterations, 10), "_num_original_outputs": int64(len(initial)), lowering: true,
		},
	}), nil
}

// one adds an operation that is called after its type, and returns its first output.
func (s *Scope) one(typ string, attrs map[string]any, inputs ...Input) Output {
	return Out(s.AddOperation(OpSpec{Type: typ, Input: inputs, Attrs: attrs}), 0)
}

// scalar adds a constant.
func (s *Scope) scalar(name string, dt dtype.DataType, v any) Output {
	value, err := graphbuild.Filled(dt, v, nil)
	if err != nil {
		s.UpdateErr("Const", err)
		return Output{}
	}
	return s.constant(name, dt, value)
}

// constant adds a Const with a value that graphbuild made.
func (s *Scope) constant(name string, dt dtype.DataType, value any) Output {
	return Out(s.AddOperation(OpSpec{Type: "Const", Name: name, Attrs: map[string]any{"dtype": dt, "value": value}}), 0)
}

// wider reports whether all tensors of the shape b have the shape a.
func wider(a, b Shape) bool {
	if a.NumDimensions() < 0 {
		return true
	}
	if a.NumDimensions() != b.NumDimensions() {
		return false
	}
	for i := range a.NumDimensions() {
		if a.Size(i) >= 0 && a.Size(i) != b.Size(i) {
			return false
		}
	}
	return true
}
