package freeze

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// rewriter turns nodes that work on variables into nodes that work on values.
type rewriter struct {
	*tracer
	report *Report

	keepsShapes bool // no variable gets a value of another shape than it has at the begin
}

// rewriting is the rewriting of one body.
type rewriting struct {
	*rewriter
	*body
	reached flow
	keep    map[string]bool // the nodes that must survive
	uses    map[string]int  // data edges that leave a node
	dead    map[string]bool // nodes to remove
	added   []*graphdef.NodeDef
	renamed map[string]string // in functions: "node:arg" before → after

	// What carrying values adds.
	done                 map[string]bool   // nodes that work on values already
	final                map[string]string // variables of a function → their last values
	needed               map[string]bool   // variables whose values at the begin are needed
	used                 map[string]bool   // variables that the body changes, and whose values are needed somewhere in it
	dry                  bool              // only find out what is needed
	demands              map[int][]string  // calls → the variables whose new values they return
	loopValues           map[int][]string  // loops → the variables that they carry
	sides, gates, enters map[string]string // what was added once: Identity of a side, Switch, Enter
}

func (r *rewriter) rewriting(b *body, reached flow, keep map[string]bool) *rewriting {
	return &rewriting{
		rewriter: r, body: b, reached: maps.Clone(reached), keep: keep, uses: b.dataConsumers(),
		dead: map[string]bool{}, renamed: map[string]string{},
		done: map[string]bool{}, final: map[string]string{}, demands: map[int][]string{}, loopValues: map[int][]string{},
		sides: map[string]string{}, gates: map[string]string{}, enters: map[string]string{},
		needed: map[string]bool{}, used: map[string]bool{},
	}
}

// rewrite rewrites every node of b that a frozen variable reaches. keep names the nodes
// that must survive. final are the variables whose last values a function returns; it
// returns these values.
func (r *rewriter) rewrite(b *body, reached flow, uses *accesses, keep map[string]bool, final []string) (map[string]string, error) {
	w := r.rewriting(b, reached, keep)
	if len(uses.written) > 0 || len(final) > 0 {
		roots := slices.Sorted(maps.Keys(keep))
		if b.fn != nil {
			roots = r.functionRoots(b)
		}
		if err := w.carry(uses, roots, final); err != nil {
			return nil, err
		}
	}
	for i, n := range b.nodes {
		if w.dead[n.Name] || w.done[n.Name] {
			continue
		}
		if in := b.frozenInputs(n, w.reached); len(in) > 0 {
			if err := w.rewriteNode(i, in); err != nil {
				return nil, err
			}
		}
	}
	if err := b.addNew(w.added); err != nil {
		return nil, err
	}
	w.renameOutputs()
	b.remove(w.dead)
	return w.final, nil
}

// functionRoots returns the nodes of a function that must stay: its results, and what has
// an effect besides writing to frozen variables.
func (r *rewriter) functionRoots(b *body) []string {
	var roots []string
	for _, result := range b.fn.Ret {
		roots = append(roots, b.parse(result).node)
	}
	for _, n := range b.nodes {
		op := opdef.Builtin().Get(n.Op)
		if r.lib.call(n) != nil || op == nil || op.IsStateful && !readOps[n.Op] && !nodedef.IsVariableOp(n.Op) {
			roots = append(roots, n.Name)
		}
	}
	slices.Sort(roots)
	return slices.Compact(roots)
}

// rewriteNode rewrites node i. in are its inputs that carry variables.
func (w *rewriting) rewriteNode(i int, in map[int]carrier) error {
	n := w.nodes[i]
	switch {
	case nodedef.WritesVariable(n.Op):
		return w.rewriteWrite(i, in)
	case passOps[n.Op].to != "":
		return w.rewritePass(i, in)
	case n.Op == "IdentityN":
		w.retype(w.mutable(i), "T", 0, in)
		return nil
	}
	if c := w.lib.call(n); c != nil {
		return w.rewriteCall(i, c, c.arguments(in))
	}
	return w.rewriteRead(i, in)
}

// rewritePass rewrites an operation that passes a variable on.
func (w *rewriting) rewritePass(i int, in map[int]carrier) error {
	n := w.nodes[i]
	to, c := passOps[n.Op].to, either(in)
	if !c.resource && !isRefOp(n.Op) {
		return nil
	}
	if c.resource && to == "Merge" && len(in) != len(nodedef.DataInputs(n)) {
		return nodeError(w.body, n, tfkeep.ErrUnsupported,
			"it merges the handle of a frozen variable with one that stays a variable; freeze both or neither")
	}
	n = w.mutable(i)
	n.Op = to
	n.Attr["T"] = nodedef.TypeAttr(c.dtype)
	dropHandleAttrs(n)
	w.report.Converted++
	return nil
}

