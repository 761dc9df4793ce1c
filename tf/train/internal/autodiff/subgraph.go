package autodiff

import (
	"fmt"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// node is an operation on which the ys depend.
type node struct {
	op    *tensorflow.Operation
	name  string
	typ   string
	index int    // position in subgraph.nodes
	in    []port // the outputs that feed it
	uses  []use  // the inputs in the subgraph that its outputs feed

	// live reports for each output whether a small change of the xs changes it.
	live []bool
	// onPath means that a gradient has to pass through the node: it lies between the xs
	// and the ys.
	onPath bool
	// rule differentiates the node; nil means that the library does.
	rule rule
	// isolated nodes are differentiated one by one, as a copy (copy.go).
	isolated bool
	// level is the largest number of separate nodes on a way from the node's outputs to
	// the ys. It never grows along an edge.
	level int
}

// separate reports whether the node is differentiated by itself: the library's calls
// must not pass through it.
func (n *node) separate() bool { return n.rule != nil || n.isolated }

// port is an output of a node.
type port struct {
	node  *node
	index int
}

func (p port) output() tensorflow.Output { return p.node.op.Output(p.index) }
func (p port) isLive() bool              { return p.node.live[p.index] }

// hasUse reports whether p feeds a node for which match returns true.
func (p port) hasUse(match func(*node) bool) bool {
	for _, u := range p.node.uses {
		if u.output == p.index && match(u.to) {
			return true
		}
	}
	return false
}

// use is an input of a node, seen from the output that feeds it.
type use struct {
	output int // of the producer
	to     *node
	input  int
}

// subgraph is the part of the graph on which the ys depend. A node comes after the nodes
// that feed it, except in loops.
type subgraph struct {
	nodes  []*node
	byName map[string]*node
	ys     []port
	xs     []port // node is nil if the ys do not depend on the x
	isY    map[port]bool
	isX    map[port]bool
}

func newSubgraph(ys, xs, stops []tensorflow.Output) (*subgraph, error) {
	s := &subgraph{byName: make(map[string]*node), isY: make(map[port]bool), isX: make(map[port]bool)}
	for _, y := range ys {
		n, err := s.addAll(y.Op)
		if err != nil {
			return nil, err
		}
		p := port{n, y.Index}
		s.ys = append(s.ys, p)
		s.isY[p] = true
	}
	for _, x := range xs {
		p := port{s.byName[x.Op.Name()], x.Index}
		s.xs = append(s.xs, p)
		s.isX[p] = p.node != nil
	}
	s.markLive(stops)
	s.markOnPath()
	return s, nil
}

// addAll adds op and everything that it depends on. It has its own stack: graphs are
// thousands of nodes deep.
func (s *subgraph) addAll(op *tensorflow.Operation) (*node, error) {
	if n := s.byName[op.Name()]; n != nil {
		return n, nil
	}
	root := s.add(op)
	type frame struct {
		n      *node
		inputs []tensorflow.Output
	}
	var stack []frame
	push := func(n *node) error {
		inputs, err := capi.Inputs(n.op)
		if err != nil {
			return fmt.Errorf("inputs of %q: %w", n.name, err)
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
			f.n.index = len(s.nodes)
			s.nodes = append(s.nodes, f.n)
			stack = stack[:len(stack)-1]
			continue
		}
		in := f.inputs[len(f.n.in)]
		producer := s.byName[in.Op.Name()]
		if producer == nil {
			producer = s.add(in.Op)
			if err := push(producer); err != nil {
				return nil, err
			}
			continue // f.n gets this input when the producer is complete
		}
		producer.uses = append(producer.uses, use{in.Index, f.n, len(f.n.in)})
		f.n.in = append(f.n.in, port{producer, in.Index})
	}
	return root, nil
}

func (s *subgraph) add(op *tensorflow.Operation) *node {
	n := &node{op: op, name: op.Name(), typ: op.Type(), live: make([]bool, op.NumOutputs())}
	s.byName[n.name] = n
	return n
}

// markLive follows the xs forward along differentiable values.
func (s *subgraph) markLive(stops []tensorflow.Output) {
	stopped := make(map[port]bool)
	for _, stop := range stops {
		if n := s.byName[stop.Op.Name()]; n != nil {
			stopped[port{n, stop.Index}] = true
		}
	}
	for _, n := range s.nodes {
		carries := false
		for _, in := range n.in {
			carries = carries || in.isLive()
		}
		carries = carries && !stopsGradient(n.typ)
		for i := range n.live {
			p := port{n, i}
			n.live[i] = (carries && differentiable(graphbuild.TypeOf(p.output())) || s.isX[p]) && !stopped[p]
		}
	}
}

// markOnPath follows the ys back along live values.
func (s *subgraph) markOnPath() {
	wanted := make(map[port]bool)
	for _, y := range s.ys {
		wanted[y] = y.isLive()
	}
	for i := len(s.nodes) - 1; i >= 0; i-- {
		n := s.nodes[i]
		if stopsGradient(n.typ) || !hasWanted(n, wanted) {
			continue
		}
		for _, in := range n.in {
			if in.isLive() { // it can carry the gradient further
				n.onPath = true
				wanted[in] = true
			}
		}
	}
}

// hasWanted reports whether a live output of n is wanted.
func hasWanted(n *node, wanted map[port]bool) bool {
	for i, live := range n.live {
		if live && wanted[port{n, i}] {
			return true
		}
	}
	return false
}

func stopsGradient(opType string) bool { return libraryStops[opType] || pythonStops[opType] }

// differentiable reports whether values of a type can change by a small amount.
// Resources and variants can, for they may hold such values.
func differentiable(dt dtype.DataType) bool {
	switch dt {
	case dtype.Float16, dtype.BFloat16, dtype.Float32, dtype.Float64,
		dtype.Complex64, dtype.Complex128, dtype.Resource, dtype.Variant:
		return true
	}
	return false
}
