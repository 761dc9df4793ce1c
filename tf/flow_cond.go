package tf

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// CondOptions are the options of [Cond] and [Case]. Nil and the zero value are the
// defaults.
type CondOptions struct {
	// Name is the name of the operation, "cond" or "switch_case" by default.
	Name string
}

// Cond computes what one of two bodies returns, as Python's tf.cond does: then if pred, a
// bool scalar, is true, otherwise els. Only the operations of that body run.
//
// Both bodies are called once, now, and add their operations under the scope that they get.
// They return the same number of tensors of the same types; a dimension in which their shapes
// differ is unknown in the result. A body that is there for its effects returns a constant. They use tensors and variables from outside as
// [NewFunction] says. Operations that compute tensors outside of the bodies run in any case.
//
// The results are zero Outputs after an error, which is the graph's first one ([Graph.Err]).
func Cond(s *Scope, pred Output, then, els func(s *Scope) []Output, o *CondOptions) []Output {
	if o == nil {
		o = new(CondOptions)
	}
	if s.Err() != nil {
		return nil
	}
	b := &branches{s: s, typ: "If", sub: s.Sub(cmp.Or(o.Name, "cond"))}
	results, err := b.build(pred, dtype.Bool, []string{"true", "false"}, []func(*Scope) []Output{then, els})
	if err != nil {
		s.g.fail("If", b.sub.name, err)
		return make([]Output, len(results))
	}
	return results
}

// Case computes what one of several bodies returns, as Python's tf.switch_case does: that
// with the number index, an int32 scalar, or the last one if index is not the number of a
// body. The bodies are like those of [Cond].
func Case(s *Scope, index Output, bodies []func(s *Scope) []Output, o *CondOptions) []Output {
	if o == nil {
		o = new(CondOptions)
	}
	if s.Err() != nil {
		return nil
	}
	names := make([]string, len(bodies))
	for i := range names {
		names[i] = "branch" + strconv.Itoa(i)
	}
	b := &branches{s: s, typ: "Case", sub: s.Sub(cmp.Or(o.Name, "switch_case"))}
	results, err := b.build(index, dtype.Int32, names, bodies)
	if err != nil {
		s.g.fail("Case", b.sub.name, err)
		return make([]Output, len(results))
	}
	return results
}

// branches builds an If or a Case.
type branches struct {
	s, sub *Scope
	typ    string
	traced []*traced
	inputs []Output
}

