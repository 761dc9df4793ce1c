package tf

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// Function is a function in the library of a graph, made by [NewFunction].
type Function struct {
	g        *Graph
	name     string
	args     []argument
	captures []Output
	control  []*Operation
	types    []dtype.DataType
	shapes   []Shape
	handles  [][]byte
	stateful bool
}

// Arg describes an argument of a [Function]. A zero Shape is an unknown one.
type Arg struct {
	Name  string // "" for a name with a number
	DType dtype.DataType
	Shape Shape
}

// NewFunction traces a Go function into a function of the graph's library, as Python's
// tf.function does. body is called once, with a scope and the arguments, and adds the
// operations of the function under that scope. It may use tensors and variables from outside,
// also those of an outer body: they become arguments that each call passes. A variable is
// read inside by Read with the scope of the body, and written with op.AssignVariableOp.
//
// Operations with effects, such as assignments and op.Print, run in every call, whether or
// not a result depends on them. Control dependencies order them.
//
// A body cannot make variables, and cannot use references of variables. An error inside of
// the body, like any other, becomes the graph's first error, with the lines of the operation
// and of the body; then NewFunction returns nil, which Call accepts.
func NewFunction(s *Scope, name string, args []Arg, body func(s *Scope, args []Output) []Output) *Function {
	if s.Err() != nil {
		return nil
	}
	f, err := newFunction(s, name, args, body)
	if err != nil {
		s.g.fail("Function", s.path(name), err)
		return nil
	}
	return f
}

func newFunction(s *Scope, name string, args []Arg, body bodyFunc) (*Function, error) {
	if body == nil {
		return nil, invalidf("the body is nil")
	}
	if err := checkName(s.path(name)); err != nil {
		return nil, err
	}
	f := &Function{g: s.g}
	var names []string
	for i, a := range args {
		names = append(names, cmp.Or(a.Name, "arg_"+strconv.Itoa(i)))
		f.args = append(f.args, argument{dtype: a.DType, shape: a.Shape})
	}
	t, err := s.trace(place("body", body), names, f.args, nil, body)
	if err != nil {
		return nil, err
	}
	all, inner := f.args, t.args
	for _, c := range t.g.body.captures {
		all, inner = append(all[:len(all):len(all)], argOf(c.outer)), append(inner[:len(inner):len(inner)], c.inner)
		f.captures = append(f.captures, c.outer)
	}
	f.control, f.types, f.shapes, f.handles = t.g.body.control, typesOf(t.results), shapesOf(t.results), handlesOf(t.results)
	f.name, f.stateful, err = t.define(s.path(name), inner, all)
	return f, err
}

// Name returns the name of the function in the graph's library.
func (f *Function) Name() string {
	if f == nil {
		return ""
	}
	return f.name
}

// Func returns the function as the value of an attribute, for the op wrappers that take a
// function. Such an operation gets the captured tensors, which Captures returns, after its
// arguments.
func (f *Function) Func() Func { return Func{Name: f.Name()} }

// Captures returns the tensors from outside that the body uses.
func (f *Function) Captures() []Output {
	if f == nil {
		return nil
	}
	return append([]Output(nil), f.captures...)
}

// Call adds a call of the function, and returns its results: zero Outputs if that fails. It
// is a StatefulPartitionedCall, or a PartitionedCall if nothing in the function depends on
// state.
func (f *Function) Call(s *Scope, args ...Output) []Output {
	if f == nil || s.Err() != nil {
		if f == nil {
			if s != nil {
				s.g.failOnce("call function", "", invalidf("the function is nil"))
			}
			return nil
		}
		return make([]Output, len(f.types))
	}
	typ := "PartitionedCall"
	if f.stateful {
		typ = "StatefulPartitionedCall"
	}
	if err := f.checkCall(args); err != nil {
		s.g.fail(typ, s.path(typ), err)
		return make([]Output, len(f.types))
	}
	all := append(append(OutputList{}, args...), f.captures...)
	types := append([]dtype.DataType{}, typesOf(args)...)
	types = append(types, typesOf(f.captures)...)
	call := s.WithControlDependencies(f.control...).AddOperation(OpSpec{Type: typ, Input: []Input{all}, Attrs: map[string]any{
		"Tin": types, "Tout": f.types, "f": f.Func().AttrValue(), "config": "", "config_proto": "", "executor_type": "",
	}})
	return s.known(call, f.shapes, f.handles)
}

func (f *Function) checkCall(args []Output) error {
	if err := checkOutputs(args...); err != nil {
		return err
	}
	if len(args) != len(f.args) {
		return invalidf("%d arguments for function %q, which has %d", len(args), f.name, len(f.args))
	}
	for i, a := range args {
		if a.Op == nil {
			return invalidf("argument %d of function %q is a zero Output", i, f.name)
		}
		want := f.args[i]
		if got := argOf(a); got.dtype != want.dtype {
			return mismatchf("argument %d of function %q is %s, not %s", i, f.name, dtype.Name(got.dtype), dtype.Name(want.dtype))
		}
		if !graphbuild.Compatible(a.Shape(), want.shape) {
			return mismatchf("argument %d of function %q has the shape %v, not %v", i, f.name, a.Shape(), want.shape)
		}
	}
	return nil
}

func mismatchf(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{tfkeep.ErrMismatch}, args...)...)
}

// handlesOf returns what is known of the values of resources and variants.
func handlesOf(outputs []Output) [][]byte {
	handles := make([][]byte, len(outputs))
	for i, o := range outputs {
		handles[i] = argOf(o).handle
	}
	return handles
}

// known returns the outputs of op, with what is known of them from the body of a function.
func (s *Scope) known(op *Operation, shapes []Shape, handles [][]byte) []Output {
	outputs := make([]Output, len(shapes))
	if op == nil {
		return outputs
	}
	for i := range outputs {
		outputs[i] = op.Output(i)
		err := capi.SetShape(outputs[i], shapes[i])
		if err == nil {
			err = capi.SetHandleData(outputs[i], handles[i])
		}
		if err != nil {
			s.g.failOnce(op.Type(), op.Name(), fmt.Errorf("output %d: %w", i, err))
		}
	}
	return outputs
}
