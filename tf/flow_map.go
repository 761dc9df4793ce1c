package tf

import (
	"cmp"
	"fmt"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// MapOptions are the options of [Map], [Scan] and [Fold]. Nil and the zero value are the
// defaults.
type MapOptions struct {
	// Name is the name scope, "map", "scan" or "foldl" by default.
	Name string
	// ParallelIterations bounds how many elements may be computed at the same time. 0
	// means 10, as in Python.
	ParallelIterations int64
	// Reverse takes the last element first. Map has no use for it.
	Reverse bool
}

// Map computes f for each part of elems along their first dimension, and stacks the
// results, as Python's tf.map_fn does. f is called once, like the body of a [While], with one
// part of each of the elems, and returns tensors of any types.
func Map(s *Scope, elems []Output, f func(s *Scope, elems []Output) []Output, o *MapOptions) []Output {
	e := newElements(s, "Map", "map", elems, f == nil, o)
	if e == nil {
		return nil
	}
	return e.run(len(elems), func() ([]Output, error) { return e.mapOf(f) })
}

// Scan combines the parts of elems along their first dimension one after the other, and
// stacks what f returns for each, as Python's tf.scan does. f gets what it returned for the
// part before, and one part of each of the elems. For the first part it gets initial; without
// initial, the first part itself is the first result.
func Scan(s *Scope, elems, initial []Output, f func(s *Scope, acc, elems []Output) []Output, o *MapOptions) []Output {
	e := newElements(s, "Scan", "scan", elems, f == nil, o)
	if e == nil {
		return nil
	}
	return e.run(max(len(initial), len(elems)), func() ([]Output, error) { return e.scan(initial, f, true) })
}

// Fold is [Scan], but returns only the last result, as Python's tf.foldl does, or tf.foldr
// with Reverse.
func Fold(s *Scope, elems, initial []Output, f func(s *Scope, acc, elems []Output) []Output, o *MapOptions) []Output {
	name := "foldl"
	if o != nil && o.Reverse {
		name = "foldr"
	}
	e := newElements(s, "Fold", name, elems, f == nil, o)
	if e == nil {
		return nil
	}
	return e.run(max(len(initial), len(elems)), func() ([]Output, error) { return e.scan(initial, f, false) })
}

// elements are the tensors of a Map, Scan or Fold.
type elements struct {
	what   string
	s, sub *Scope
	o      *MapOptions
	arrays []*TensorArray
	n      Output // how many parts there are
	count  int64  // n if it is known, otherwise -1
	err    error
}

// newElements returns nil if the graph has an error.
func newElements(s *Scope, what, name string, elems []Output, nilFunc bool, o *MapOptions) *elements {
	if o == nil {
		o = new(MapOptions)
	}
	if s.Err() != nil {
		return nil
	}
	e := &elements{what: what, s: s, sub: s.Sub(cmp.Or(o.Name, name)), o: o, count: -1}
	switch {
	case nilFunc:
		e.err = invalidf("the function is nil")
	case len(elems) == 0:
		e.err = invalidf("there are no elems")
	default:
		if e.err = checkOutputs(elems...); e.err == nil {
			e.err = e.unstack(elems)
		}
	}
	return e
}

func (e *elements) unstack(elems []Output) error {
	for i, elem := range elems {
		elem, err := e.s.g.captured(elem)
		if err != nil {
			return fmt.Errorf("elem %d: %w", i, err)
		}
		switch shape := elem.Shape(); {
		case shape.NumDimensions() == 0:
			return mismatchf("elem %d, %q, is a scalar", i, graphbuild.TensorName(elem))
		case shape.NumDimensions() > 0 && shape.Size(0) >= 0:
			if e.count >= 0 && e.count != shape.Size(0) {
				return mismatchf("elem %d, %q, has %d parts, but an elem before it has %d", i, graphbuild.TensorName(elem), shape.Size(0), e.count)
			}
			e.count = shape.Size(0)
		}
		e.arrays = append(e.arrays, Unstack(e.sub, elem))
	}
	if e.count >= 0 {
		e.n = e.sub.scalar("num_elems", dtype.Int32, e.count)
	} else {
		e.n = e.arrays[0].Size(e.sub)
	}
	return nil
}

func (e *elements) run(results int, build func() ([]Output, error)) []Output {
	err := e.err
	if err == nil {
		var outputs []Output
		if outputs, err = build(); err == nil {
			return outputs
		}
	}
	e.s.g.fail(e.what, e.sub.name, err)
	return make([]Output, results)
}

func (e *elements) read(s *Scope, i Output) []Output {
	parts := make([]Output, len(e.arrays))
	for k, a := range e.arrays {
		parts[k] = a.Read(s, i)
	}
	return parts
}

func (e *elements) loop() *loop {
	return &loop{s: e.sub, sub: e.sub.Sub("while"), o: &WhileOptions{MaximumIterations: e.n, ParallelIterations: e.o.ParallelIterations}}
}

func (e *elements) mapOf(f bodyFunc) ([]Output, error) {
	var results []*TensorArray
	l := e.loop()
	l.condPlace, l.bodyPlace = "the condition", place("function", f)
	args := []argument{{dtype: dtype.Int32, shape: MakeShape()}}
	cond := func(s *Scope, v []Output) Output { return s.one("Less", nil, v[0], e.n) }
	// How many results there are is known only when f has returned.
	body := func(s *Scope, v []Output) []Output {
		next := []Output{s.one("AddV2", nil, v[0], s.scalar("one", dtype.Int32, 1))}
		for _, r := range f(s, e.read(s, v[0])) {
			r, err := s.g.captured(r)
			if err != nil {
				s.UpdateErr(e.what, fmt.Errorf("result %d: %w", len(results), err))
				return nil
			}
			ta := &TensorArray{dtype: graphbuild.TypeOf(r), shape: r.Shape()}
			ta.size = e.count
			results = append(results, ta)
			next = append(next, ta.WithFlow(l.addVariable(s, dtype.Variant)).Write(s, v[0], r).Flow())
		}
		return next
	}
	out, err := l.build(args, cond, body, func() []Output {
		first := []Output{e.sub.scalar("Const", dtype.Int32, 0)}
		for _, r := range results {
			first = append(first, NewTensorArray(e.sub, r.dtype, e.n, &TensorArrayOptions{Shape: r.shape}).Flow())
		}
		return first
	})
	if err != nil {
		return nil, err
	}
	return e.stack(results, out[1:]), nil
}

// scan builds a Scan, or a Fold if it does not stack the results.
func (e *elements) scan(initial []Output, f func(s *Scope, acc, elems []Output) []Output, stack bool) ([]Output, error) {
	if err := checkOutputs(initial...); err != nil {
		return nil, err
	}
	one := e.sub.scalar("one", dtype.Int32, 1)
	start, limit, step := e.sub.scalar("start", dtype.Int32, 0), e.n, one
	if e.o.Reverse {
		start, limit, step = e.sub.one("Sub", nil, e.n, one), e.sub.scalar("limit", dtype.Int32, -1), e.sub.scalar("step", dtype.Int32, -1)
	}
	first, own := initial, len(initial) == 0
	if own {
		if e.count == 0 {
			return nil, invalidf("without initial values there must be a part, but the elems are empty")
		}
		first = e.read(e.sub, start)
	}
	var results []*TensorArray
	vars := []Output{start}
	for i, v := range first {
		v, err := e.s.g.captured(v)
		if err != nil {
			return nil, fmt.Errorf("initial value %d: %w", i, err)
		}
		vars = append(vars, v)
		if stack {
			results = append(results, NewTensorArray(e.sub, graphbuild.TypeOf(v), e.n, &TensorArrayOptions{Shape: v.Shape()}))
		}
	}
	for i, r := range results {
		if own {
			results[i] = r.Write(e.sub, start, first[i])
		}
		vars = append(vars, results[i].Flow())
	}
	if own {
		vars[0] = e.sub.one("AddV2", nil, start, step)
	}
	cond := func(s *Scope, v []Output) Output {
		if e.o.Reverse {
			return s.one("Greater", nil, v[0], limit)
		}
		return s.one("Less", nil, v[0], limit)
	}
	body := func(s *Scope, v []Output) []Output {
		acc := v[1 : 1+len(first)]
		values := f(s, acc, e.read(s, v[0]))
		if len(values) != len(first) {
			s.UpdateErr(e.what, mismatchf("%s returns %d tensors, but there are %d initial values", place("function", f), len(values), len(first)))
			return nil
		}
		next := append([]Output{s.one("AddV2", nil, v[0], step)}, values...)
		for i, r := range results {
			next = append(next, r.WithFlow(v[1+len(first)+i]).Write(s, v[0], values[i]).Flow())
		}
		return next
	}
	l := e.loop()
	l.bodyPlace = place("function", f)
	out, err := l.whileOf(vars, cond, body)
	if err != nil {
		return nil, err
	}
	if !stack {
		return out[1 : 1+len(first)], nil
	}
	return e.stack(results, out[1+len(first):]), nil
}

// stack makes a tensor of each array.
func (e *elements) stack(arrays []*TensorArray, flows []Output) []Output {
	stacked := make([]Output, len(arrays))
	for i, ta := range arrays {
		stacked[i] = ta.WithFlow(flows[i]).Stack(e.sub)
	}
	return stacked
}
