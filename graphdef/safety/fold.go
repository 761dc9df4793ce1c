package safety

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/internal/sizes"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// ImportOptions are the options of [CheckImport]. Nil and the zero value are the defaults.
type ImportOptions struct {
	// Ops are the definitions of the ops; nil means opdef.Builtin.
	Ops *opdef.Set
	// Allow names ops that may run although they are refused.
	Allow []string
	// Limits bound what TensorFlow may compute while it imports the graph. Nil means the
	// defaults.
	Limits *check.Limits
}

// CheckImport finds the nodes that TensorFlow would run while it imports the graph, and
// must not. The error is an [*Error], or a tfkeep.ErrTooLarge if TensorFlow would compute
// constants that exceed the limits.
//
// While TensorFlow imports a graph, it infers the shapes of all tensors. The shape of a
// Reshape depends on the value of an input, so TensorFlow evaluates that input, and all that
// it is computed from, if it has no placeholder, variable or other op with a state in it.
// (EvaluateConstantTensor in tensorflow/core/common_runtime/eval_const_tensor.cc.) ReadFile
// counts as an op without a state. It does not run, however, if its file name is fed or
// comes from a queue, or if nothing that depends on the file's content decides a shape. So
// the graph of a training that reads files can be imported.
func CheckImport(g *graphdef.GraphDef, o *ImportOptions) error {
	if o == nil {
		o = &ImportOptions{}
	}
	f := &folder{ops: o.Ops, library: newLibrary(g), allowed: map[string]bool{}, bodies: map[string]*foldBody{}}
	f.budget = newBudget(g, f.library, o.Limits)
	for _, op := range o.Allow {
		f.allowed[op] = true
	}
	f.inferAll(g)
	if len(f.findings) > 0 {
		return &Error{Doing: "importing the graph", Findings: f.findings}
	}
	return f.budget.large
}

// value says what TensorFlow may know about a tensor while it imports the graph.
type value struct {
	constant bool
	// danger is a refused node that computing the constant would run, or nil.
	danger *culprit
}

// culprit is a refused node.
type culprit struct {
	function string
	node     *graphdef.NodeDef
	reaches  bool // it is refused to callers, too: it reaches out, or worse
}

// worse returns the worse one of two culprits.
func worse(a, b *culprit) *culprit {
	if a == nil || b != nil && b.reaches && !a.reaches {
		return b
	}
	return a
}

// folder follows constants through a graph and its functions.
type folder struct {
	ops      *opdef.Set
	library  *library
	allowed  map[string]bool
	bodies   map[string]*foldBody
	queue    []*foldBody
	findings []Finding
	budget   *budget
	depth    int // of the functions whose results are being followed
}

// foldBody is the graph, or a function whose shapes are inferred when it is called.
type foldBody struct {
	*body
	args   map[string]value        // merged over all calls
	given  map[string]sizes.Tensor // what is known about the sizes of the arguments
	sizes  *sizes.Body
	queued bool
	visits int
	values map[string]value // of the nodes that were looked at
	done   map[string]bool

	evaluated map[string]bool // inputs that TensorFlow computes
}

// inferAll visits the graph and then functions until nothing new is known about the
// arguments of any: what is known about an argument gets worse three times at most.
func (f *folder) inferAll(g *graphdef.GraphDef) {
	f.queue = []*foldBody{{body: newBody("", g.GetNode(), nil), queued: true}}
	for len(f.queue) > 0 {
		b := f.queue[0]
		f.queue = f.queue[1:]
		if b.visits++; b.visits > maxVisits {
			b.assumeWorst()
		}
		b.queued, b.values, b.done = false, make(map[string]value, len(b.nodes)), make(map[string]bool, len(b.nodes))
		b.sizes, b.evaluated = sizes.Infer(b.nodes, b.argument(), f.called), map[string]bool{}
		for _, n := range b.nodes {
			f.infer(b, n)
		}
	}
	slices.SortStableFunc(f.findings, func(a, b Finding) int { return strings.Compare(a.Function+"/"+a.Node, b.Function+"/"+b.Node) })
	f.findings = slices.CompactFunc(f.findings, func(a, b Finding) bool { return a.Function == b.Function && a.Node == b.Node })
}

// maxVisits bounds how often a function is looked at because more is known about one of its
// arguments.
const maxVisits = 8

