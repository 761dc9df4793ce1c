package autodiff

import (
	"fmt"
	"slices"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// node is an operation on which the ys depend.
type node struct {
	op   *tensorflow.Operation
	name string
	typ  string
	in   []port // the outputs that feed it
	uses []use  // the inputs in the subgraph that its outputs feed

	// live reports for each output whether a small change of the xs changes it.
	live []bool
	// onPath means that a gradient has to pass through the node: it lies between the xs
	// and the ys.
	onPath bool
	// loop is not nil if the node stands for a while loop of TensorFlow 1.
	loop *loop
	// unit is not nil if the node stands for a scope that is computed again.
	unit *unit
	// own marks an Enter of the loop whose body the subgraph is.
	own bool
	// stopped marks a node that the caller does not want to differentiate.
	stopped bool
	// rule differentiates the node, if it is onPath.
	rule rule
}

// port is an output of a node.
type port struct {
	node  *node
	index int
}

func (p port) output() tensorflow.Output {
	if l := p.node.loop; l != nil {
		return l.exits[p.index].op.Output(0)
	}
	if u := p.node.unit; u != nil {
		return u.outs[p.index].output()
	}
	return p.node.op.Output(p.index)
}

func (p port) isLive() bool { return p.node.live[p.index] }

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
// that feed it. A while loop of TensorFlow 1 is one node.
type subgraph struct {
	// loopFrame is the frame of the loop whose body the subgraph is, or "". In a body, nested
	// loops are not joined to one node, and a node may come before the nodes that feed it.
	loopFrame string

	graph   *tensorflow.Graph
	given   []tensorflow.Output // the xs
	options *Options

	nodes  []*node
	byName map[string]*node
	ys     []port
	xs     []port // node is nil if the ys do not depend on the x
	isY    map[port]bool
	isX    map[port]bool

	stopped map[string]bool // operations that have one of the StopGradients
}

func newSubgraph(g *tensorflow.Graph, ys, xs []tensorflow.Output, o *Options) (*subgraph, error) {
	s := &subgraph{
		graph: g, given: xs, options: o, byName: make(map[string]*node), isY: make(map[port]bool), isX: make(map[port]bool), stopped: make(map[string]bool),
	}
	for _, t := range o.StopGradients {
		s.stopped[t.Op.Name()] = true
	}
	for _, y := range ys {
		n, err := s.addAll(y.Op)
		if err != nil {
			return nil, err
		}
		p := n.portOf(y)
		s.ys = append(s.ys, p)
		s.isY[p] = true
	}
	for _, x := range xs {
		var p port
		if n := s.byName[x.Op.Name()]; n != nil {
			p = n.portOf(x)
		}
		s.xs = append(s.xs, p)
		s.isX[p] = p.node != nil
	}
	if err := s.joinScopes(); err != nil {
		return nil, err
	}
	s.markLive()
	s.markOnPath()
	return s, nil
}

// addAll adds op and everything that it depends on. It has its own stack: graphs are
// thousands of nodes deep.
func (s *subgraph) addAll(op *tensorflow.Operation) (*node, error) {
	if n := s.byName[op.Name()]; n != nil {
		return n, nil
	}
	root, err := s.add(op)
	if err != nil {
		return nil, err
	}
	type frame struct {
		n      *node
		inputs []tensorflow.Output
	}
	var stack []frame
	push := func(n *node) error {
		inputs, err := s.inputsOf(n)
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
			s.nodes = append(s.nodes, f.n)
			stack = stack[:len(stack)-1]
			continue
		}
		in := f.inputs[len(f.n.in)]
		producer := s.byName[in.Op.Name()]
		if producer == nil {
			if producer, err = s.add(in.Op); err != nil {
				return nil, err
			}
			if err := push(producer); err != nil {
				return nil, err
			}
			continue // f.n gets this input when the producer is complete
		}
		p := producer.portOf(in)
		producer.uses = append(producer.uses, use{p.index, f.n, len(f.n.in)})
		f.n.in = append(f.n.in, p)
	}
	return root, nil
}

// add adds the node of op, or of the loop that op leaves.
func (s *subgraph) add(op *tensorflow.Operation) (*node, error) {
	n := &node{op: op, name: op.Name(), typ: op.Type(), live: make([]bool, op.NumOutputs()), stopped: s.stopped[op.Name()]}
	s.byName[n.name] = n
	switch {
	case s.loopFrame != "" && isEnter(n.typ):
		frame, _, err := frameOf(op)
		n.own = frame == s.loopFrame
		return n, err
	case s.loopFrame == "" && isExit(n.typ):
		l, err := loopOf(op)
		if err != nil || l == nil {
			return n, err
		}
		n.loop, n.live = l, make([]bool, len(l.exits))
		for _, e := range l.exits {
			s.byName[e.op.Name()] = n
		}
	}
	return n, nil
}

// inputsOf returns the tensors from which the walk goes on.
func (s *subgraph) inputsOf(n *node) ([]tensorflow.Output, error) {
	switch {
	case n.loop != nil:
		return n.loop.entries, nil
	case n.own:
		return nil, nil
	}
	return capi.Inputs(n.op)
}

// portOf returns the port of o, an output of n's operation, or of the loop that n stands for.
func (n *node) portOf(o tensorflow.Output) port {
	if n.loop == nil {
		return port{n, o.Index}
	}
	name := o.Op.Name()
	return port{n, slices.IndexFunc(n.loop.exits, func(e loopExit) bool { return e.op.Name() == name })}
}

// markLive follows the xs forward along differentiable values.
func (s *subgraph) markLive() {
	for _, n := range s.nodes {
		switch {
		case n.loop != nil:
			s.markLoopLive(n)
		case n.unit != nil:
			n.live = n.unit.markLive(s.markNodeLive)
		default:
			s.markNodeLive(n)
		}
	}
}

func (s *subgraph) markNodeLive(n *node) {
	carries := false
	for _, in := range n.in {
		carries = carries || in.isLive()
	}
	carries = carries && !n.stops()
	for i := range n.live {
		p := port{n, i}
		n.live[i] = carries && differentiable(graphbuild.TypeOf(p.output())) || s.isX[p]
	}
}

func (s *subgraph) markLoopLive(n *node) {
	entries := make([]bool, len(n.in))
	for i, in := range n.in {
		entries[i] = in.isLive()
	}
	for _, inside := range n.loop.body.nodes {
		inside.stopped = s.stopped[inside.name]
	}
	passes := !s.options.Loops[n.loop.frame].NoGradient
	for i, live := range n.loop.markLive(entries) {
		n.loop.exits[i].passes = live && passes
		n.live[i] = live && passes || s.isX[port{n, i}]
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
		if n.loop == nil && n.stops() || !hasWanted(n, wanted) {
			continue
		}
		carries := func(int) bool { return true }
		if n.loop != nil {
			exits := make([]bool, len(n.live))
			for i, live := range n.live {
				exits[i] = live && n.loop.exits[i].passes && wanted[port{n, i}]
			}
			entries := n.loop.markActive(exits)
			carries = func(i int) bool { return entries[i] }
		}
		for i, in := range n.in {
			if in.isLive() && carries(i) { // it can carry the gradient further
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
