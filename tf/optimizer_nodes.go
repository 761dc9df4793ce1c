package tf

import (
	"slices"

	"github.com/tfkeep/tfkeep/dtype"
)

// nodes adds the nodes of a training step under a name scope, named, placed and
// colocated as Python's are. The first error sticks: later calls do nothing.
type nodes struct {
	g       *Graph
	scope   string   // without a slash at its end
	class   []string // colocation
	place   placement
	control []*Operation // what every node waits for
	err     *error
}

// newNodes opens the scope name, made unique, on the graph's current device.
func newNodes(g *Graph, name string) *nodes {
	return &nodes{g: g, scope: g.UniqueName(name), place: within(g.surroundings(), ""), err: new(error)}
}

// at opens a scope within n for nodes that live where v does.
func (n *nodes) at(name string, v *Variable) *nodes {
	inner := *n
	inner.scope = n.unique(name)
	return inner.with(v)
}

// with is n for nodes that live where v does.
func (n *nodes) with(v *Variable) *nodes {
	inner := *n
	inner.class, inner.place = colocationGroup(v.handle.Op), exactly(v.handle.Op.Device())
	return &inner
}

// after is n for nodes that wait for ops as well.
func (n *nodes) after(ops ...*Operation) *nodes {
	inner := *n
	inner.control = append(slices.Clone(n.control), ops...)
	return &inner
}

// now is n for nodes that wait for nothing: one of their inputs has waited.
func (n *nodes) now() *nodes {
	inner := *n
	inner.control = nil
	return &inner
}

// anywhere is n for nodes without a device or colocation, which is how Python
// reads a variable that is used as a value.
func (n *nodes) anywhere() *nodes {
	inner := *n
	inner.class, inner.place = nil, exactly("")
	return &inner
}

func (n *nodes) unique(name string) string { return n.g.UniqueName(n.scope + "/" + name) }

// add adds a node under exactly this name, which UniqueName gave.
func (n *nodes) add(typ, name string, attrs map[string]any, inputs ...Output) *Operation {
	if *n.err != nil {
		return nil
	}
	spec := OpSpec{Type: typ, Name: name, Attrs: make(map[string]any, len(attrs)+1)}
	for key, value := range attrs {
		spec.Attrs[key] = value
	}
	if len(n.class) > 0 {
		spec.Attrs["_class"] = n.class
	}
	for _, in := range inputs {
		spec.Input = append(spec.Input, in)
	}
	seen := make(map[string]bool, len(n.control))
	for _, op := range n.control {
		if name := op.Name(); !seen[name] {
			seen[name] = true
			spec.ControlDependencies = append(spec.ControlDependencies, op)
		}
	}
	op, err := n.g.addExact(spec, n.place)
	if err != nil {
		*n.err = err
	}
	return op
}

// addExact adds an operation under the name of spec.
func (g *Graph) addExact(spec OpSpec, at placement) (*Operation, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.addAt(spec, at)
}

// op adds a node named after its type.
func (n *nodes) op(typ string, attrs map[string]any, inputs ...Output) *Operation {
	return n.add(typ, n.unique(typ), attrs, inputs...)
}

// value is op for operations that Python names differently, such as mul.
func (n *nodes) value(typ, name string, inputs ...Output) Output {
	return first(n.add(typ, n.unique(name), nil, inputs...))
}

func first(op *Operation) Output {
	if op == nil {
		return Output{}
	}
	return op.Output(0)
}

// constant adds a Const under exactly this name.
func (n *nodes) constant(name string, dt DataType, v any, dims ...int64) Output {
	if *n.err != nil {
		return Output{}
	}
	value, err := filled(dt, v, dims)
	if err != nil {
		*n.err = err
		return Output{}
	}
	return first(n.add("Const", name, map[string]any{"dtype": dt, "value": value}))
}

// number adds a hyperparameter, which Python keeps as float32.
func (n *nodes) number(name string, v float64) Output {
	return n.constant(n.unique(name), Float, v)
}

// cast converts x to dt, where it is not of that type.
func (n *nodes) cast(x Output, dt DataType) Output {
	if *n.err != nil || dtype.Base(x.DataType()) == dt {
		return x
	}
	return first(n.op("Cast", map[string]any{"DstT": dt}, x))
}

// castVariable is cast for the value of a variable, read in the Cast's scope.
// Where there is nothing to cast it is read by readFor.
func (n *nodes) castVariable(v *Variable, dt DataType, readFor func(*Variable) Output) Output {
	if *n.err != nil || v.dtype == dt {
		return readFor(v)
	}
	name := n.unique("Cast")
	return first(n.add("Cast", name, map[string]any{"DstT": dt}, n.readAs(v, name+"/ReadVariableOp")))
}

// read is the value of v as of now: a read of its own for a resource.
func (n *nodes) read(v *Variable) Output {
	if !v.resource {
		return v.value
	}
	return n.readAs(v, n.scope+"/ReadVariableOp")
}

func (n *nodes) readAs(v *Variable, name string) Output {
	if !v.resource {
		return v.value
	}
	return first(n.anywhere().add("ReadVariableOp", n.g.UniqueName(name), map[string]any{"dtype": v.dtype}, v.handle))
}

// group adds a NoOp that waits for ops, under exactly this name. Where they are
// on several devices each has a NoOp of its own, so that one message per device
// is enough.
func (n *nodes) group(name string, ops ...*Operation) *Operation {
	if *n.err != nil {
		return nil
	}
	byDevice := make(map[string][]*Operation)
	var devices []string
	for _, op := range ops {
		d := op.Device()
		if byDevice[d] == nil {
			devices = append(devices, d)
		}
		byDevice[d] = append(byDevice[d], op)
	}
	slices.Sort(devices)
	on := func(device string) *nodes {
		there := n.after(byDevice[device]...)
		if device != "" && !there.place.exact {
			there.place.device = device
		}
		return there
	}
	if len(devices) == 1 {
		return on(devices[0]).add("NoOp", name, nil)
	}
	var groups []*Operation
	for _, d := range devices {
		groups = append(groups, on(d).add("NoOp", n.g.UniqueName(name+"/NoOp"), nil))
	}
	if *n.err != nil {
		return nil
	}
	return n.after(groups...).add("NoOp", name, nil)
}

// apply adds Apply… or ResourceApply…, whichever v takes.
func (n *nodes) apply(kind string, v *Variable, locking bool, inputs ...Output) *Operation {
	return n.applyWith("Apply"+kind, v, map[string]any{"use_locking": locking}, inputs...)
}

// applySparse adds SparseApply… or ResourceSparseApply….
func (n *nodes) applySparse(kind string, v *Variable, locking bool, inputs ...Output) *Operation {
	return n.applyWith("SparseApply"+kind, v, map[string]any{"use_locking": locking}, inputs...)
}

func (n *nodes) applyWith(typ string, v *Variable, attrs map[string]any, inputs ...Output) *Operation {
	if v.resource {
		typ = "Resource" + typ
	}
	return n.op(typ, attrs, inputs...)
}
