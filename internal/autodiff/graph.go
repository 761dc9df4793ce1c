package autodiff

import (
	"fmt"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
)

// node is an operation on which the ys depend.
type node struct {
	op    *tensorflow.Operation
	name  string
	typ   string
	index int    // position in walk.nodes
	in    []port // where its inputs come from
	uses  []use  // who takes its outputs, among the nodes of the walk

	// live says of each output whether an infinitesimal change of the xs
	// changes it: the forward half of "lies between".
	live []bool
	// between says that a gradient has to pass through the node.
	between bool
	rule    rule // ours, nil where the library differentiates the node
	// isolated nodes are differentiated one by one, as a copy (isolate.go).
	isolated bool
	// level counts the nodes with a rule, or isolated, on the way from the
	// node's outputs to the ys, at most. It never grows along an edge.
	level int
}

// port is an output of a node.
type port struct {
	node  *node
	index int
}

func (p port) output() tensorflow.Output { return p.node.op.Output(p.index) }
func (p port) isLive() bool              { return p.node.live[p.index] }

// use is an input of a node, seen from the output that feeds it.
type use struct {
	output int // of the producer
	to     *node
	input  int
}

// hole says that the library's call must not run through n.
func (n *node) hole() bool { return n.rule != nil || n.isolated }

// walk is the part of the graph on which the ys depend. Inputs come before the
// nodes that take them, loops aside.
type walk struct {
	nodes  []*node
	byName map[string]*node
	ys     []port
	xs     []port // node is nil where the ys don't depend on the x
	isY    map[port]bool
	isX    map[port]bool
}

func newWalk(ys, xs, stops []tensorflow.Output) (*walk, error) {
	w := &walk{byName: make(map[string]*node), isY: make(map[port]bool), isX: make(map[port]bool)}
	for _, y := range ys {
		n, err := w.visit(y.Op)
		if err != nil {
			return nil, err
		}
		p := port{n, y.Index}
		w.ys = append(w.ys, p)
		w.isY[p] = true
	}
	for _, x := range xs {
		p := port{w.byName[x.Op.Name()], x.Index}
		w.xs = append(w.xs, p)
		w.isX[p] = p.node != nil
	}
	w.markLive(stops)
	w.markBetween()
	return w, nil
}

// visit adds op and all that it depends on. It keeps its own stack: graphs are
// thousands of nodes deep.
func (w *walk) visit(op *tensorflow.Operation) (*node, error) {
	if n := w.byName[op.Name()]; n != nil {
		return n, nil
	}
	root := w.add(op)
	type frame struct {
		n      *node
		inputs []tensorflow.Output
	}
	var stack []frame
	push := func(n *node) error {
		inputs, err := capi.Inputs(n.op)
		if err != nil {
			return fmt.Errorf("autodiff: the inputs of %q: %w", n.name, err)
		}
		stack = append(stack, frame{n, inputs})
		return nil
	}
	if err := push(root); err != nil {
		return nil, err
	}
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		if len(f.n.in) == len(f.inputs) {
			f.n.index = len(w.nodes)
			w.nodes = append(w.nodes, f.n)
			stack = stack[:len(stack)-1]
			continue
		}
		in := f.inputs[len(f.n.in)]
		producer := w.byName[in.Op.Name()]
		if producer == nil {
			producer = w.add(in.Op)
			if err := push(producer); err != nil {
				return nil, err
			}
			continue // f.n takes this input when the producer is complete
		}
		producer.uses = append(producer.uses, use{in.Index, f.n, len(f.n.in)})
		f.n.in = append(f.n.in, port{producer, in.Index})
	}
	return root, nil
}

func (w *walk) add(op *tensorflow.Operation) *node {
	n := &node{op: op, name: op.Name(), typ: op.Type(), live: make([]bool, op.NumOutputs())}
	w.byName[n.name] = n
	return n
}

// markLive follows the xs forward along differentiable values.
func (w *walk) markLive(stops []tensorflow.Output) {
	stopped := make(map[port]bool)
	for _, s := range stops {
		if n := w.byName[s.Op.Name()]; n != nil {
			stopped[port{n, s.Index}] = true
		}
	}
	for _, n := range w.nodes {
		carries := false
		for _, in := range n.in {
			carries = carries || in.isLive()
		}
		carries = carries && !stopsGradient(n.typ)
		for i := range n.live {
			p := port{n, i}
			n.live[i] = (carries && trainable(dtype.Base(p.output().DataType())) || w.isX[p]) && !stopped[p]
		}
	}
}

// markBetween follows the ys back along live values.
func (w *walk) markBetween() {
	wanted := make(map[port]bool)
	for _, y := range w.ys {
		wanted[y] = y.isLive()
	}
	for i := len(w.nodes) - 1; i >= 0; i-- {
		n := w.nodes[i]
		if stopsGradient(n.typ) {
			continue
		}
		for j := range n.live {
			if n.live[j] && wanted[port{n, j}] {
				n.between = true
			}
		}
		if !n.between {
			continue
		}
		n.between = false // unless an input can take the gradient on
		for _, in := range n.in {
			if in.isLive() {
				n.between = true
				wanted[in] = true
			}
		}
	}
}

func stopsGradient(opType string) bool { return libraryStops[opType] || pythonStops[opType] }

const (
	dtResource = tensorflow.DataType(20)
	dtVariant  = tensorflow.DataType(21)
)

// trainable says whether values of a type can change infinitesimally; resources
// and variants can, for they may hold such values.
func trainable(dt tensorflow.DataType) bool {
	switch dt {
	case tensorflow.Half, tensorflow.Bfloat16, tensorflow.Float, tensorflow.Double,
		tensorflow.Complex64, tensorflow.Complex128, dtResource, dtVariant:
		return true
	}
	return false
}
