package tf

import (
	"errors"
	"slices"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/graphdef"
)

// AttrValue is the value of a node's attribute.
type AttrValue = attr_value_go_proto.AttrValue

// Node is a node that is about to be added to a graph, as a DeviceFunc sees it.
type Node struct {
	// Type is the operation's, such as "VarHandleOp", Name the node's.
	Type, Name string
	// Device is what was said so far: by the node itself, and by devices and
	// functions within the one that is asked. It may be empty.
	Device string

	attr func(name string) (*AttrValue, error)
}

// Attr is an attribute of the node, nil where it has none of that name.
func (n Node) Attr(name string) (*AttrValue, error) {
	if n.attr == nil {
		return nil, nil
	}
	return n.attr(name)
}

func nodeOf(spec OpSpec) Node {
	return Node{Type: spec.Type, Name: spec.Name, Device: spec.Device, attr: func(name string) (*AttrValue, error) {
		value, ok := spec.Attrs[name]
		if !ok {
			return nil, nil
		}
		return capi.AttrValue(value)
	}}
}

// DeviceFunc chooses the device of a node that is being added. It is asked once
// for each, and must not use the graph.
type DeviceFunc func(n Node) (string, error)

// deviceFrame is one device, or one function, around what is being built.
type deviceFrame struct {
	spec deviceSpec
	call DeviceFunc
	// clear hides what is outside of it.
	clear bool
}

// deviceStack is what surrounds a node, the outermost first. It does not change:
// a longer one is another.
type deviceStack []deviceFrame

func (s deviceStack) with(f deviceFrame) deviceStack { return append(slices.Clip(s), f) }

// place is the device of a node: what n says itself, completed from the innermost
// frame outwards, as Python's Graph._apply_device_functions does.
func (s deviceStack) place(n Node) (string, error) {
	own, err := parseDevice(n.Device)
	if err != nil {
		return "", err
	}
	if len(s) > 0 {
		n.Device = own.String()
	}
	for _, f := range slices.Backward(s) {
		switch {
		case f.clear:
			return n.Device, nil
		case f.call == nil:
			n.Device = own.Over(f.spec).String()
		default:
			if n.Device, err = f.call(n); err != nil {
				return "", err
			}
		}
		if own, err = parseDevice(n.Device); err != nil {
			return "", err
		}
	}
	return n.Device, nil
}

// placement is where a builder's nodes go.
type placement struct {
	// around completes what device says, unless it is exactly that.
	around deviceStack
	device string
	exact  bool
}

func exactly(device string) placement { return placement{device: device, exact: true} }

// within is the surroundings, completed by device for nodes that name none.
func within(around deviceStack, device string) placement {
	return placement{around: around, device: device}
}

// of is the device of one node, which names none itself.
func (p placement) of(spec OpSpec) (string, error) {
	if p.exact {
		return p.device, nil
	}
	n := nodeOf(spec)
	n.Device = p.device
	return p.around.place(n)
}

// beside is where a node goes that is colocated with others by class: where the
// first of them is that is somewhere, or else where it says itself.
func (g *Graph) beside(class any, device string) placement {
	value, err := capi.AttrValue(class)
	if err != nil {
		return exactly(device) // a class that is none is told when the node is added
	}
	n := &graphdef.NodeDef{Attr: map[string]*AttrValue{"_class": value}}
	for _, name := range graphdef.Colocations(n) {
		if op := g.Operation(name); op != nil && op.Device() != "" {
			return exactly(op.Device())
		}
	}
	return exactly(device)
}

// placedGraph is a graph for a graphbuild.Builder, all of whose nodes go to one place.
type placedGraph struct {
	*Graph
	at placement
}

// AddOp adds a node at the place of p.
func (p placedGraph) AddOp(spec OpSpec) (*Operation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addNode(spec, p.at)
}

// surroundings are the current devices of the graph.
func (g *Graph) surroundings() deviceStack {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.devices
}

// in calls body with one more frame around.
func (g *Graph) in(f deviceFrame, body func() error) error {
	g.mu.Lock()
	g.sync()
	outer := g.devices
	g.devices = outer.with(f)
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		g.devices = outer
		g.mu.Unlock()
	}()
	err := body()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sync()
	if err == nil {
		err = g.unplaced
	}
	if len(outer) == 0 {
		g.unplaced = nil
	}
	return err
}

// WithDeviceFunc calls body; f chooses the device of each node that body adds to
// g, as a function given to Python's tf.device does. Devices and functions nest:
// the innermost is asked first, and what it answers is the Device of the Node that
// the next one sees. A nil function hides the surroundings, as tf.device(None).
//
// Nodes that are colocated with another one are where that one is; f is not asked.
func (g *Graph) WithDeviceFunc(f DeviceFunc, body func() error) error {
	return g.in(deviceFrame{call: f, clear: f == nil}, body)
}

// sync takes in the names of nodes that were added behind our back, and puts
// those that the binding's op wrappers added where the current device says.
func (g *Graph) sync() {
	if len(g.devices) == 0 {
		clear(g.placed)
		g.names.sync(g.Graph)
		return
	}
	var others []string
	g.names.syncAnd(g.Graph, func(name string) {
		if !g.placed[name] {
			others = append(others, name)
		}
	})
	clear(g.placed)
	for _, name := range others {
		if err := g.placeOther(g.Operation(name)); err != nil && g.unplaced == nil {
			g.unplaced = err
		}
	}
}

// settleAll is for the moment before a session takes the nodes over: then their
// devices can no longer change.
func (g *Graph) settleAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.devices) > 0 {
		g.sync()
	}
}

// placeOther is for an operation that is in the graph already.
func (g *Graph) placeOther(op *Operation) error {
	if op == nil {
		return nil
	}
	if with := colocations(op); len(with) > 0 {
		for _, name := range with {
			if other := g.Operation(name); other != nil && other.Device() != "" {
				return setDevice(op, other.Device())
			}
		}
		return nil
	}
	device, err := g.devices.place(existing(op))
	if err != nil {
		return err
	}
	return setDevice(op, device)
}

// existing is an operation of a graph as a DeviceFunc sees it.
func existing(op *Operation) Node {
	return Node{Type: op.Type(), Name: op.Name(), Device: op.Device(), attr: func(name string) (*AttrValue, error) {
		value, err := capi.Attr(op, name)
		if errors.Is(err, ErrInvalidArgument) {
			return nil, nil // there is none of that name
		}
		return value, err
	}}
}

// settle notes that a node of ours has its device.
func (g *Graph) settle(name string) {
	if len(g.devices) == 0 {
		return
	}
	if g.placed == nil {
		g.placed = make(map[string]bool)
	}
	g.placed[name] = true
}
