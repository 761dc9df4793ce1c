package freeze

import (
	"fmt"
	"maps"
	"slices"

	opdefpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/freeze/internal/order"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// access is a node that reads or writes a variable.
type access struct {
	node          int   // position in the body
	inputs        []int // the data inputs that carry the variable
	reads, writes bool  // an update that only computes the new value from the old one does not read
	couples       bool  // an update that needs the variable for the value of another one

	// users are the nodes that still look at the memory of the variable after this read
	// of a reference, because what they take shares it.
	users []user
}

// user is a node that looks at what was read before.
type user struct {
	node  int
	sides []order.Side // the sides of conditions that lead to it
	last  bool         // it looks at the end of the run, or nobody knows when
}

// accesses are those of one body, by variable, in the order of the nodes.
type accesses struct {
	of      map[string][]*access
	written map[string]bool
	places  []place // of the nodes; nil if nothing is written
}

// summary returns how the body uses each variable.
func (a *accesses) summary(variable string) (reads, writes bool) {
	for _, x := range a.of[variable] {
		reads, writes = reads || x.reads || x.couples, writes || x.writes
	}
	return reads, writes
}

// accesses returns the nodes of b that read or write variables. outputs are the nodes of
// a graph that a run fetches: only what leads to them runs. In a function, everything does.
func (t *tracer) accesses(b *body, reached flow, outputs []string) (*accesses, error) {
	c := &collector{
		tracer: t, body: b, reached: reached, fetched: set(outputs),
		list: &accesses{of: map[string][]*access{}, written: map[string]bool{}},
	}
	if b.fn == nil {
		c.runs = b.ancestors(outputs)
	}
	for _, result := range b.fn.GetRet() {
		c.fetched[b.parse(result).node] = true
	}
	for i, n := range b.nodes {
		in := b.frozenInputs(n, reached)
		if len(in) == 0 || !c.running(n) || c.unused(n) {
			continue
		}
		if err := c.node(i, n, in); err != nil {
			return nil, err
		}
	}
	if len(c.list.written) == 0 {
		return c.list, nil
	}
	if err := c.refuseSeveral(); err != nil {
		return nil, err
	}
	c.list.places = b.places()
	c.findUsers()
	return c.list, nil
}

type collector struct {
	*tracer
	*body
	reached flow
	runs    map[string]bool // the nodes that run, nil for all
	fetched map[string]bool // the nodes whose values leave the body
	used    map[string]bool // the nodes whose values matter; nil until it is needed
	list    *accesses
}

func (c *collector) running(n *graphdef.NodeDef) bool { return c.runs == nil || c.runs[n.Name] }

// add records that node i accesses a variable through an input.
func (c *collector) add(i, input int, variable string, reads, writes bool) {
	if writes {
		c.list.written[variable] = true
	}
	list := c.list.of[variable]
	if len(list) == 0 || list[len(list)-1].node != i {
		list = append(list, &access{node: i})
		c.list.of[variable] = list
	}
	a := list[len(list)-1]
	a.reads, a.writes = a.reads || reads, a.writes || writes
	if !slices.Contains(a.inputs, input) {
		a.inputs = append(a.inputs, input)
	}
}

// node records the accesses of node i. in are its inputs that carry variables.
func (c *collector) node(i int, n *graphdef.NodeDef, in map[int]carrier) error {
	if call := c.lib.call(n); call != nil {
		return c.call(i, n, call, in)
	}
	_, passes := passOps[n.Op]
	passes = passes || n.Op == "IdentityN"
	for _, k := range slices.Sorted(maps.Keys(in)) {
		v := in[k]
		switch {
		case v.resource && passes, isRefOp(n.Op), asksInitialized(n.Op) && !c.lib.destroys:
		case v.resource && (readOps[n.Op] || asksInitialized(n.Op)):
			c.add(i, k, v.variable, true, false)
		case v.resource:
			c.add(i, k, v.variable, n.Op == "ResourceCountUpTo", true)
		case isReference(n.Op, k):
			c.add(i, k, v.variable, n.Op == "CountUpTo", true)
		default:
			c.add(i, k, v.variable, true, false)
		}
	}
	if nodedef.IsOptimizerStep(n.Op) && len(in) > 1 {
		for _, v := range in {
			if list := c.list.of[v.variable]; len(list) > 0 && list[len(list)-1].node == i {
				list[len(list)-1].couples = true
			}
		}
	}
	return nil
}

// call records what the functions that node i calls do with the variables.
func (c *collector) call(i int, n *graphdef.NodeDef, call *call, in map[int]carrier) error {
	args := call.arguments(in)
	for _, name := range call.functions {
		if len(args) == 0 {
			break
		}
		if _, err := c.results(c.body, n, name, args); err != nil {
			return err
		}
		uses := c.traced[newCallKey(name, args)].uses
		for k := range args {
			reads, writes := uses.summary(argumentVariable(args, k))
			if reads || writes {
				c.add(i, k+call.first, args[k].variable, reads, writes)
			}
		}
	}
	for k, v := range in {
		if !v.resource { // read at the call
			c.add(i, k, v.variable, true, false)
		}
	}
	return nil
}

// unused reports whether n only reads, and nothing depends on what it reads.
func (c *collector) unused(n *graphdef.NodeDef) bool {
	if !readOps[n.Op] && n.Op != "Identity" {
		return false
	}
	if c.used == nil {
		c.used = c.usedNodes()
	}
	return !c.used[n.Name]
}

// usedNodes returns the nodes whose values lead to a result of the body, or to a node with
// an effect.
func (c *collector) usedNodes() map[string]bool {
	var queue []string
	used := map[string]bool{}
	use := func(name string) {
		if !used[name] {
			used[name] = true
			queue = append(queue, name)
		}
	}
	for _, n := range c.nodes {
		if c.fetched[n.Name] || !c.lib.pure(n) {
			use(n.Name)
		}
	}
	for len(queue) > 0 {
		n := c.body.node(queue[len(queue)-1])
		queue = queue[:len(queue)-1]
		for _, in := range nodedef.DataInputs(n) {
			if from := c.parse(in).node; c.has(from) {
				use(from)
			}
		}
	}
	return used
}

// pure reports whether a node only computes: it does not fail on purpose, decide about branches
// and loops, or have an effect.
func (l *library) pure(n *graphdef.NodeDef) bool {
	if passOps[n.Op].to == "Identity" || nodedef.IsVariableOp(n.Op) || readOps[n.Op] || asksInitialized(n.Op) {
		return true
	}
	if l.call(n) != nil || passOps[n.Op].to != "" || checkOps[n.Op] {
		return false
	}
	op := opdef.Builtin().Get(n.Op)
	return op != nil && !op.IsStateful && !slices.ContainsFunc(op.InputArg, func(a *opdefpb.OpDef_ArgDef) bool { return a.IsRef })
}

// checkOps are operations without an effect that fail on purpose, or decide about loops.
var checkOps = setOf("Assert CheckNumerics CheckNumericsV2 EnsureShape LoopCond NoOp")

// readOps are the operations that take a handle and only read the variable.
var readOps = map[string]bool{
	"ReadVariableOp": true, "ResourceGather": true, "ResourceGatherNd": true, "VariableShape": true,
}

// asksInitialized reports whether an operation asks whether a variable has a value. After a
// restore it has one, whatever is written to it, unless the graph destroys it.
func asksInitialized(op string) bool {
	return op == "VarIsInitializedOp" || op == "IsVariableInitialized"
}

// isReference reports whether input k of an operation is a reference, which the
// operation may write to.
func isReference(op string, k int) bool {
	args := opdef.Builtin().Get(op).GetInputArg()
	return k < len(args) && args[k].GetIsRef()
}

// refuseSeveral refuses a body that writes variables, and accesses one of several: which
// one is known only when the graph runs.
func (c *collector) refuseSeveral() error {
	if several := c.list.of[severalVariables]; len(several) > 0 {
		return nodeError(c.body, c.nodes[several[0].node], tfkeep.ErrUnsupported,
			"it accesses one of several variables, and the graph writes to variables; choose outputs that do not need the node, or put the variables on the denylist")
	}
	return nil
}

// findUsers finds the nodes that look at the memory of a variable after a reference was
// read. An operation such as Identity or Reshape does not copy the value.
func (c *collector) findUsers() {
	var consumers map[string][]int
	for variable := range c.list.written {
		for _, a := range c.list.of[variable] {
			n := c.nodes[a.node]
			if !c.sharesMemory(n, a) {
				continue
			}
			if consumers == nil {
				consumers = c.consumers()
			}
			c.follow(a, consumers)
		}
	}
}

// sharesMemory reports whether the outputs of n may share the memory of the reference
// that it reads.
func (c *collector) sharesMemory(n *graphdef.NodeDef, a *access) bool {
	if a.writes || c.reached[c.parse(n.Input[a.inputs[0]])].resource {
		return false
	}
	return !computes(n)
}

// follow records the nodes that take what a read passes on without copying it.
func (c *collector) follow(a *access, consumers map[string][]int) {
	type step struct {
		node  int
		sides []order.Side
	}
	seen := map[string]bool{}
	queue := []step{{a.node, c.list.places[a.node].in("")}}
	if n := c.nodes[a.node]; c.lib.call(n) != nil || c.lib.keepsMemory(n) { // it goes on to look at it
		a.users = append(a.users, user{a.node, queue[0].sides, c.lib.keepsMemory(n)})
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if c.fetched[c.nodes[at.node].Name] {
			a.users = append(a.users, user{at.node, at.sides, true})
		}
		for _, i := range consumers[c.nodes[at.node].Name] {
			sides := joined(at.sides, c.list.places[i].in(""))
			key := fmt.Sprint(i, sides)
			if seen[key] || !c.running(c.nodes[i]) {
				continue
			}
			seen[key] = true
			op := c.nodes[i].Op
			if passOps[op].to == "" { // those do not look at it
				a.users = append(a.users, user{i, sides, c.lib.keepsMemory(c.nodes[i])})
			}
			if !computes(c.nodes[i]) {
				queue = append(queue, step{i, sides})
			}
		}
	}
}

// joined returns the sides of both lists.
func joined(a, b []order.Side) []order.Side {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(slices.Clone(a), s)
		}
	}
	return a
}

// ancestors returns the names of the nodes that run when the outputs are computed: those
// that lead to them by data or control edges.
func (b *body) ancestors(outputs []string) map[string]bool {
	runs := map[string]bool{}
	queue := slices.Clone(outputs)
	for len(queue) > 0 {
		name := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if runs[name] || !b.has(name) {
			continue
		}
		runs[name] = true
		for _, in := range b.node(name).Input {
			queue = append(queue, nodedef.NodeName(in))
		}
	}
	return runs
}