func (b *branches) build(selector Output, want dtype.DataType, names []string, bodies []func(*Scope) []Output) ([]Output, error) {
	if len(bodies) == 0 {
		return nil, invalidf("there are no bodies")
	}
	if err := checkScalar("the selector", selector, want); err != nil {
		return nil, err
	}
	for i, f := range bodies {
		if f == nil {
			return nil, invalidf("the body %q is nil", names[i])
		}
		t, err := b.sub.trace(place("body "+strconv.Quote(names[i]), f), nil, nil, nil, func(s *Scope, _ []Output) []Output { return f(s) })
		if err != nil {
			return nil, err
		}
		if err := t.afterEffects(); err != nil {
			return nil, err
		}
		b.traced = append(b.traced, t)
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	funcs, stateful, err := b.define(names)
	if err != nil {
		return make([]Output, len(b.traced[0].results)), err
	}
	return b.add(selector, funcs, stateful), nil
}

// checkScalar checks the type and shape of a tensor that decides what runs.
func checkScalar(what string, o Output, want dtype.DataType) error {
	if err := checkOutputs(o); err != nil {
		return err
	}
	if o.Op == nil {
		return invalidf("%s is a zero Output", what)
	}
	if got := graphbuild.TypeOf(o); got != want {
		return mismatchf("%s %q is %s, not %s", what, graphbuild.TensorName(o), dtype.Name(got), dtype.Name(want))
	}
	if n := o.Shape().NumDimensions(); n > 0 {
		return mismatchf("%s %q has the shape %v; it must be a scalar", what, graphbuild.TensorName(o), o.Shape())
	}
	return nil
}

// check requires that all bodies return the same types.
func (b *branches) check() error {
	first := b.traced[0]
	for _, t := range b.traced[1:] {
		if len(t.results) != len(first.results) {
			return mismatchf("%s returns %d tensors, but %s returns %d", first.what, len(first.results), t.what, len(t.results))
		}
		for i, r := range t.results {
			if a, c := graphbuild.TypeOf(first.results[i]), graphbuild.TypeOf(r); a != c {
				return mismatchf("result %d of %s is %s (%s), but that of %s is %s (%s)", i, first.what, dtype.Name(a),
					graphbuild.TensorName(first.results[i]), t.what, dtype.Name(c), graphbuild.TensorName(r))
			}
		}
	}
	return nil
}

// define makes the functions. Each gets all tensors that one of the bodies captures.
func (b *branches) define(names []string) (funcs []Func, stateful bool, err error) {
	index := make(map[string]int)
	for _, t := range b.traced {
		for _, c := range t.g.body.captures {
			name := graphbuild.TensorName(c.outer)
			if _, ok := index[name]; !ok {
				index[name] = len(b.inputs)
				b.inputs = append(b.inputs, c.outer)
			}
		}
	}
	for i, t := range b.traced {
		args := make([]Output, len(b.inputs))
		for _, c := range t.g.body.captures {
			args[index[graphbuild.TensorName(c.outer)]] = c.inner
		}
		name, effects, err := t.define(functionBase(b.sub.name, names[i]), args, arguments(b.inputs))
		if err != nil {
			return nil, false, fmt.Errorf("%s: %w", t.what, err)
		}
		funcs = append(funcs, Func{Name: name})
		stateful = stateful || effects
	}
	return funcs, stateful, nil
}

func (b *branches) add(selector Output, funcs []Func, stateful bool) []Output {
	first := b.traced[0]
	shapes, handles := shapesOf(first.results), handlesOf(first.results)
	for _, t := range b.traced[1:] {
		for i, r := range t.results {
			shapes[i] = merged(shapes[i], r.Shape())
			if !slices.Equal(handles[i], argOf(r).handle) {
				handles[i] = nil
			}
		}
	}
	attrs := map[string]any{
		"Tin": typesOf(b.inputs), "Tout": typesOf(first.results), "output_shapes": shapes, lowering: true,
	}
	if b.typ == "If" {
		attrs["Tcond"] = dtype.Bool
		attrs["then_branch"], attrs["else_branch"] = funcs[0].AttrValue(), funcs[1].AttrValue()
	} else {
		attrs["branches"] = FuncList(funcs)
	}
	typ := "Stateless" + b.typ
	if stateful {
		typ = b.typ
	}
	var control []*Operation
	for _, t := range b.traced {
		control = append(control, t.g.body.control...)
	}
	node := b.s.WithControlDependencies(control...).addNamed(OpSpec{
		Type: typ, Name: b.sub.name + "/", Input: []Input{selector, OutputList(b.inputs)}, Attrs: attrs,
	})
	return b.sub.identities(b.s.known(node, shapes, handles))
}

// lowering is the attribute with which a session replaces a functional operation by Switch,
// Merge and their like, so that what a result does not need is not run, and the
// operations of the bodies run in parallel to others.
const lowering = "_lower_using_switch_merge"

// identities adds an Identity for each output, as Python does: a run that fetches one
// then computes only that one.
func (s *Scope) identities(outputs []Output) []Output {
	for i, o := range outputs {
		outputs[i] = Out(s.AddOperation(OpSpec{Type: "Identity", Input: []Input{o}}), 0)
	}
	return outputs
}

// merged returns the shape of a tensor that has one of two shapes.
func merged(a, b Shape) Shape {
	if a.NumDimensions() < 0 || a.NumDimensions() != b.NumDimensions() {
		return Shape{}
	}
	dims := make([]int64, a.NumDimensions())
	for i := range dims {
		if dims[i] = a.Size(i); dims[i] != b.Size(i) {
			dims[i] = -1
		}
	}
	return MakeShape(dims...)
}

// checkOutputs returns an error if one of the outputs cannot be one of an operation, with which
// C would end the process. A zero Output is left to what uses it.
func checkOutputs(outputs ...Output) error {
	for _, o := range outputs {
		if o.Op == nil {
			continue
		}
		if err := capi.CheckOutput(o); err != nil {
			return err
		}
	}
	return nil
}
