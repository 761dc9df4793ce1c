package safety

import (
	"fmt"
	"slices"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/internal/ports"
	"github.com/tfkeep/tfkeep/graphdef/internal/sizes"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// maxMultiple is how many times what variables, files and tables hold a run may make of it.
const maxMultiple = 16

// growth adds up by how much a run grows from constants, and how long it takes. It follows
// calls, branches and loops with what is known about their arguments.
type growth struct {
	run      *Run
	library  *library
	limits   check.Limits
	fed      map[string]bool
	ops      *opdef.Set // those of opdef.Builtin
	bytes    int64
	work     int64
	nodes    int64
	multiple int64 // what the run makes of sizes that are not known
	loops    int   // those that are open
	large    error // the first excess
}

// weight is what a node counts: nodes of loops count more, because each iteration is followed.
func (g *growth) weight() int64 {
	if g.loops > 0 {
		return 4
	}
	return 1
}

// checkSizes bounds what the run computes from constants.
func (w *walk) checkSizes(limits check.Limits) error {
	if limits.Bytes >= sizes.Most {
		return nil
	}
	g := &growth{run: w.run, library: w.library, limits: limits, fed: map[string]bool{}, multiple: 1}
	for _, t := range slices.Concat(w.run.Fed, w.run.Assets, []string{w.run.Checkpoint}) {
		g.fed[tensorName(t)] = true
	}
	g.body(w.graph.nodes, func(string) sizes.Tensor { return source() }, true)
	return g.large
}

// source is a tensor from outside of the graph: its size is the unit in which multiples of it
// are counted.
func source() sizes.Tensor {
	t := sizes.Argument()
	t.Elems, t.Text = 1, 1
	return t
}

func (g *growth) tooLarge(n *graphdef.NodeDef, format string, args ...any) {
	if g.large == nil {
		g.large = &tfkeep.Error{Op: g.run.Stage, Item: "node", Name: n.GetName(), Err: tfkeep.ErrTooLarge, Detail: fmt.Sprintf(format, args...)}
	}
}

// body looks at the nodes of the graph, or at those of a function with the given arguments.
func (g *growth) body(nodes []*graphdef.NodeDef, args func(string) sizes.Tensor, isGraph bool) *sizes.Body {
	if g.nodes = sizes.Sum(g.nodes, sizes.Product(int64(len(nodes)), g.weight())); g.nodes > g.limits.Nodes && len(nodes) > 0 {
		g.tooLarge(nodes[0], "%s would run more than %d nodes with it (Limits.Nodes)", g.run.Doing, g.limits.Nodes)
	}
	if g.large != nil {
		nodes = nil
	}
	known := sizes.Infer(nodes, args, func(n *graphdef.NodeDef, in []sizes.Tensor) []sizes.Tensor {
		return g.outputs(n, in, isGraph)
	})
	for _, n := range nodes {
		g.note(known, n)
	}
	g.frames(nodes, known)
	return known
}

// note adds what a node takes.
func (g *growth) note(known *sizes.Body, n *graphdef.NodeDef) {
	op := g.ops.Get(n.GetOp())
	if op == nil || isConstant(n) || g.large != nil || len(g.library.called(n)) > 0 {
		return
	}
	if g.bytes = sizes.Sum(g.bytes, sizes.Reserved(n)); g.bytes > g.limits.Bytes {
		g.tooLarge(n, "%s would take %d bytes of memory with it; the limit is %d (Limits.Bytes)", g.run.Doing, g.bytes, g.limits.Bytes)
	}
	if verdict, _ := judge(n); verdict != Load {
		return // a table of an asset, or what the caller allows
	}
	out := known.Output(n.GetName())
	if out.Elems >= sizes.NotKnown && !out.Given {
		g.tooLarge(n, "its size depends on values that are not known before (Limits.Bytes)")
	}
	g.work = sizes.Sum(g.work, known.Heavy(n))
	if types, err := ports.Types(n, op, op.GetOutputArg()); err == nil {
		g.bytes = sizes.Sum(g.bytes, known.Growth(n, types), arrayBytes(known, n))
	}
	if times := known.Multiple(n); times > 1 && len(op.GetOutputArg()) > 0 {
		g.multiple = sizes.Product(g.multiple, times)
	}
	switch {
	case g.bytes > g.limits.Bytes:
		g.tooLarge(n, "%s would take %d bytes of memory with it; the limit is %d (Limits.Bytes)", g.run.Doing, g.bytes, g.limits.Bytes)
	case g.work > sizes.Product(maxWork, g.limits.Bytes):
		g.tooLarge(n, "%s would take too long with it for a limit of %d bytes (Limits.Bytes)", g.run.Doing, g.limits.Bytes)
	case g.multiple > maxMultiple:
		g.tooLarge(n, "with it, values of variables, tables or arrays become more than %d times as large (Limits.Bytes)", maxMultiple)
	}
}

// arrayElement is what a TensorArray takes for an element, without its content.
const arrayElement = 64

// arrayBytes returns by how much a node makes a TensorArray longer, or what its elements take that
// were not written, at most.
func arrayBytes(known *sizes.Body, n *graphdef.NodeDef) int64 {
	switch op := n.GetOp(); op {
	case "TensorArrayWrite", "TensorArrayWriteV2", "TensorArrayWriteV3", "TensorArrayScatter", "TensorArrayScatterV2", "TensorArrayScatterV3":
		most := int64(0)
		for _, v := range known.Of(input(n, 1)).Values {
			most = max(most, int64(min(v, sizes.Most/arrayElement)))
		}
		return arrayElement * most
	case "TensorArrayRead", "TensorArrayReadV2", "TensorArrayReadV3":
		return 0
	default:
		dims, ok := nodedef.Dims(n.GetAttr()["element_shape"].GetShape())
		if !ok || !sizes.IsSource(n) {
			return 0
		}
		size := sizes.Product(append(dims, max(known.Of(input(n, 1)).Elems, 1), int64(max(1, dtype.Size(n.GetAttr()["dtype"].GetType()))))...)
		if size < 0 || size > sizes.Most {
			return 0
		}
		return size
	}
}

// outputs returns what is known about the outputs of a node that calls functions, or passes on a
// value that is not fed. It returns nil for other nodes.
func (g *growth) outputs(n *graphdef.NodeDef, in []sizes.Tensor, isGraph bool) []sizes.Tensor {
	attr := func(name string) string { return n.GetAttr()[name].GetFunc().GetName() }
	switch op := n.GetOp(); op {
	case "PlaceholderWithDefault":
		if len(in) == 1 && !(isGraph && g.fed[tensorName(n.GetName())]) {
			return in
		}
	case "PartitionedCall", "StatefulPartitionedCall":
		return g.call(attr("f"), in)
	case "If", "StatelessIf":
		if len(in) > 0 {
			return g.choose(in, attr("else_branch"), attr("then_branch"))
		}
	case "Case", "StatelessCase":
		var names []string
		for _, f := range n.GetAttr()["branches"].GetList().GetFunc() {
			names = append(names, f.GetName())
		}
		if len(in) > 0 && len(names) > 0 {
			return g.choose(in, names...)
		}
	case "While", "StatelessWhile":
		return g.loop(n, in, attr("cond"), attr("body"))
	case "Merge", "RefMerge":
		return merged(n, in)
	case "Switch", "RefSwitch": // both outputs are the value
		if len(in) == 2 {
			return []sizes.Tensor{in[0], in[0]}
		}
	case "Assign": // the reference that it returns has the value
		if len(in) == 2 {
			return in[1:]
		}
	case "LookupTableFind", "LookupTableFindV2": // each key may get a value as large as the default
		if len(in) == 3 && in[1].Elems < sizes.NotKnown && in[2].Elems < sizes.NotKnown {
			return []sizes.Tensor{{Elems: sizes.Product(max(in[1].Elems, 1), max(in[2].Elems, 1)), Text: 1}}
		}
		return []sizes.Tensor{source()}
	default:
		if g.library.functions[op] != nil {
			return g.call(op, in)
		}
		if sizes.IsSource(n) {
			t := sizes.Stated(n)
			if t.Elems >= sizes.NotKnown {
				t.Elems = 1
			}
			t.Text = 1
			return []sizes.Tensor{t}
		}
	}
	return nil
}

// merged returns the first value of a loop, or what holds for both branches.
func merged(n *graphdef.NodeDef, in []sizes.Tensor) []sizes.Tensor {
	if len(in) == 0 {
		return nil
	}
	t := in[0]
	for _, other := range in[1:] {
		if other.Elems < sizes.NotKnown {
			t = sizes.Join(t, other)
		}
	}
	t.Values, t.UpTo = nil, 0 // those of the first iteration only
	return []sizes.Tensor{t, sizes.Stated(n)}
}

// call follows a call of a function.
func (g *growth) call(name string, in []sizes.Tensor) []sizes.Tensor {
	def := g.library.functions[name]
	if def == nil || g.large != nil {
		return []sizes.Tensor{source()}
	}
	args := map[string]sizes.Tensor{}
	for i, arg := range def.GetSignature().GetInputArg() {
		if arg.GetNumberAttr() != "" || arg.GetTypeListAttr() != "" || i >= len(in) {
			break // from here on an argument may stand for several inputs
		}
		args[arg.GetName()] = in[i]
	}
	body := g.body(def.GetNodeDef(), func(arg string) sizes.Tensor {
		if t, ok := args[arg]; ok {
			return t
		}
		return source()
	}, false)
	outs := []sizes.Tensor{}
	for _, out := range def.GetSignature().GetOutputArg() {
		outs = append(outs, body.Of(def.GetRet()[out.GetName()]))
	}
	if len(outs) == 0 {
		return []sizes.Tensor{source()}
	}
	return outs
}

// choose follows the branch that is taken, or all if that is not known.
func (g *growth) choose(in []sizes.Tensor, names ...string) []sizes.Tensor {
	if v := in[0].Values; len(v) == 1 {
		at := len(names) - 1 // for numbers outside of the range
		if v[0] >= 0 && v[0] < float64(len(names)) {
			at = int(v[0])
		}
		return g.call(names[at], in[1:])
	}
	outs := g.call(names[0], in[1:])
	for _, name := range names[1:] {
		for i, t := range g.call(name, in[1:]) {
			if i < len(outs) {
				outs[i] = sizes.Join(outs[i], t)
			}
		}
	}
	return outs
}

// loop follows a loop as often as it runs.
func (g *growth) loop(n *graphdef.NodeDef, state []sizes.Tensor, cond, body string) []sizes.Tensor {
	before, most := g.bytes, int64(0)
	start := stateBytes(n, state)
	g.loops++
	defer func() { g.loops-- }()
	for g.large == nil {
		test := g.call(cond, state)
		if len(test) != 1 || len(test[0].Values) != 1 {
			g.tooLarge(n, "how often this loop runs depends on values that are not known before (Limits.Bytes)")
			break
		}
		if test[0].Values[0] == 0 {
			break
		}
		g.bytes = before // what an iteration has computed is freed
		next := g.call(body, state)
		most = max(most, g.bytes-before)
		if len(next) != len(state) {
			break // TensorFlow refuses it
		}
		state = next
	}
	g.bytes = sizes.Sum(before, most, max(0, stateBytes(n, state)-start))
	return state
}

// stateBytes returns what the values that a loop carries take, as far as that is known.
func stateBytes(n *graphdef.NodeDef, state []sizes.Tensor) int64 {
	total := int64(0)
	for i, t := range n.GetAttr()["T"].GetList().GetType() {
		if i < len(state) && !state[i].Given && state[i].Elems < sizes.NotKnown {
			total = sizes.Sum(total, state[i].Bytes(n, []dtype.DataType{t}))
		}
	}
	return total
}

// frames bounds the loops of TensorFlow 1 among the nodes: each must count to a constant, and
// the values that it carries may not grow.
func (g *growth) frames(nodes []*graphdef.NodeDef, known *sizes.Body) {
	byName := map[string]*graphdef.NodeDef{}
	bounded := map[string]int64{} // the conditions of loops, by node
	for _, n := range nodes {
		byName[n.GetName()] = n
	}
	f := frame{byName, known}
	for _, n := range nodes {
		if n.GetOp() == "LoopCond" {
			bounded[n.GetName()] = f.count(input(n, 0), 0)
		}
	}
	leaves := map[string]int64{} // how often the value of a Merge goes around
	for _, n := range nodes {
		if n.GetOp() == "Switch" || n.GetOp() == "RefSwitch" {
			if times, ok := bounded[f.source(input(n, 1))]; ok {
				leaves[f.source(input(n, 0))] = times
			}
		}
	}
	for _, n := range nodes {
		next := f.next(n)
		if next == nil || g.large != nil {
			continue
		}
		times, ok := leaves[n.GetName()]
		if !ok || times >= sizes.NotKnown {
			g.tooLarge(n, "how often this loop runs depends on values that are not known before (Limits.Bytes)")
			continue
		}
		if g.nodes = sizes.Sum(g.nodes, times); g.nodes > g.limits.Nodes {
			g.tooLarge(n, "%s would run more than %d nodes with it (Limits.Nodes)", g.run.Doing, g.limits.Nodes)
		}
		first, then := known.Of(input(n, 0)), known.Of(input(next, 0))
		if then.Elems > first.Elems || then.Text > first.Text || mayReshape(first, then) {
			g.tooLarge(n, "a value of this loop may grow, or change its shape, in each iteration (Limits.Bytes)")
		}
	}
}

// mayReshape reports whether a value may have other dimensions in the next iteration. Fewer
// elements in one dimension may be more in another, which may be the size of something else.
func mayReshape(first, then sizes.Tensor) bool {
	if then.Dims == nil {
		return len(first.Dims) > 1
	}
	return first.Dims != nil && !slices.Equal(first.Dims, then.Dims)
}

// frame has the nodes of loops of TensorFlow 1.
type frame struct {
	byName map[string]*graphdef.NodeDef
	known  *sizes.Body
}

// source returns the node that makes a tensor, behind nodes that pass it on.
func (f frame) source(in string) string {
	name := nodedef.NodeName(in)
	for range maxHops {
		n := f.byName[name]
		if n.GetOp() != "Identity" && n.GetOp() != "Enter" {
			break
		}
		name = nodedef.NodeName(input(n, 0))
	}
	return name
}

// next returns the NextIteration that a Merge gets its value from, or nil.
func (f frame) next(merge *graphdef.NodeDef) *graphdef.NodeDef {
	if merge.GetOp() != "Merge" && merge.GetOp() != "RefMerge" {
		return nil
	}
	for _, in := range nodedef.DataInputs(merge) {
		if n := f.byName[nodedef.NodeName(in)]; n.GetOp() == "NextIteration" || n.GetOp() == "RefNextIteration" {
			return n
		}
	}
	return nil
}

// count returns how often a loop with a condition runs: a counter that is less than a constant,
// alone or together with other conditions. It is sizes.NotKnown for other conditions.
func (f frame) count(cond string, nesting int) int64 {
	n := f.byName[f.source(cond)]
	if nesting > maxHops {
		return sizes.NotKnown
	}
	switch n.GetOp() {
	case "LogicalAnd":
		return min(f.count(input(n, 0), nesting+1), f.count(input(n, 1), nesting+1))
	case "Less", "LessEqual":
	default:
		return sizes.NotKnown
	}
	merge := f.byName[f.source(input(n, 0))]
	next := f.next(merge)
	if next == nil {
		return sizes.NotKnown
	}
	add := f.byName[f.source(input(next, 0))]
	if add.GetOp() != "Add" && add.GetOp() != "AddV2" {
		return sizes.NotKnown
	}
	sw := f.byName[f.source(input(add, 0))]
	if sw.GetOp() != "Switch" || f.source(input(sw, 0)) != merge.GetName() {
		return sizes.NotKnown
	}
	from, to, step := f.value(input(merge, 0)), f.value(input(n, 1)), f.value(input(add, 1))
	if len(from) != 1 || len(to) != 1 || len(step) != 1 || step[0] < 1 {
		return sizes.NotKnown
	}
	return int64(max(0, min((to[0]-from[0])/step[0]+1, sizes.Most)))
}

func (f frame) value(in string) []float64 { return f.known.Of(f.source(in)).Values }
