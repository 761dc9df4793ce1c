package graphbuild

import (
	"maps"
	"slices"
	"strconv"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/devicename"
)

// Graph is what a Builder adds nodes to.
type Graph interface {
	// UniqueName makes a name unique in the graph and marks it as used.
	UniqueName(name string) string
	// AddOp adds a node. If the name of spec ends in a slash, the node has exactly
	// that name, without the slash; otherwise the name is made unique. A node with
	// the attribute "_class" is placed with the nodes that it names. If it names
	// none, the node is placed on spec.Device only, and has no such attribute.
	AddOp(spec tensorflow.OpSpec) (*tensorflow.Operation, error)
}

// Builder adds nodes to a graph under a name scope. The methods that change where
// or when nodes are added return changed copies, which share the error.
type Builder struct {
	graph   Graph
	scope   string // without a slash at its end
	device  string
	class   []string // the colocation groups of the nodes
	alone   bool     // the graph's current device does not count
	control []*tensorflow.Operation
	err     *error
}

// New returns a Builder for nodes under a scope, which may be "" for the root.
func New(g Graph, scope string) *Builder {
	return &Builder{graph: g, scope: scope, err: new(error)}
}

// Open makes name unique and returns a Builder for nodes under it.
func Open(g Graph, name string) *Builder { return New(g, g.UniqueName(name)) }

// Err returns the first error.
func (b *Builder) Err() error { return *b.err }

// Fail makes err the Builder's error, unless it has one already.
func (b *Builder) Fail(err error) {
	if *b.err == nil {
		*b.err = err
	}
}

// Scope returns the scope, without a slash at its end.
func (b *Builder) Scope() string { return b.scope }

// Open makes name unique within the scope and returns a Builder for nodes under it.
func (b *Builder) Open(name string) *Builder { return b.Within(b.Unique(name)) }

// Within returns a Builder for nodes under another scope, given in full.
func (b *Builder) Within(scope string) *Builder {
	inner := *b
	inner.scope = scope
	return &inner
}

// Beside returns a Builder for nodes that are colocated with op, on its device.
func (b *Builder) Beside(op *tensorflow.Operation) *Builder {
	inner := *b
	inner.device, inner.class, inner.alone = op.Device(), ColocationGroup(op), true
	return &inner
}

// Unplaced returns a Builder for nodes without a device or colocation.
func (b *Builder) Unplaced() *Builder {
	inner := *b
	inner.device, inner.class, inner.alone = "", nil, true
	return &inner
}

// In returns a Builder for nodes that join colocation groups.
func (b *Builder) In(class []string) *Builder {
	inner := *b
	inner.class = class
	return &inner
}

// After returns a Builder for nodes that wait for ops as well.
func (b *Builder) After(ops ...*tensorflow.Operation) *Builder {
	inner := *b
	inner.control = append(slices.Clone(b.control), ops...)
	return &inner
}

// WithoutControl returns a Builder for nodes that wait for nothing.
func (b *Builder) WithoutControl() *Builder {
	inner := *b
	inner.control = nil
	return &inner
}

// Unique makes a name unique within the scope and marks it as used. It returns the
// full name.
func (b *Builder) Unique(name string) string { return b.graph.UniqueName(b.path(name)) }

func (b *Builder) path(name string) string {
	if b.scope == "" {
		return name
	}
	return b.scope + "/" + name
}

// Add adds a node under a full name, which must be unused or come from Unique. It
// returns nil after an error.
func (b *Builder) Add(typ, name string, attrs map[string]any, inputs ...tensorflow.Input) *tensorflow.Operation {
	if *b.err != nil {
		return nil
	}
	spec := tensorflow.OpSpec{
		Type: typ, Name: name + "/", Input: inputs, Device: b.device,
		Attrs: make(map[string]any, len(attrs)+1), ControlDependencies: distinct(b.control),
	}
	maps.Copy(spec.Attrs, attrs)
	if b.alone || len(b.class) > 0 {
		spec.Attrs["_class"] = b.class
	}
	op, err := b.graph.AddOp(spec)
	if err != nil {
		*b.err = err
		return nil
	}
	return op
}

// distinct returns the operations without repetitions.
func distinct(ops []*tensorflow.Operation) []*tensorflow.Operation {
	seen := make(map[string]bool, len(ops))
	var kept []*tensorflow.Operation
	for _, op := range ops {
		if name := op.Name(); !seen[name] {
			seen[name] = true
			kept = append(kept, op)
		}
	}
	return kept
}

