package tf

import (
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// body is what a graph knows that is traced into a function.
type body struct {
	outer    *Graph
	index    map[string]int // the captured tensors of outer, by name
	captures []capture
	control  []*Operation // operations of outer that the call of the function waits for
}

// capture is a tensor from outside that a body uses. Every call passes it as an argument.
type capture struct{ outer, inner Output }

// root returns the graph outside of all bodies, which has the functions.
func (g *Graph) root() *Graph {
	for g.body != nil {
		g = g.body.outer
	}
	return g
}

// captureInputs replaces inputs from the graphs around a body by arguments of the body.
func (g *Graph) captureInputs(spec OpSpec) (OpSpec, error) {
	if g.body == nil {
		return spec, nil
	}
	inputs := slices.Clone(spec.Input)
	for i, input := range inputs {
		switch in := input.(type) {
		case Output:
			inner, err := g.captured(in)
			if err != nil {
				return spec, fmt.Errorf("input %d: %w", i, err)
			}
			inputs[i] = inner
		case tensorflow.OutputList:
			list := slices.Clone(in)
			for k, o := range list {
				inner, err := g.captured(o)
				if err != nil {
					return spec, fmt.Errorf("input %d, tensor %d: %w", i, k, err)
				}
				list[k] = inner
			}
			inputs[i] = list
		}
	}
	spec.Input = inputs
	return spec, nil
}

// captured returns o as a tensor of g: an argument, if o belongs to a graph around g.
func (g *Graph) captured(o Output) (Output, error) {
	if o.Op == nil {
		return o, invalidf("it is a zero Output")
	}
	if capi.GraphOf(o.Op) == g.binding {
		return o, nil
	}
	if g.body == nil {
		return o, invalidf("%q belongs to another graph: in the body of a function, use the scope and the tensors that the body gets", o.Op.Name())
	}
	o, err := g.body.outer.captured(o)
	if err != nil {
		return o, err
	}
	return g.capture(o)
}

// capture returns the argument for a tensor of the graph around g.
func (g *Graph) capture(o Output) (Output, error) {
	name := graphbuild.TensorName(o)
	if dt := dtype.DataType(o.DataType()); dtype.Base(dt) != dt {
		return o, &tfkeep.Error{Op: "capture", Item: "tensor", Name: name, Err: tfkeep.ErrUnsupported,
			Detail: "the body of a function cannot use the reference of a variable: read the variable outside of the body, with Value or Read, or make it a resource variable"}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if i, ok := g.body.index[name]; ok {
		return g.body.captures[i].inner, nil
	}
	inner, err := g.placeholder(o.Op.Name(), argOf(o))
	if err != nil {
		return o, err
	}
	g.body.index[name] = len(g.body.captures)
	g.body.captures = append(g.body.captures, capture{o, inner})
	return inner, nil
}

// captureControl leaves out the operations from the graphs around a body. The call of the
// function waits for them.
func (g *Graph) captureControl(ops []*Operation) []*Operation {
	if g.body == nil || len(ops) == 0 {
		return ops
	}
	var own []*Operation
	for _, op := range ops {
		if capi.GraphOf(op) == g.binding {
			own = append(own, op)
			continue
		}
		g.mu.Lock()
		if !slices.ContainsFunc(g.body.control, func(o *Operation) bool { return o.Name() == op.Name() }) {
			g.body.control = append(g.body.control, op)
		}
		g.mu.Unlock()
	}
	return own
}

// argument describes an argument of a body.
type argument struct {
	dtype  dtype.DataType
	shape  Shape
	handle []byte // what is known of the values of a resource or variant
}

func argOf(o Output) argument {
	a := argument{dtype: graphbuild.TypeOf(o), shape: o.Shape()}
	if a.dtype == dtype.Resource || a.dtype == dtype.Variant {
		a.handle, _ = capi.HandleData(o)
	}
	return a
}

// placeholder adds the node that stands for an argument. The graph is locked.
func (g *Graph) placeholder(name string, a argument) (Output, error) {
	op, err := g.addNode(OpSpec{Type: "Placeholder", Name: name, Attrs: map[string]any{"dtype": a.dtype, "shape": a.shape}}, exactly(""))
	if err != nil {
		return Output{}, err
	}
	return op.Output(0), capi.SetHandleData(op.Output(0), a.handle)
}

// traced is a Go function as a graph.
type traced struct {
	what    string // "the body at model.go:12", for errors
	g       *Graph
	args    []Output
	results []Output
}

// bodyFunc is a Go function that adds the operations of a body.
type bodyFunc = func(s *Scope, args []Output) []Output

// place names a Go function by its role, file and line.
func place(role string, f any) string {
	fn := runtime.FuncForPC(reflect.ValueOf(f).Pointer())
	if fn == nil {
		return "the " + role
	}
	file, line := fn.FileLine(fn.Entry())
	return fmt.Sprintf("the %s at %s:%d", role, filepath.Base(file), line)
}

// trace calls f with a scope of a new graph. The captures before are the first ones.
func (s *Scope) trace(what string, names []string, args []argument, before []capture, f bodyFunc) (*traced, error) {
	g := NewGraph()
	g.body = &body{outer: s.g, index: make(map[string]int)}
	g.devices = append(slices.Clip(s.g.currentDevices()), s.devices...)
	t := &traced{what: what, g: g}
	for i, a := range args {
		arg, err := func() (Output, error) {
			g.mu.Lock()
			defer g.mu.Unlock()
			return g.placeholder(names[i], a)
		}()
		if err != nil {
			return nil, fmt.Errorf("argument %d of %s: %w", i, what, err)
		}
		t.args = append(t.args, arg)
	}
	for _, c := range before {
		if _, err := g.capture(c.outer); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
	}
	results := f(g.Scope(), slices.Clone(t.args))
	if err := g.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	for i, r := range results {
		inner, err := g.captured(r)
		if err != nil {
			return nil, fmt.Errorf("result %d of %s: %w", i, what, err)
		}
		t.results = append(t.results, inner)
	}
	return t, nil
}

// arguments returns the argument of each tensor.
func arguments(outputs []Output) []argument {
	args := make([]argument, len(outputs))
	for i, o := range outputs {
		args[i] = argOf(o)
	}
	return args
}

func typesOf(outputs []Output) []dtype.DataType {
	types := make([]dtype.DataType, len(outputs))
	for i, o := range outputs {
		types[i] = graphbuild.TypeOf(o)
	}
	return types
}

func shapesOf(outputs []Output) []Shape {
	shapes := make([]Shape, len(outputs))
	for i, o := range outputs {
		shapes[i] = o.Shape()
	}
	return shapes
}
