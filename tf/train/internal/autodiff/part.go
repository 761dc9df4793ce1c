package autodiff

import (
	"fmt"
	"slices"
	"strconv"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/versions_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// part is a copy of some nodes of a graph in a graph of its own, to be differentiated there: one
// iteration of a loop, for example. What the nodes take from outside are placeholders. The copy
// never runs; its gradient is moved back into the graph afterwards.
type part struct {
	outer    *tensorflow.Graph
	graph    *tensorflow.Graph
	nodes    map[string]*tensorflow.Operation // of the outer graph, by their name, which the copy has too
	inputs   map[string]output                // what placeholders stand for, by their names
	subgraph *subgraph

	// forward has the names of the nodes that belong to the part itself and not to its gradient.
	forward map[string]bool
	// stacks are placeholders for Stacks that loops in the part use, by the type of their
	// elements. The Stacks are outside all loops.
	stacks map[string]dtype.DataType
	// begins are the nodes with which such loops begin to put values on Stacks, and ends those
	// that follow when their backward loops have taken all values. The executions of a loop
	// must not overtake one another.
	begins, ends map[string]bool
	// changed are nodes of the copy that their gradient has changed (changes.go).
	changed map[string]bool
	// madeForward are the nodes of the gradient that make inputs of these nodes.
	madeForward map[string]bool
}

// copier makes a part.
type copier struct {
	outer *tensorflow.Graph
	// names has the placeholders for tensors.
	names map[tensorID]string
	// follows reports whether the part waits for an operation: its control inputs are kept.
	follows func(op string) bool
	defs    []*node_def_go_proto.NodeDef
	nodes   map[string]*tensorflow.Operation
	order   []*tensorflow.Operation
}

// newPart copies what the roots depend on, up to the tensors that inputs gives a name. edges are
// the operations at its edge, for which nothing in the copy waits.
func newPart(outer *tensorflow.Graph, roots []output, names map[tensorID]string, inputs map[string]output, edges map[string]bool) (*part, error) {
	c := &copier{
		outer: outer, names: names, nodes: make(map[string]*tensorflow.Operation),
		follows: func(op string) bool { return !edges[op] },
	}
	return c.copy(roots, inputs)
}

func (c *copier) copy(roots []output, inputs map[string]output) (*part, error) {
	for _, name := range sortedKeys(inputs) {
		if err := c.addPlaceholder(name, inputs[name]); err != nil {
			return nil, err
		}
	}
	for _, root := range roots {
		if c.names[idOf(root)] == "" {
			if err := c.copyAll(root.Op); err != nil {
				return nil, err
			}
		}
	}
	p := &part{
		outer: c.outer, graph: tensorflow.NewGraph(), nodes: c.nodes, inputs: inputs,
		forward: make(map[string]bool), stacks: make(map[string]dtype.DataType),
		begins: make(map[string]bool), ends: make(map[string]bool), changed: make(map[string]bool), madeForward: make(map[string]bool),
	}
	for name := range p.nodes {
		p.forward[name] = true
	}
	for name := range p.inputs {
		p.forward[name] = true
	}
	if err := capi.CopyFunctions(p.graph, c.outer); err != nil {
		return nil, err
	}
	if err := importNodes(p.graph, c.outer, c.defs, nil); err != nil {
		return nil, fmt.Errorf("copy a part of the graph: %w", err)
	}
	return p, c.copyShapes(p)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (c *copier) addPlaceholder(name string, like output) error {
	def, err := placeholder(name, like)
	if err != nil {
		return err
	}
	c.defs = append(c.defs, def)
	return nil
}

// placeholder returns a node with the type and shape of a tensor.
func placeholder(name string, like output) (*node_def_go_proto.NodeDef, error) {
	return newNode("Placeholder", name, attrs{"dtype": graphbuild.TypeOf(like), "shape": like.Shape()})
}

func newNode(typ, name string, a attrs, inputs ...string) (*node_def_go_proto.NodeDef, error) {
	def := new(node_def_go_proto.NodeDef)
	def.Op, def.Name, def.Input = typ, name, inputs
	def.Attr = make(attrValues, len(a))
	for key, value := range a {
		v, err := capi.AttrValue(value)
		if err != nil {
			return nil, err
		}
		def.Attr[key] = v
	}
	return def, nil
}

// copyAll copies an operation and all that it depends on.
func (c *copier) copyAll(op *tensorflow.Operation) error {
	stack := []*tensorflow.Operation{op}
	for len(stack) > 0 {
		op := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if c.nodes[op.Name()] != nil {
			continue
		}
		c.nodes[op.Name()] = op
		def, err := capi.NodeDef(op)
		if err != nil {
			return err
		}
		def.Input = nil
		delete(def.Attr, "_class")
		delete(def.Attr, "_output_shapes")
		in, err := capi.Inputs(op)
		if err != nil {
			return err
		}
		for _, o := range in {
			if name := c.names[idOf(o)]; name != "" {
				def.Input = append(def.Input, name)
				continue
			}
			def.Input = append(def.Input, tensorRef(o.Op.Name(), o.Index))
			stack = append(stack, o.Op)
		}
		control, err := capi.ControlInputs(op)
		if err != nil {
			return err
		}
		for _, before := range control {
			if c.follows(before.Name()) {
				def.Input = append(def.Input, "^"+before.Name())
				stack = append(stack, before)
			}
		}
		c.defs = append(c.defs, def)
		c.order = append(c.order, op)
	}
	return nil
}

// tensorRef is how a NodeDef names a tensor.
func tensorRef(op string, index int) string {
	if index == 0 {
		return op
	}
	return op + ":" + strconv.Itoa(index)
}

// copyShapes tells the copy what the outer graph knows about shapes and resources.
func (c *copier) copyShapes(p *part) error {
	for name, o := range p.inputs {
		if err := copyHandle(p.graph.Operation(name).Output(0), o); err != nil {
			return err
		}
	}
	for _, op := range c.order {
		twin := p.graph.Operation(op.Name())
		for i := range op.NumOutputs() {
			known := op.Output(i).Shape()
			if known.NumDimensions() < 0 || known.String() == twin.Output(i).Shape().String() {
				continue
			}
			if err := capi.SetShape(twin.Output(i), known); err != nil {
				return err
			}
		}
	}
	return nil
}

// tensor returns the copy's tensor for one of the outer graph.
func (p *part) tensor(names map[tensorID]string, o output) output {
	if name := names[idOf(o)]; name != "" {
		return p.graph.Operation(name).Output(0)
	}
	return p.graph.Operation(o.Op.Name()).Output(o.Index)
}

// origin returns the tensor of the outer graph for one of the copy.
func (p *part) origin(id tensorID) (output, bool) {
	if o, ok := p.inputs[id.op]; ok {
		return o, true
	}
	if op := p.nodes[id.op]; op != nil {
		return op.Output(id.index), true
	}
	return output{}, false
}

// mapStops returns the tensors in the copy at which the gradient stops.
func (p *part) mapStops(stops []output) []output {
	var mapped []output
	for _, s := range stops {
		if p.nodes[s.Op.Name()] != nil {
			mapped = append(mapped, p.graph.Operation(s.Op.Name()).Output(s.Index))
		}
	}
	return mapped
}

// importNodes adds nodes to a graph whose versions are those of like.
func importNodes(g, like *tensorflow.Graph, defs []*node_def_go_proto.NodeDef, o *capi.ImportOptions) error {
	versions, err := capi.Versions(like)
	if err != nil {
		return err
	}
	def := new(graph_go_proto.GraphDef)
	def.Node = defs
	def.Versions = new(versions_go_proto.VersionDef)
	if err := proto.Unmarshal(versions, def.Versions); err != nil {
		return err
	}
	raw, err := proto.Marshal(def)
	if err != nil {
		return err
	}
	_, err = capi.Import(g, raw, o)
	return err
}

// addStack adds a placeholder for a Stack.
func (p *part) addStack(elements dtype.DataType) (output, error) {
	name := "stack_" + strconv.Itoa(len(p.stacks))
	op, err := capi.AddOperation(p.graph, tensorflow.OpSpec{
		Type: "Placeholder", Name: name, Attrs: attrs{"dtype": dtype.Resource, "shape": tensorflow.ScalarShape()},
	})
	if err != nil {
		return output{}, err
	}
	p.stacks[name], p.forward[name] = elements, true
	return op.Output(0), nil
}
