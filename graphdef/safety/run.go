package safety

import (
	"fmt"
	"maps"
	"slices"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Run is one run of a session, as far as it matters here.
type Run struct {
	// Stage and Doing describe it, for findings and errors: "restore", "restoring the
	// variables".
	Stage, Doing string
	// Targets are the operations ("a") and tensors ("a:0") that the run asks for.
	Targets []string
	// Fed are the tensors that get a value from outside. Nothing that only they need runs.
	Fed []string
	// Assets are tensors that are fed with paths of the model's assets.
	Assets []string
	// Checkpoint is the tensor that is fed with the path of a checkpoint, or "". With it,
	// restore nodes may read that checkpoint, and no other file. The caller must have
	// checked the whole checkpoint.
	Checkpoint string
	// Call says that somebody called for this run, so that ops of the verdict Call may
	// run.
	Call bool
	// Allow names ops that may run although they are refused.
	Allow []string
	// Limits, if not nil, bound the memory and time of what the run computes from constants
	// alone. What exceeds them is a tfkeep.ErrTooLarge.
	Limits *check.Limits
}

// Check finds the nodes that the run would reach and must not. The error is an [*Error], or a
// tfkeep.ErrTooLarge if the run exceeds its Limits.
func (r *Run) Check(g *graphdef.GraphDef) error {
	if r == nil {
		return argcheck.Nil("check", "", "Run")
	}
	w := newWalk(g, r)
	w.walk()
	if len(w.findings) > 0 {
		return &Error{Doing: r.Doing, Findings: w.findings}
	}
	if r.Limits == nil {
		return nil
	}
	return w.checkSizes(r.Limits.For(g))
}

// body is a set of nodes that run together: those of the graph, or of a function.
type body struct {
	function string // "" for the graph
	nodes    []*graphdef.NodeDef
	byName   map[string]*graphdef.NodeDef
	def      *function_go_proto.FunctionDef // nil for the graph
}

func newBody(function string, nodes []*graphdef.NodeDef, def *function_go_proto.FunctionDef) *body {
	b := &body{function: function, nodes: nodes, byName: make(map[string]*graphdef.NodeDef, len(nodes)), def: def}
	for _, n := range nodes {
		b.byName[n.GetName()] = n
	}
	return b
}

// walk visits all nodes that a run would reach, including those of functions.
type walk struct {
	run       *Run
	library   *library
	graph     *body
	functions map[string]*body // the functions that are reached
	queue     []*body
	allowed   map[string]bool
	findings  []Finding
	paths     *paths

	conditions *growth // follows the conditions of loops; nil before the first one
}

func newWalk(g *graphdef.GraphDef, r *Run) *walk {
	w := &walk{run: r, library: newLibrary(g), functions: map[string]*body{}, allowed: map[string]bool{}}
	for _, op := range r.Allow {
		w.allowed[op] = true
	}
	w.graph = newBody("", reached(g, r), nil)
	w.paths = newPaths(w)
	return w
}

// walk collects all bodies first, because where the path of a file comes from depends on
// all calls of a function.
func (w *walk) walk() {
	bodies := w.bodies()
	for _, b := range bodies {
		for _, n := range b.nodes {
			w.checkNode(b, n)
		}
	}
}

// bodies returns the graph and all functions that the run reaches.
func (w *walk) bodies() []*body {
	bodies := []*body{w.graph}
	w.queue = []*body{w.graph}
	for len(w.queue) > 0 {
		b := w.queue[0]
		w.queue = w.queue[1:]
		for _, n := range b.nodes {
			w.paths.note(b, n)
			for _, name := range w.library.called(n) {
				if w.functions[name] == nil {
					f := w.library.functions[name]
					w.functions[name] = newBody(name, f.GetNodeDef(), f)
					bodies, w.queue = append(bodies, w.functions[name]), append(w.queue, w.functions[name])
				}
			}
		}
	}
	return bodies
}

// Ops returns the types of all operations that the run reaches, in functions too.
func (r *Run) Ops(g *graphdef.GraphDef) map[string]bool {
	ops := map[string]bool{}
	for _, b := range newWalk(g, r).bodies() {
		for _, n := range b.nodes {
			ops[n.GetOp()] = true
		}
	}
	return ops
}

func (w *walk) checkNode(b *body, n *graphdef.NodeDef) {
	if missing := w.library.missing(n); missing != "" {
		w.refuse(b, n, missing)
	}
	if !w.run.Call && w.compiled(n) {
		w.refuse(b, n, "it is compiled (_XlaMustCompile)")
	}
	if w.library.functions[n.GetOp()] != nil {
		if _, known := table()[n.GetOp()]; known {
			w.refuse(b, n, "a function has the name of an op")
		}
		return
	}
	if w.run.Call && w.endless(b, n) {
		w.refuse(b, n, "it is a loop whose condition is always true, so that it never ends")
	}
	verdict, reason := judge(n)
	switch {
	case verdict == Call && w.run.Call:
	case verdict == Asset:
		if w.paths.of(b, input(n, 1)) != asset {
			w.refuse(b, n, "it fills a table from a file that is not an asset")
		}
	case readsCheckpoint(n) && w.run.Checkpoint != "":
		if w.paths.of(b, input(n, 0)) != checkpoint {
			w.refuse(b, n, "it reads a file that is not the checkpoint")
		}
	case verdict != Load:
		w.refuse(b, n, reason)
	case isConstant(n):
		if kind := pointer(n); kind != "" {
			w.refuse(b, n, "its value is "+kind)
		}
	}
}

// compiled reports whether a node asks for XLA, which starts threads and writes their names, or
// calls a function that does.
func (w *walk) compiled(n *graphdef.NodeDef) bool {
	asks := func(attrs map[string]*graphdef.AttrValue) bool {
		a := attrs["_XlaMustCompile"]
		return a.GetB() || a.GetPlaceholder() != ""
	}
	return asks(n.GetAttr()) || slices.ContainsFunc(w.library.called(n), func(name string) bool { return asks(w.library.functions[name].GetAttr()) })
}

func (w *walk) refuse(b *body, n *graphdef.NodeDef, reason string) {
	if !w.allowed[n.GetOp()] {
		w.findings = append(w.findings, Finding{Stage: w.run.Stage, Function: b.function, Node: n.GetName(), Op: n.GetOp(), Reason: reason})
	}
}

// reached returns the nodes of the graph that a run executes, in the order of the graph.
func reached(g *graphdef.GraphDef, r *Run) []*graphdef.NodeDef {
	byName := make(map[string]*graphdef.NodeDef, len(g.GetNode()))
	for _, n := range g.GetNode() {
		byName[n.GetName()] = n
	}
	fed := map[string]bool{}
	for _, t := range slices.Concat(r.Fed, r.Assets, []string{r.Checkpoint}) {
		fed[tensorName(t)] = true
	}
	runs := map[string]bool{}
	var queue []string
	visit := func(name string) {
		if byName[name] != nil && !runs[name] {
			runs[name] = true
			queue = append(queue, name)
		}
	}
	for _, t := range r.Targets {
		visit(nodedef.NodeName(t))
	}
	for len(queue) > 0 {
		n := byName[queue[0]]
		queue = queue[1:]
		for _, in := range n.GetInput() {
			if nodedef.IsControl(in) || !fed[tensorName(in)] {
				visit(nodedef.NodeName(in))
			}
		}
	}
	var nodes []*graphdef.NodeDef
	for _, n := range g.GetNode() {
		if runs[n.GetName()] {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// tensorName returns the name of a graph's tensor with its output number: "a:0" for "a".
func tensorName(t string) string {
	op, output, err := graphdef.ParseTensorName(t)
	if err != nil {
		return t
	}
	return nodedef.TensorName(op, output)
}

// input returns data input i of a node, or "".
func input(n *graphdef.NodeDef, i int) string {
	if in := nodedef.DataInputs(n); i < len(in) {
		return in[i]
	}
	return ""
}

func readsCheckpoint(n *graphdef.NodeDef) bool {
	_, restore := savergraph.Ops()
	return slices.Contains(restore, n.GetOp())
}

func isConstant(n *graphdef.NodeDef) bool { return n.GetOp() == "Const" || n.GetOp() == "HostConst" }

// pointer describes a constant that stands for an object of the session or of the
// program, or returns "".
func pointer(n *graphdef.NodeDef) string {
	v := n.GetAttr()["value"]
	for _, t := range []dtype.DataType{v.GetTensor().GetDtype(), n.GetAttr()["dtype"].GetType()} {
		switch t {
		case dtype.Resource:
			return "a handle"
		case dtype.Variant:
			return "an object"
		}
	}
	switch {
	case len(v.GetTensor().GetResourceHandleVal()) > 0:
		return "a handle"
	case len(v.GetTensor().GetVariantVal()) > 0:
		return "an object"
	case v.GetPlaceholder() != "":
		return fmt.Sprintf("chosen by the caller (%s)", v.GetPlaceholder())
	}
	return ""
}

// library has the functions of a graph.
type library struct {
	functions map[string]*function_go_proto.FunctionDef
	alike     map[string][]string // functions by what they implement: TensorFlow may exchange them
	gradients []string
}

func newLibrary(g *graphdef.GraphDef) *library {
	l := &library{functions: nodedef.Functions(g), alike: map[string][]string{}}
	for _, name := range slices.Sorted(maps.Keys(l.functions)) {
		for _, api := range implements(l.functions[name]) {
			l.alike[api] = append(l.alike[api], name)
		}
	}
	for _, gradient := range g.GetLibrary().GetGradient() {
		if l.functions[gradient.GetGradientFunc()] != nil {
			l.gradients = append(l.gradients, gradient.GetGradientFunc())
		}
	}
	return l
}

// implements returns what a function says that it implements.
func implements(f *function_go_proto.FunctionDef) []string {
	var apis []string
	for _, key := range []string{"api_implements", "_implements"} {
		if api := f.GetAttr()[key].GetS(); len(api) > 0 {
			apis = append(apis, string(api))
		}
	}
	return apis
}

// called returns the functions that a node may call: by its op, by its attributes at any
// depth, by what TensorFlow may exchange them for, and by the defaults of their signature.
func (l *library) called(n *graphdef.NodeDef) []string {
	seen := map[string]bool{}
	var names []string
	var add func(name string)
	add = func(name string) {
		f := l.functions[name]
		if f == nil || seen[name] {
			return
		}
		seen[name] = true
		names = append(names, name)
		for _, api := range implements(f) {
			for _, other := range l.alike[api] {
				add(other)
			}
		}
		for _, a := range f.GetSignature().GetAttr() {
			functionsIn(a.GetDefaultValue(), add)
		}
		for _, a := range f.GetAttr() {
			functionsIn(a, add)
		}
	}
	add(n.GetOp())
	for _, a := range n.GetAttr() {
		functionsIn(a, add)
	}
	if n.GetOp() == "SymbolicGradient" {
		for _, name := range l.gradients {
			add(name)
		}
	}
	return names
}

// missing says which function a node names that the library does not have, or returns "".
// The graph that it is imported into may have a function of that name, from another file.
func (l *library) missing(n *graphdef.NodeDef) string {
	text := ""
	for _, a := range n.GetAttr() {
		functionsIn(a, func(name string) {
			if l.functions[name] == nil && name != "" {
				text = fmt.Sprintf("it names function %q, which the graph does not have", name)
			}
		})
	}
	return text
}

// functionsIn calls add for every function that an attribute names, at any depth.
func functionsIn(a *graphdef.AttrValue, add func(string)) {
	if f := a.GetFunc(); f != nil {
		add(f.GetName())
		for _, nested := range f.GetAttr() {
			functionsIn(nested, add)
		}
	}
	for _, f := range a.GetList().GetFunc() {
		add(f.GetName())
		for _, nested := range f.GetAttr() {
			functionsIn(nested, add)
		}
	}
}