// assumeWorst makes all arguments as bad as the worst of them, so that they cannot get
// worse one by one.
func (b *foldBody) assumeWorst() {
	worst := value{constant: true}
	for _, v := range b.args {
		worst.danger = worse(worst.danger, v.danger)
	}
	for arg := range b.args {
		b.args[arg] = worst
		b.given[arg] = sizes.Unknown()
	}
}

// argument returns a function that finds what is known about the size of an argument. It is nil
// for a graph.
func (b *foldBody) argument() func(string) sizes.Tensor {
	if b.function == "" {
		return nil
	}
	return func(name string) sizes.Tensor {
		if t, ok := b.given[name]; ok {
			return t
		}
		return sizes.Unknown()
	}
}

// infer looks at the inputs that the shape of a node may depend on, and passes what is
// known about the inputs on to the functions that the node calls.
func (f *folder) infer(b *foldBody, n *graphdef.NodeDef) {
	if f.library.functions[n.GetOp()] == nil && !f.allowed[n.GetOp()] && f.crashes(b, n) {
		f.findings = append(f.findings, Finding{Stage: "import", Function: b.function, Node: n.GetName(), Op: n.GetOp(),
			Reason: "TensorFlow ends the process when it infers the shapes of some nodes with this op"})
	}
	inputs := nodedef.DataInputs(n)
	partly := false // some inputs are constant, and some are not
	for _, in := range inputs {
		partly = partly || !f.valueOf(b, in).constant
	}
	for i, in := range inputs {
		v := f.valueOf(b, in)
		if f.looksAt(n, i, partly, &culprit{}) {
			for _, in := range f.constants(b, in) {
				f.evaluate(b, n, in)
			}
		}
		if v.danger != nil && f.looksAt(n, i, partly, v.danger) {
			d := v.danger
			_, reason := judge(d.node)
			if kind := pointer(d.node); isConstant(d.node) && kind != "" {
				reason = "its value is " + kind
			}
			f.findings = append(f.findings, Finding{Stage: "import", Function: d.function, Node: d.node.GetName(), Op: d.node.GetOp(),
				Reason: fmt.Sprintf("%s; the shape of %s (%s) depends on it", reason, n.GetName(), n.GetOp())})
		}
	}
	f.call(b, n, inputs)
}

// call merges what is known about the inputs of a node into the arguments of the functions
// that TensorFlow looks into when it infers shapes. Which input becomes which argument is
// known for plain calls; otherwise each argument gets the worst of all inputs.
func (f *folder) call(b *foldBody, n *graphdef.NodeDef, inputs []string) {
	switch n.GetOp() {
	case "PartitionedCall", "StatefulPartitionedCall", "SymbolicGradient":
	default:
		if f.library.functions[n.GetOp()] == nil {
			return
		}
	}
	if missing := f.library.missing(n); missing != "" {
		f.findings = append(f.findings, Finding{Stage: "import", Function: b.function, Node: n.GetName(), Op: n.GetOp(), Reason: missing})
	}
	names := f.library.called(n)
	direct := n.GetOp()
	if f.library.functions[direct] == nil {
		direct = n.GetAttr()["f"].GetFunc().GetName()
	}
	worst := value{constant: true}
	for _, in := range inputs {
		worst.danger = worse(worst.danger, f.valueOf(b, in).danger)
	}
	for _, name := range names {
		callee := f.bodies[name]
		isNew := callee == nil
		if isNew {
			def := f.library.functions[name]
			callee = &foldBody{body: newBody(name, def.GetNodeDef(), def), args: map[string]value{}, given: map[string]sizes.Tensor{}}
			f.bodies[name] = callee
		}
		changed := false
		simple := name == direct
		for i, arg := range callee.def.GetSignature().GetInputArg() {
			simple = simple && arg.GetNumberAttr() == "" && arg.GetTypeListAttr() == "" && i < len(inputs)
			v, t := worst, sizes.Unknown()
			if simple {
				v, t = f.valueOf(b, inputs[i]), b.sizes.Of(inputs[i])
			}
			changed = callee.merge(arg.GetName(), v, t) || changed
		}
		if (isNew || changed) && !callee.queued {
			callee.queued = true
			f.queue = append(f.queue, callee)
		}
	}
}

