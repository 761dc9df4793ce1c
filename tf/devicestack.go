package tf

import (
	"errors"
	"slices"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/status"
)

// Node is a node that is about to be added to a graph, for a DeviceFunc.
type Node struct {
	Type string // the type of the operation, such as "VarHandleOp"
	Name string // the name of the node
	// Device is the device so far: that of the node itself, completed by the devices
	// and functions that are nested inside. It may be empty.
	Device string

	attr func(name string) (*graphdef.AttrValue, error)
}

// Attr returns an attribute of the node, or nil if it has none of that name.
func (n Node) Attr(name string) (*graphdef.AttrValue, error) {
	if n.attr == nil {
		return nil, nil
	}
	return n.attr(name)
}

func nodeOf(spec OpSpec) Node {
	return Node{Type: spec.Type, Name: spec.Name, Device: spec.Device, attr: func(name string) (*graphdef.AttrValue, error) {
		value, ok := spec.Attrs[name]
		if !ok {
			return nil, nil
		}
		return capi.AttrValue(value)
	}}
}

// DeviceFunc returns the device of a node that is being added. It is called once for each
// node, and must not use the graph.
type DeviceFunc func(n Node) (string, error)

// deviceFrame is one device or one function of a deviceStack.
type deviceFrame struct {
	spec deviceSpec
	call DeviceFunc
	// clear hides the frames outside.
	clear bool
}

// deviceStack has the nested devices and functions that apply to a node, the outermost
// first. It is immutable.
type deviceStack []deviceFrame

func (s deviceStack) with(f deviceFrame) deviceStack { return append(slices.Clip(s), f) }

// deviceOf returns the device of a node: its own, completed from the innermost frame
// outwards, as Python's Graph._apply_device_functions does.
func (s deviceStack) deviceOf(n Node) (string, error) {
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

// placement decides the devices of nodes.
type placement struct {
	device string
	stack  deviceStack // completes device, unless exact is set
	exact  bool
}

// exactly places nodes on a device, whatever the current device is.
func exactly(device string) placement { return placement{device: device, exact: true} }

// within places nodes on a device that a stack completes.
func within(stack deviceStack, device string) placement {
	return placement{device: device, stack: stack}
}

// deviceOf returns the device of a node, whose spec has no device of its own.
func (p placement) deviceOf(spec OpSpec) (string, error) {
	if p.exact {
		return p.device, nil
	}
	n := nodeOf(spec)
	n.Device = p.device
	return p.stack.deviceOf(n)
}

// colocated places a node that is colocated with others by class: on the device of the
// first of them that has one, or else on its own device.
func (g *Graph) colocated(class any, device string) placement {
	value, err := capi.AttrValue(class)
	if err != nil {
		return exactly(device) // the error is reported when the node is added
	}
	n := &graphdef.NodeDef{Attr: map[string]*graphdef.AttrValue{"_class": value}}
	for _, name := range nodedef.Colocations(n) {
		if op := g.Operation(name); op != nil && op.Device() != "" {
			return exactly(op.Device())
		}
	}
	return exactly(device)
}

// placedGraph is a graph for a graphbuild.Builder whose nodes all have one placement.
type placedGraph struct {
	*Graph
	at placement
}

// AddOp adds a node with the placement of p.
func (p placedGraph) AddOp(spec OpSpec) (*Operation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addNode(spec, p.at)
}

// currentDevices returns the devices and functions that apply to new nodes.
func (g *Graph) currentDevices() deviceStack {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.devices
}

// withFrame calls body with one more frame.
func (g *Graph) withFrame(f deviceFrame, body func() error) error {
	if err := g.givenUp(); err != nil {
		return err
	}
	if body == nil {
		return invalidf("the function that adds the operations is nil")
	}
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
	if err == nil && g.err != nil {
		err = g.err
	}
	if len(outer) == 0 {
		g.unplaced = nil
	}
	return err
}

// WithDeviceFunc calls body. f returns the device of each node that body adds to g, like
// a function that is passed to Python's tf.device. Devices and functions nest: the
// innermost comes first, and its result is the Device of the Node for the next one. A nil
// f hides the devices and functions outside, like tf.device(None).
//
// A node that is colocated with another one is on its device; f is not called for it.
func (g *Graph) WithDeviceFunc(f DeviceFunc, body func() error) error {
	return g.withFrame(deviceFrame{call: f, clear: f == nil}, body)
}

// sync adds the names of nodes that were added without AddOp, and places those that the
// binding added on the current device.
func (g *Graph) sync() {
	if len(g.devices) == 0 {
		clear(g.placed)
		g.names.sync(g.binding)
		return
	}
	added := g.names.sync(g.binding)
	placed := g.placed
	g.placed = nil
	for _, name := range added {
		if placed[name] {
			continue
		}
		if err := g.placeExisting(g.Operation(name)); err != nil && g.unplaced == nil {
			g.unplaced = err
		}
	}
}

// placeAll places all nodes. It is called before a session uses them, because their
// devices cannot change after that.
func (g *Graph) placeAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.devices) > 0 {
		g.sync()
	}
}

// placeExisting places an operation that is in the graph already.
func (g *Graph) placeExisting(op *Operation) error {
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
	device, err := g.devices.deviceOf(existingNode(op))
	if err != nil {
		return err
	}
	return setDevice(op, device)
}

// existingNode returns an operation of a graph as a Node.
func existingNode(op *Operation) Node {
	return Node{Type: op.Type(), Name: op.Name(), Device: op.Device(), attr: func(name string) (*graphdef.AttrValue, error) {
		value, err := capi.Attr(op, name)
		if errors.Is(err, status.InvalidArgument) {
			return nil, nil // op has no attribute of that name
		}
		return value, err
	}}
}

// markPlaced records that a node has its device.
func (g *Graph) markPlaced(name string) {
	if len(g.devices) == 0 {
		return
	}
	if g.placed == nil {
		g.placed = make(map[string]bool)
	}
	g.placed[name] = true
}
