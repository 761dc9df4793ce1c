package autodiff

import (
	"cmp"
	"slices"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// loop is a while loop of TensorFlow 1, made of Enter, Merge, Switch, NextIteration and
// Exit nodes. In the subgraph it is one node: its inputs are those of its Enters, its
// outputs those of its Exits.
type loop struct {
	frame      string
	parallel   int64                 // the number of iterations that may run at the same time
	cond       *tensorflow.Operation // the LoopCond
	vars       []*loopVar
	invariants []*tensorflow.Operation // the Enters that each iteration sees
	exits      []loopExit
	// body has the nodes of the loop, nested loops included, as far as its variables and its
	// condition depend on them.
	body    *subgraph
	entries []tensorflow.Output // what the Enters take: of vars first, then of invariants

	// active variables and invariants lie on the path of the gradient.
	activeVars       []bool
	activeInvariants []bool
}

// loopVar is a variable of a loop: Merge(Enter, NextIteration), then a Switch that sends it to
// the body or, after the last iteration, to the Exit.
type loopVar struct {
	enter, merge, next *tensorflow.Operation
	switches           []*tensorflow.Operation
	nextValue          tensorflow.Output // what NextIteration takes
}

type loopExit struct {
	op       *tensorflow.Operation
	variable int // index in vars
	// passes is false if no gradient goes from the exit into the loop. The exit may be an x
	// nevertheless.
	passes bool
}

// loopOps are the operations that only loops have. The loop as a whole is differentiated.
var loopOps = set(`Enter RefEnter Exit RefExit NextIteration RefNextIteration LoopCond`)

func isEnter(typ string) bool  { return typ == "Enter" || typ == "RefEnter" }
func isExit(typ string) bool   { return typ == "Exit" || typ == "RefExit" }
func isMerge(typ string) bool  { return typ == "Merge" || typ == "RefMerge" }
func isSwitch(typ string) bool { return typ == "Switch" || typ == "RefSwitch" }
func isNext(typ string) bool   { return typ == "NextIteration" || typ == "RefNextIteration" }

// loopOf returns the loop that an Exit leaves, or nil if the nodes around it do not have the
// structure of a while loop.
func loopOf(exit *tensorflow.Operation) (*loop, error) {
	sw, err := onlyProducer(exit)
	if err != nil || sw == nil || !isSwitch(sw.Type()) {
		return nil, err
	}
	in, err := capi.Inputs(sw)
	if err != nil || in[1].Op.Type() != "LoopCond" {
		return nil, err
	}
	l := &loop{cond: in[1].Op}
	if ok, err := l.findVars(); err != nil || !ok {
		return nil, err
	}
	if ok, err := l.findBody(); err != nil || !ok {
		return nil, err
	}
	return l, nil
}

func onlyProducer(op *tensorflow.Operation) (*tensorflow.Operation, error) {
	in, err := capi.Inputs(op)
	if err != nil || len(in) != 1 {
		return nil, err
	}
	return in[0].Op, nil
}

// findVars finds the variables and exits of the loop by the Switch nodes that its LoopCond
// controls. Their order is that of their names.
func (l *loop) findVars() (bool, error) {
	consumers := l.cond.Output(0).Consumers()
	byName(consumers)
	known := make(map[string]int) // by the name of the Merge
	for _, c := range consumers {
		if !isSwitch(c.Op.Type()) || c.Index != 1 {
			continue
		}
		in, err := capi.Inputs(c.Op)
		if err != nil {
			return false, err
		}
		if !isMerge(in[0].Op.Type()) {
			continue // a value that is needed in the body only
		}
		i, ok := known[in[0].Op.Name()]
		if !ok {
			v, err := l.newVar(in[0].Op)
			if err != nil {
				return false, err
			}
			if v == nil {
				continue // the Merge of a conditional, sent into the body
			}
			i = len(l.vars)
			known[in[0].Op.Name()] = i
			l.vars = append(l.vars, v)
		}
		l.vars[i].switches = append(l.vars[i].switches, c.Op)
		exits := c.Op.Output(0).Consumers()
		byName(exits)
		for _, e := range exits {
			if isExit(e.Op.Type()) {
				l.exits = append(l.exits, loopExit{op: e.Op, variable: i})
			}
		}
	}
	return len(l.vars) > 0, nil
}

// byName sorts consumers, because TensorFlow has them in an order that changes from process to
// process.
func byName(consumers []tensorflow.Consumer) {
	slices.SortFunc(consumers, func(a, b tensorflow.Consumer) int {
		return cmp.Or(cmp.Compare(a.Op.Name(), b.Op.Name()), cmp.Compare(a.Index, b.Index))
	})
}

// newVar returns the variable of a Merge, or nil if the Merge does not begin a loop.
func (l *loop) newVar(merge *tensorflow.Operation) (*loopVar, error) {
	enter, next, err := loopMerge(merge)
	if err != nil || enter == nil {
		return nil, err
	}
	frame, parallel, err := frameOf(enter)
	if err != nil {
		return nil, err
	}
	if l.frame == "" {
		l.frame, l.parallel = frame, parallel
	}
	if frame != l.frame {
		return nil, nil
	}
	value, err := capi.Inputs(next)
	if err != nil {
		return nil, err
	}
	return &loopVar{enter: enter, merge: merge, next: next, nextValue: value[0]}, nil
}

// loopMerge returns the Enter and the NextIteration that a Merge joins. They are nil if it is the
// Merge of a conditional.
func loopMerge(merge *tensorflow.Operation) (enter, next *tensorflow.Operation, err error) {
	in, err := capi.Inputs(merge)
	if err != nil || len(in) != 2 {
		return nil, nil, err
	}
	a, b := in[0].Op, in[1].Op
	if isNext(a.Type()) {
		a, b = b, a
	}
	if !isEnter(a.Type()) || !isNext(b.Type()) {
		return nil, nil, nil
	}
	return a, b, nil
}

// frameOf returns the frame that an Enter enters, and how many of its iterations may run at the
// same time.
func frameOf(enter *tensorflow.Operation) (name string, parallel int64, err error) {
	frame, err := capi.Attr(enter, "frame_name")
	if err != nil {
		return "", 0, err
	}
	iterations, err := capi.Attr(enter, "parallel_iterations")
	if err != nil {
		return "", 0, err
	}
	return string(frame.GetS()), iterations.GetI(), nil
}

// findBody walks from the next values and the condition back to the Enters of the loop.
func (l *loop) findBody() (bool, error) {
	l.body = &subgraph{byName: make(map[string]*node), loopFrame: l.frame}
	starts := []*tensorflow.Operation{l.cond}
	for _, v := range l.vars {
		starts = append(starts, v.nextValue.Op)
	}
	for _, e := range l.exits {
		starts = append(starts, e.op)
	}
	for _, op := range starts {
		if _, err := l.body.addAll(op); err != nil {
			return false, err
		}
	}
	initial := make(map[string]bool)
	for _, v := range l.vars {
		initial[v.enter.Name()] = true
		if err := l.addEntry(v.enter); err != nil {
			return false, err
		}
	}
	for _, n := range l.body.nodes {
		if n.own && !initial[n.name] {
			l.invariants = append(l.invariants, n.op)
			if err := l.addEntry(n.op); err != nil {
				return false, err
			}
		}
	}
	for _, e := range l.entries {
		if inside := l.body.byName[e.Op.Name()]; inside != nil && len(inside.in) > 0 {
			return false, nil // a nested loop of the same frame
		}
	}
	return true, nil
}

func (l *loop) addEntry(enter *tensorflow.Operation) error {
	in, err := capi.Inputs(enter)
	if err != nil {
		return err
	}
	l.entries = append(l.entries, in[0])
	return nil
}

// markLive follows the live entries through the loop until nothing changes, and returns which
// exits are live.
func (l *loop) markLive(entries []bool) []bool {
	entered := make(map[string]bool)
	for i, v := range l.vars {
		entered[v.enter.Name()] = entries[i]
	}
	for i, op := range l.invariants {
		entered[op.Name()] = entries[len(l.vars)+i]
	}
	for changed := true; changed; {
		changed = false
		for _, n := range l.body.nodes {
			carries := entered[n.name]
			for _, in := range n.in {
				carries = carries || in.isLive()
			}
			if !carries || n.stops() {
				continue
			}
			for i := range n.live {
				if !n.live[i] && differentiable(graphbuild.TypeOf(port{n, i}.output())) {
					n.live[i], changed = true, true
				}
			}
		}
	}
	live := make([]bool, len(l.exits))
	for i, e := range l.exits {
		live[i] = l.body.byName[e.op.Name()].live[0]
	}
	return live
}

// markActive follows the wanted exits back through the loop and returns which entries carry
// the gradient further.
func (l *loop) markActive(wantedExits []bool) []bool {
	wanted := make(map[*node]bool)
	var stack []*node
	want := func(n *node) {
		if !wanted[n] {
			wanted[n] = true
			stack = append(stack, n)
		}
	}
	for i, e := range l.exits {
		if wantedExits[i] {
			want(l.body.byName[e.op.Name()])
		}
	}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if n.stops() {
			continue
		}
		for _, in := range n.in {
			if in.isLive() {
				want(in.node)
			}
		}
	}
	l.activeVars, l.activeInvariants = make([]bool, len(l.vars)), make([]bool, len(l.invariants))
	entries := make([]bool, len(l.entries))
	for i, v := range l.vars {
		l.activeVars[i] = wanted[l.body.byName[v.merge.Name()]]
		entries[i] = l.activeVars[i] && l.body.byName[v.enter.Name()].live[0]
	}
	for i, op := range l.invariants {
		n := l.body.byName[op.Name()]
		l.activeInvariants[i] = wanted[n] && n.live[0]
		entries[len(l.vars)+i] = l.activeInvariants[i]
	}
	return entries
}