// merge adds what is known about an argument at one call. It reports whether that is new.
func (b *foldBody) merge(arg string, v value, t sizes.Tensor) bool {
	have := b.args[arg]
	merged := value{constant: have.constant || v.constant, danger: worse(have.danger, v.danger)}
	b.args[arg] = merged
	if known, ok := b.given[arg]; ok {
		t = sizes.Join(known, t)
		b.given[arg] = t
		return merged != have || !sizes.Equal(known, t)
	}
	b.given[arg] = t
	return true
}

// valueOf returns what is known about an input. It keeps its own stack, because a graph
// may be a chain of any length.
func (f *folder) valueOf(b *foldBody, in string) value {
	name := nodedef.NodeName(in)
	if b.byName[name] == nil {
		return b.outside(name)
	}
	stack := []string{name}
	for len(stack) > 0 {
		top := stack[len(stack)-1]
		n := b.byName[top]
		if _, seen := b.values[top]; !seen && f.mayFold(n) {
			b.values[top] = value{} // until its inputs are known, and for the back edges of loops
			for _, in := range nodedef.DataInputs(n) {
				source := nodedef.NodeName(in)
				if _, seen := b.values[source]; !seen && b.byName[source] != nil {
					stack = append(stack, source)
				}
			}
			continue
		}
		stack = stack[:len(stack)-1]
		if !b.done[top] && f.mayFold(n) {
			b.values[top] = f.fold(b, n)
		} else if !b.done[top] {
			b.values[top] = value{}
		}
		b.done[top] = true
	}
	return b.values[name]
}

// outside returns what is known about an input that is not a node of the body: an argument
// of the function, or a tensor that the importer's InputMap provides.
func (b *foldBody) outside(name string) value {
	if b.function == "" {
		return value{constant: true}
	}
	return b.args[name]
}

// passesOn has the ops of loops, and others, which TensorFlow evaluates only if the reader of a
// value reads their output itself.
var passesOn = map[string]bool{"Merge": true, "RefMerge": true, "Enter": true, "RefEnter": true, "Exit": true, "RefExit": true, "PlaceholderWithDefault": true}

// constants returns the constant tensors that TensorFlow computes when a node looks at an input:
// that one, or those that an op of a loop passes on.
func (f *folder) constants(b *foldBody, in string) []string {
	var found []string
	seen := map[string]bool{}
	for queue := []string{in}; len(queue) > 0; queue = queue[1:] {
		n := b.byName[nodedef.NodeName(queue[0])]
		switch {
		case f.valueOf(b, queue[0]).constant:
			found = append(found, queue[0])
		case n != nil && passesOn[n.GetOp()] && !seen[n.GetName()]:
			seen[n.GetName()] = true
			queue = append(queue, nodedef.DataInputs(n)...)
		}
	}
	return found
}

// mayFold reports whether TensorFlow may evaluate a node whose inputs are constant.
func (f *folder) mayFold(n *graphdef.NodeDef) bool {
	if passesOn[n.GetOp()] {
		return false
	}
	if isConstant(n) {
		return true
	}
	if f.library.functions[n.GetOp()] != nil {
		return true // whatever its definition says about a state
	}
	op := f.ops.Get(n.GetOp())
	return op == nil || !op.GetIsStateful() && len(nodedef.DataInputs(n)) > 0
}

// fold returns what is known about the outputs of a node, from its inputs.
func (f *folder) fold(b *foldBody, n *graphdef.NodeDef) value {
	// The shape of a tensor may be known without its value.
	v := value{constant: true}
	known := onlyShapes(n.GetOp())
	for _, in := range nodedef.DataInputs(n) {
		source := b.outside(nodedef.NodeName(in))
		if b.byName[nodedef.NodeName(in)] != nil {
			source = b.values[nodedef.NodeName(in)]
		}
		if !source.constant && !known {
			return value{}
		}
		v.danger = worse(v.danger, source.danger)
	}
	verdict, _ := judge(n)
	if isConstant(n) && pointer(n) != "" && !f.allowed[n.GetOp()] {
		v.danger = &culprit{b.function, n, true}
	}
	if verdict != Load && f.library.functions[n.GetOp()] == nil && !f.allowed[n.GetOp()] {
		v.danger = worse(v.danger, &culprit{b.function, n, verdict != Call})
	}
	return v
}

// onlyShapes reports whether the value of an op follows from the shapes of its inputs.
func onlyShapes(op string) bool {
	return op == "Shape" || op == "ShapeN" || op == "Size" || op == "Rank"
}