// rewriteCall lets a call use copies of its functions that take values for args.
func (w *rewriting) rewriteCall(i int, c *call, args map[int]carrier) error {
	if len(args) == 0 {
		return nil
	}
	n := w.mutable(i)
	frozen := map[string]string{}
	for _, name := range c.functions {
		var err error
		if frozen[name], err = w.frozenFunction(w.body, n, name, args, w.finals(i, c, name, args), c.loop); err != nil {
			return err
		}
	}
	if c.byName {
		n.Op = frozen[n.Op]
		dropHandleAttrs(n)
		w.report.Converted++
		return nil
	}
	inputs := map[int]carrier{}
	for k, carried := range args {
		inputs[k+c.first] = carried
	}
	w.retype(n, c.types, c.first, inputs)
	for _, fn := range c.names(n) {
		fn.Name = frozen[fn.Name]
	}
	if c.loop {
		return nil
	}
	defer w.addResults(i)
	for k, types := 0, n.Attr["Tout"].GetList().GetType(); k < len(types); k++ {
		if out, ok := w.reached[w.output(n.Name, "output", k)]; ok {
			types[k] = out.dtype
		}
	}
	return nil
}

// retype changes the types in a list attribute of the inputs that became values. first
// is the input that the list begins with.
func (w *rewriting) retype(n *graphdef.NodeDef, attr string, first int, in map[int]carrier) {
	list := n.Attr[attr].GetList().GetType()
	for i, c := range in {
		if k := i - first; c.resource && k >= 0 && k < len(list) {
			list[k] = c.dtype
		}
	}
	w.forgetShapes(n)
	dropHandleAttrs(n)
	w.report.Converted++
}

// forgetShapes removes the shapes of the results of a call that were handles: a handle is
// a scalar.
func (w *rewriting) forgetShapes(n *graphdef.NodeDef) {
	for k, shape := range n.Attr["output_shapes"].GetList().GetShape() {
		if _, ok := w.reached[w.output(n.Name, "output", k)]; ok {
			shape.Dim, shape.UnknownRank = nil, true
		}
	}
}

// frozenFunction returns the name of the copy of a function that takes values for args
// instead of handles. It makes one copy for each set of arguments, and of variables whose
// last values it returns.
func (r *rewriter) frozenFunction(caller *body, n *graphdef.NodeDef, name string, args map[int]carrier, finals []string, loop bool) (string, error) {
	results, err := r.results(caller, n, name, args)
	if err != nil {
		return "", err
	}
	traced := r.traced[newCallKey(name, args)]
	key := strings.Join(finals, ",")
	if traced.frozen[key] != "" {
		return traced.frozen[key], nil
	}
	fn := proto.Clone(r.lib.functions[name]).(*function_go_proto.FunctionDef)
	fn.Signature.Name = r.lib.freeName(name, "frozen")
	traced.frozen[key] = fn.Signature.Name
	for i, c := range args {
		arg := fn.Signature.InputArg[i]
		arg.Type, arg.TypeAttr, arg.HandleData = c.dtype, "", nil
		delete(fn.ArgAttr, uint32(i))
		delete(fn.ResourceArgUniqueId, uint32(i))
	}
	for i, c := range results {
		arg := fn.Signature.OutputArg[i]
		arg.Type, arg.TypeAttr, arg.HandleData = c.dtype, "", nil
	}
	delete(fn.Attr, "_input_shapes") // those of the handles
	b := newOwnBody(fn)
	values, err := r.rewrite(b, traced.reached, traced.uses, nil, finals)
	if err != nil {
		return "", err
	}
	returnFinals(fn, args, finals, values, loop, func(variable string) dtype.DataType { return args[argumentOf(variable)].dtype })
	fn.NodeDef = b.nodes
	dropControlOutputs(fn) // of writes that are gone
	r.lib.frozen = append(r.lib.frozen, fn)
	return fn.Signature.Name, nil
}

// renameOutputs updates the inputs that name an output of a rewritten node, whose
// argument now has another name. Only inputs in functions have that form.
func (w *rewriting) renameOutputs() {
	if w.fn == nil || len(w.renamed) == 0 {
		return
	}
	for i, n := range w.nodes {
		for k, in := range n.Input {
			if to, ok := w.renamedInput(in); ok {
				w.mutable(i).Input[k] = to
			}
		}
	}
	for name, result := range w.fn.Ret {
		if to, ok := w.renamedInput(result); ok {
			w.fn.Ret[name] = to
		}
	}
}

// renamedInput returns the present name of an input, and whether it has changed.
func (w *rewriting) renamedInput(in string) (string, bool) {
	t := w.parse(in)
	to, ok := w.renamed[t.node+":"+t.arg]
	if nodedef.IsControl(in) || !ok {
		return in, false
	}
	return fmt.Sprintf("%s:%d", to, t.idx), true
}
