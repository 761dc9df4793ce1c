package freeze

import (
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// tableFill is a node that fills a table, in the graph or in a function that the graph
// calls.
type tableFill struct {
	node         *graphdef.NodeDef
	where        *body
	root         string            // the node of the graph that is or calls it
	table        *graphdef.NodeDef // as the node sees it
	file         *graphdef.NodeDef // the constant or placeholder with the name of the file, nil if there is none
	keys, values content
	maybe        bool // only a branch or a loop runs it
}

// content is one side of what fills a table: a constant, or a tensor of the checkpoint.
type content struct {
	value *tensorpb.TensorProto
	key   string
}

func (c content) known() bool { return c.value != nil || c.key != "" }

// maxCalls is how many calls are followed at most: functions may call each other very often.
const maxCalls = 100_000

// fillFinder finds the nodes that fill tables. It follows handles, names of files, keys and
// values through calls of functions.
type fillFinder struct {
	lib    *library
	tables *tables
	graph  *body
	calls  int
}

// frame is a call of a function, or the graph itself.
type frame struct {
	body   *body
	call   *graphdef.NodeDef // nil for the graph
	c      *call
	caller *frame
	depth  int
	maybe  bool // it is a branch or a loop
}

// origin is the node that a tensor comes from.
type origin struct {
	frame *frame
	node  *graphdef.NodeDef
	out   tensor
}

func (f *fillFinder) find() error {
	top := &frame{body: f.graph}
	for _, n := range f.graph.nodes {
		if err := f.visit(top, n, n.Name); err != nil {
			return err
		}
	}
	return nil
}

// visit looks at a node, and at the functions that it calls.
func (f *fillFinder) visit(fr *frame, n *graphdef.NodeDef, root string) error {
	if fillsTable(n.Op) {
		f.addFill(fr, n, root)
	}
	if changesTable(n.Op) {
		f.tables.changes = append(f.tables.changes, &tableFill{node: n, where: fr.body, root: root})
	}
	c := f.lib.call(n)
	if c == nil {
		return nil
	}
	for _, name := range c.functions {
		inner := f.enter(fr, n, c, name)
		if inner == nil {
			continue
		}
		if f.calls++; f.calls > maxCalls {
			return nodeError(fr.body, n, tfkeep.ErrUnsupported, "the functions of the graph call each other too often to find what fills its lookup tables")
		}
		for _, m := range inner.body.nodes {
			if err := f.visit(inner, m, root); err != nil {
				return err
			}
		}
	}
	return nil
}

// enter returns the frame of a call, nil if there is no such function or it calls itself.
func (f *fillFinder) enter(fr *frame, n *graphdef.NodeDef, c *call, name string) *frame {
	fn := f.lib.functions[name]
	if fn == nil || fr.depth > 64 {
		return nil
	}
	for up := fr; up != nil; up = up.caller {
		if up.body.fn == fn {
			return nil
		}
	}
	return &frame{body: newBody(fn.NodeDef, fn), call: n, c: c, caller: fr, depth: fr.depth + 1,
		maybe: fr.maybe || c.loop || len(c.functions) > 1 || c.first > 0}
}

// addFill adds a node to the table that it fills, if the frozen graph has this table.
func (f *fillFinder) addFill(fr *frame, n *graphdef.NodeDef, root string) {
	in := nodedef.DataInputs(n)
	if len(in) < 2 {
		return
	}
	handle := f.origin(fr, in[0])
	if handle == nil || !isTable(handle.node.Op) {
		f.tables.unclear = append(f.tables.unclear, &tableFill{node: n, where: fr.body, root: root})
		return
	}
	table := f.tables.known[tableID(handle.frame.body, handle.node)]
	if table == nil {
		return
	}
	fill := &tableFill{node: n, where: fr.body, root: root, table: handle.node, maybe: fr.maybe}
	switch {
	case fillsFromFile(n.Op):
		fill.file = f.fileNode(fr, in[1])
	case fillsFromTensors(n.Op) && len(in) > 2:
		fill.keys, fill.values = f.content(fr, in[1]), f.content(fr, in[2])
	}
	table.fills = append(table.fills, fill)
}

// fileNode returns the node of the graph with the name of a file, nil if it is not known: a
// constant, or the placeholder of an asset, which TensorFlow 2 puts into a variable first.
func (f *fillFinder) fileNode(fr *frame, in string) *graphdef.NodeDef {
	o := f.origin(fr, in)
	if o == nil {
		return nil
	}
	if _, ok := constString(o.node); ok {
		return o.node
	}
	if o.node.Op == "ReadVariableOp" && len(o.node.Input) > 0 {
		if handle := f.origin(o.frame, o.node.Input[0]); handle != nil && handle.node.Op == "VarHandleOp" {
			o = f.assigned(variableOf(handle.node))
		}
	}
	if o != nil && o.node.Op == "Placeholder" && o.frame.body.fn == nil {
		return o.node
	}
	return nil
}

// assigned returns what the graph assigns to a variable, if there is one such node.
func (f *fillFinder) assigned(variable string) *origin {
	top := &frame{body: f.graph}
	var found *origin
	for _, n := range f.graph.nodes {
		in := nodedef.DataInputs(n)
		if n.Op != "AssignVariableOp" || len(in) < 2 {
			continue
		}
		handle := f.origin(top, in[0])
		if handle == nil || handle.node.Op != "VarHandleOp" || variableOf(handle.node) != variable {
			continue
		}
		if found != nil {
			return nil
		}
		found = f.origin(top, in[1])
	}
	return found
}

// content returns what a tensor holds, if it is known.
func (f *fillFinder) content(fr *frame, in string) content {
	o := f.origin(fr, in)
	if o == nil {
		return content{}
	}
	switch o.node.Op {
	case "Const":
		return content{value: o.node.Attr["value"].GetTensor()}
	case "RestoreV2":
		in := nodedef.DataInputs(o.node)
		if len(in) < 3 {
			return content{}
		}
		names, slices := f.origin(o.frame, in[1]), f.origin(o.frame, in[2])
		if names == nil || slices == nil || names.node.Op != "Const" || slices.node.Op != "Const" {
			return content{}
		}
		list := names.node.Attr["value"].GetTensor().GetStringVal()
		parts := slices.node.Attr["value"].GetTensor().GetStringVal()
		if o.out.idx >= len(list) || o.out.idx < len(parts) && len(parts[o.out.idx]) > 0 || len(parts) == 1 && len(parts[0]) > 0 {
			return content{}
		}
		return content{key: string(list[o.out.idx])}
	}
	return content{}
}

// origin follows an input through Identity nodes, arguments and results of functions, to the
// node that makes the tensor. It returns nil where that is not known.
func (f *fillFinder) origin(fr *frame, in string) *origin {
	for range 1000 {
		t := fr.body.parse(in)
		if i, ok := fr.argument(t); ok {
			inputs := nodedef.DataInputs(fr.call)
			if fr.c.loop || i+fr.c.first >= len(inputs) {
				return nil // a loop may change it
			}
			in, fr = inputs[i+fr.c.first], fr.caller
			continue
		}
		n := fr.body.node(t.node)
		if n == nil {
			return nil
		}
		switch n.Op {
		case "Identity", "RefIdentity":
			if len(n.Input) == 0 {
				return nil
			}
			in = n.Input[0]
			continue
		case "IdentityN":
			if t.idx >= len(nodedef.DataInputs(n)) {
				return nil
			}
			in = n.Input[t.idx]
			continue
		}
		c := f.lib.call(n)
		if c == nil {
			return &origin{fr, n, t}
		}
		inner := f.result(fr, n, c, t)
		if inner == nil {
			return nil
		}
		fr, in = inner.frame, inner.in
	}
	return nil
}

// returned is a tensor that a function returns.
type returned struct {
	frame *frame
	in    string
}

// result returns what a plain call returns as tensor t, in the frame of the function.
func (f *fillFinder) result(fr *frame, n *graphdef.NodeDef, c *call, t tensor) *returned {
	if c.loop || len(c.functions) != 1 {
		return nil
	}
	inner := f.enter(fr, n, c, c.functions[0])
	if inner == nil {
		return nil
	}
	outputs := inner.body.fn.GetSignature().GetOutputArg()
	if t.idx < 0 || t.idx >= len(outputs) {
		return nil
	}
	arg := outputs[t.idx].Name
	if c.byName && t.arg != "" {
		arg = t.arg
	}
	in, ok := inner.body.fn.Ret[arg]
	if !ok {
		return nil
	}
	return &returned{inner, in}
}

// argument returns which argument of the function t is.
func (fr *frame) argument(t tensor) (int, bool) {
	if fr.body.fn == nil || fr.body.has(t.node) {
		return 0, false
	}
	for i, arg := range signatureOf(fr.body.fn) {
		if arg == t.node {
			return i, true
		}
	}
	return 0, false
}

func signatureOf(fn *function_go_proto.FunctionDef) []string {
	var names []string
	for _, a := range fn.GetSignature().GetInputArg() {
		names = append(names, a.Name)
	}
	return names
}
