package safety

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/internal/ports"
	"github.com/tfkeep/tfkeep/graphdef/internal/sizes"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// maxWork is how many times the bytes of check.Limits.Bytes TensorFlow may write in the time
// that it computes constants.
const maxWork = 16

// maxDepth is how deep functions are followed for the shapes of their results.
const maxDepth = 8

// called returns what is known about the results of a plain call of a function.
func (f *folder) called(n *graphdef.NodeDef, in []sizes.Tensor) []sizes.Tensor {
	name := n.GetOp()
	if name == "PartitionedCall" || name == "StatefulPartitionedCall" {
		name = n.GetAttr()["f"].GetFunc().GetName()
	}
	def := f.library.functions[name]
	if def == nil {
		return nil
	}
	f.budget.followed += int64(len(def.GetNodeDef()))
	if f.depth == maxDepth || f.budget.followed > f.budget.limits.Nodes {
		return []sizes.Tensor{sizes.Unknown()}
	}
	f.depth++
	defer func() { f.depth-- }()
	args := map[string]sizes.Tensor{}
	for i, arg := range def.GetSignature().GetInputArg() {
		if arg.GetNumberAttr() != "" || arg.GetTypeListAttr() != "" || i >= len(in) {
			break // from here on an argument may stand for several inputs
		}
		args[arg.GetName()] = in[i]
	}
	body := sizes.Infer(def.GetNodeDef(), func(arg string) sizes.Tensor {
		if t, ok := args[arg]; ok {
			return t
		}
		return sizes.Unknown()
	}, f.called)
	outs := []sizes.Tensor{}
	for _, out := range def.GetSignature().GetOutputArg() {
		outs = append(outs, body.Of(def.GetRet()[out.GetName()]))
	}
	if len(outs) == 0 {
		return []sizes.Tensor{sizes.Unknown()}
	}
	return outs
}

// budget is what TensorFlow may spend on constants that it computes during an import.
type budget struct {
	limits   check.Limits
	graph    *graphdef.GraphDef // whose size counts for limits.Bytes; nil once it is counted
	times    map[string]int64   // how often the shapes of a function's body are inferred
	work     int64
	nodes    int64
	followed int64 // nodes of functions whose results were followed
	large    error // the first constant that is too large
}

// bytesOfShapes is the memory that the constants of any graph may take.
const bytesOfShapes = 64 << 20

// bytes returns the limit of the memory, or less if that is enough for a constant with bytes and
// the work so far: measuring a graph takes long.
func (b *budget) bytes(bytes int64) int64 {
	if b.graph == nil {
		return b.limits.Bytes
	}
	if least := min(b.limits.Bytes, bytesOfShapes); bytes <= least && b.work <= sizes.Product(maxWork, least) {
		return least
	}
	b.limits.Bytes = min(b.limits.Bytes, bytesOfShapes+2*int64(proto.Size(b.graph)))
	b.graph = nil
	return b.limits.Bytes
}

// newBudget counts the calls of all functions.
func newBudget(g *graphdef.GraphDef, l *library, limits *check.Limits) *budget {
	b := &budget{limits: limits.For(g), times: map[string]int64{"": 1}}
	if limits == nil || limits.Bytes == 0 { // shapes are small, whatever the variables are
		b.graph = g
	}
	calls := map[string]map[string]int64{} // by callee and caller
	note := func(caller string, nodes []*graphdef.NodeDef) {
		for _, n := range nodes {
			for _, name := range l.called(n) {
				if calls[name] == nil {
					calls[name] = map[string]int64{}
				}
				calls[name][caller]++
			}
		}
	}
	note("", g.GetNode())
	for name, f := range l.functions {
		note(name, f.GetNodeDef())
	}
	open := map[string]bool{}
	var stack []string
	for name := range l.functions {
		stack = append(stack[:0], name)
		for len(stack) > 0 {
			top := stack[len(stack)-1]
			if _, ok := b.times[top]; ok {
				stack = stack[:len(stack)-1]
				continue
			}
			total, waits := int64(0), false
			for caller, count := range calls[top] {
				times, ok := b.times[caller]
				if !ok && !open[caller] {
					stack, waits = append(stack, caller), true
				}
				if !ok { // a function that calls itself
					times = sizes.Most
				}
				total = sizes.Sum(total, sizes.Product(times, count))
			}
			if open[top] = true; waits {
				continue
			}
			b.times[top] = max(total, 1) // for a function that nobody calls, too
		}
	}
	return b
}

// evaluate notes that TensorFlow computes a constant at an input of a node.
func (f *folder) evaluate(b *foldBody, reader *graphdef.NodeDef, in string) {
	if f.budget.large != nil || b.evaluated[in] {
		return
	}
	b.evaluated[in] = true
	bytes, work := int64(0), int64(0)
	times := f.budget.times[b.function]
	seen := map[string]bool{}
	stack := []string{nodedef.NodeName(in)}
	for len(stack) > 0 {
		n := b.byName[stack[len(stack)-1]]
		stack = stack[:len(stack)-1]
		if n == nil || isConstant(n) || seen[n.GetName()] {
			continue
		}
		seen[n.GetName()] = true
		if verdict, _ := judge(n); verdict != Load && f.library.functions[n.GetOp()] == nil {
			return // refused, or trusted
		}
		if f.budget.nodes = sizes.Sum(f.budget.nodes, times); f.budget.nodes > f.budget.limits.Nodes {
			f.tooLarge(b, reader, in, fmt.Sprintf("with it, TensorFlow computes more than %d nodes while it imports the graph (Limits.Nodes)", f.budget.limits.Nodes))
			return
		}
		bytes = sizes.Sum(bytes, f.bytesOf(b, n))
		work = sizes.Sum(work, b.sizes.Work(n))
		if onlyShapes(n.GetOp()) {
			continue
		}
		for _, i := range nodedef.DataInputs(n) {
			stack = append(stack, nodedef.NodeName(i))
		}
	}
	f.budget.work = sizes.Sum(f.budget.work, sizes.Product(times, work))
	switch limit := f.budget.bytes(bytes); {
	case limit >= sizes.Most: // the caller wants none
	case bytes > sizes.Most:
		f.tooLarge(b, reader, in, "its size depends on values that are not known before (Limits.Bytes)")
	case bytes > limit:
		f.tooLarge(b, reader, in, fmt.Sprintf("that takes %d bytes of memory; the limit is %d (Limits.Bytes)", bytes, limit))
	case f.budget.work > sizes.Product(maxWork, limit):
		f.tooLarge(b, reader, in, fmt.Sprintf("with it, this takes too long for a limit of %d bytes (Limits.Bytes)", limit))
	}
}

func (f *folder) bytesOf(b *foldBody, n *graphdef.NodeDef) int64 {
	op := f.ops.Get(n.GetOp())
	if op == nil {
		return 0 // a function: TensorFlow does not compute its result
	}
	types, err := ports.Types(n, op, op.GetOutputArg())
	if err != nil {
		return 0
	}
	return b.sizes.Output(n.GetName()).Bytes(n, types)
}

func (f *folder) tooLarge(b *foldBody, reader *graphdef.NodeDef, in, detail string) {
	where := ""
	if b.function != "" {
		where = " of function " + b.function
	}
	f.budget.large = &tfkeep.Error{Op: "infer shapes", Item: "node", Name: reader.GetName(), Err: tfkeep.ErrTooLarge,
		Detail: fmt.Sprintf("TensorFlow computes its input %s%s while it imports the graph: %s", in, where, detail)}
}