// Op adds a node that is named after its type.
func (b *Builder) Op(typ string, attrs map[string]any, inputs ...tensorflow.Input) *tensorflow.Operation {
	if *b.err != nil {
		return nil
	}
	return b.Add(typ, b.Unique(typ), attrs, inputs...)
}

// Value adds a node without attributes and returns its first output.
func (b *Builder) Value(typ, name string, inputs ...tensorflow.Input) tensorflow.Output {
	if *b.err != nil {
		return tensorflow.Output{}
	}
	return First(b.Add(typ, b.Unique(name), nil, inputs...))
}

// TensorName returns the name of a tensor of a graph, "a:0".
func TensorName(o tensorflow.Output) string { return o.Op.Name() + ":" + strconv.Itoa(o.Index) }

// TypeOf returns the element type of a tensor. For a reference it is the type that the
// reference refers to.
func TypeOf(o tensorflow.Output) dtype.DataType { return dtype.DataType(dtype.Base(o.DataType())) }

// Compatible reports whether two shapes can be the same.
func Compatible(a, b tensorflow.Shape) bool {
	if a.NumDimensions() < 0 || b.NumDimensions() < 0 {
		return true
	}
	if a.NumDimensions() != b.NumDimensions() {
		return false
	}
	for i := range a.NumDimensions() {
		if a.Size(i) >= 0 && b.Size(i) >= 0 && a.Size(i) != b.Size(i) {
			return false
		}
	}
	return true
}

// First returns the first output of op, or an empty Output if op is nil.
func First(op *tensorflow.Operation) tensorflow.Output {
	if op == nil {
		return tensorflow.Output{}
	}
	return op.Output(0)
}

// Const adds a Const under a full name, in which every element is v, a Go scalar.
func (b *Builder) Const(name string, dt dtype.DataType, v any, dims ...int64) tensorflow.Output {
	if *b.err != nil {
		return tensorflow.Output{}
	}
	value, err := Filled(dt, v, dims)
	if err != nil {
		*b.err = err
		return tensorflow.Output{}
	}
	return b.ConstOf(name, value)
}

// ConstOf adds a Const with a value that Filled or Values made, under a full name.
func (b *Builder) ConstOf(name string, value *attr_value_go_proto.AttrValue) tensorflow.Output {
	dt := value.GetTensor().GetDtype()
	return First(b.Add("Const", name, map[string]any{"dtype": dt, "value": value}))
}

// Cast converts x to dt. It adds nothing if x has that type already.
func (b *Builder) Cast(x tensorflow.Output, dt dtype.DataType) tensorflow.Output {
	if *b.err != nil || TypeOf(x) == dt {
		return x
	}
	return First(b.Op("Cast", map[string]any{"DstT": dt}, x))
}

// Group adds a NoOp that waits for ops, under a full name. If they are on several
// devices, each device gets a NoOp of its own, so that one message per device is
// enough.
func (b *Builder) Group(name string, ops ...*tensorflow.Operation) *tensorflow.Operation {
	if *b.err != nil {
		return nil
	}
	byDevice := make(map[string][]*tensorflow.Operation)
	for _, op := range ops {
		byDevice[op.Device()] = append(byDevice[op.Device()], op)
	}
	on := func(device string) *Builder {
		there := b.After(byDevice[device]...)
		if device != "" && !b.alone {
			there.device = device
		}
		return there
	}
	devices := slices.Sorted(maps.Keys(byDevice))
	if len(devices) == 1 {
		return on(devices[0]).Add("NoOp", name, nil)
	}
	var groups []*tensorflow.Operation
	for _, device := range devices {
		groups = append(groups, on(device).Add("NoOp", b.graph.UniqueName(name+"/NoOp"), nil))
	}
	if *b.err != nil {
		return nil
	}
	return b.After(groups...).Add("NoOp", name, nil)
}

// ColocationGroup returns the groups of a node that is colocated with op: the groups that
// op is in or, if it is in none, the group of op itself.
func ColocationGroup(op *tensorflow.Operation) []string {
	if group, err := op.Attr("_class"); err == nil {
		if group, ok := group.([]string); ok && len(group) > 0 {
			return group
		}
	}
	return []string{devicename.ColocationPrefix + op.Name()}
}
