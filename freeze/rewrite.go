package freeze

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// rewriter turns nodes that work on variables into nodes that work on values.
type rewriter struct {
	*tracer
	report *Report
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
}

// rewrite rewrites every node of b that a frozen variable reaches. keep names the nodes
// that must survive.
func (r *rewriter) rewrite(b *body, reached flow, uses *accesses, keep map[string]bool) error {
	if err := r.checkOrder(b, reached, uses, keep); err != nil {
		return err
	}
	w := &rewriting{
		rewriter: r, body: b, reached: reached, keep: keep, uses: b.dataConsumers(),
		dead: map[string]bool{}, renamed: map[string]string{},
	}
	for i, n := range b.nodes {
		if in := b.frozenInputs(n, reached); len(in) > 0 {
			if err := w.rewriteNode(i, in); err != nil {
				return err
			}
		}
	}
	if err := b.addNew(w.added); err != nil {
		return err
	}
	w.renameOutputs()
	b.remove(w.dead)
	return nil
}

// rewriteNode rewrites node i. in are its inputs that carry variables.
func (w *rewriting) rewriteNode(i int, in map[int]carrier) error {
	n := w.nodes[i]
	switch {
	case isWrite(n.Op):
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
		if frozen[name], err = w.frozenFunction(w.body, n, name, args); err != nil {
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
	dropHandleAttrs(n)
	w.report.Converted++
}

// frozenFunction returns the name of the copy of a function that takes values for args
// instead of handles. It makes one copy for each set of arguments.
func (r *rewriter) frozenFunction(caller *body, n *graphdef.NodeDef, name string, args map[int]carrier) (string, error) {
	results, err := r.results(caller, n, name, args)
	if err != nil {
		return "", err
	}
	traced := r.traced[newCallKey(name, args)]
	if traced.frozen != "" {
		return traced.frozen, nil
	}
	fn := proto.Clone(r.lib.functions[name]).(*function_go_proto.FunctionDef)
	traced.frozen = r.lib.freeName(name, "frozen")
	fn.Signature.Name = traced.frozen
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
	b := newOwnBody(fn)
	if err := r.rewrite(b, traced.reached, traced.uses, nil); err != nil {
		return "", err
	}
	fn.NodeDef = b.nodes
	dropControlOutputs(fn) // of writes that are gone
	r.lib.frozen = append(r.lib.frozen, fn)
	return traced.frozen, nil
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
