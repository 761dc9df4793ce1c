package decide

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// argumentOp is the operation of the nodes that stand for the arguments of a function.
const argumentOp = "_Arg"

// body is a graph, or a function in the notation of a graph: its arguments are nodes, and
// "node:1" is output 1 of a node.
type body struct {
	nodes  []*graphdef.NodeDef
	byName map[string]*graphdef.NodeDef
	keep   map[string]bool // nodes that must keep their names
	rets   []string        // tensors that are the results of a function

	// foreign are the nodes that belong to the caller. They are cloned before a change.
	foreign map[*graphdef.NodeDef]bool
}

func newBody(nodes []*graphdef.NodeDef, keep []string) *body {
	b := &body{keep: map[string]bool{}, foreign: map[*graphdef.NodeDef]bool{}}
	for _, n := range nodes {
		b.foreign[n] = true
	}
	for _, k := range keep {
		b.keep[nodedef.NodeName(k)] = true
	}
	b.set(slices.Clone(nodes))
	return b
}

func (b *body) set(nodes []*graphdef.NodeDef) {
	b.nodes = nodes
	b.byName = make(map[string]*graphdef.NodeDef, len(nodes))
	for _, n := range nodes {
		b.byName[n.Name] = n
	}
}

// mutable returns node i as one that may be changed.
func (b *body) mutable(i int) *graphdef.NodeDef {
	n := b.nodes[i]
	if b.foreign[n] {
		n = proto.Clone(n).(*graphdef.NodeDef)
		b.nodes[i], b.byName[n.Name] = n, n
	}
	return n
}

// freeName returns a name that no node has.
func (b *body) freeName(name string) string {
	free := name
	for i := 1; b.byName[free] != nil; i++ {
		free = fmt.Sprintf("%s_%d", name, i)
	}
	return free
}

// ref is an input of a node.
type ref struct {
	node   string
	output int // -1 for a control input
}

func parse(in string) ref {
	if nodedef.IsControl(in) {
		return ref{in[1:], -1}
	}
	node, output, err := graphdef.ParseTensorName(in)
	if err != nil {
		return ref{in, 0} // no node has such a name
	}
	return ref{node, output}
}

func (r ref) String() string {
	switch {
	case r.output < 0:
		return "^" + r.node
	case r.output == 0:
		return r.node
	}
	return nodedef.TensorName(r.node, r.output)
}

// tensor returns the canonical form of an input.
func tensor(in string) string { return parse(in).String() }

func data(n *graphdef.NodeDef) []string { return nodedef.DataInputs(n) }

func controls(n *graphdef.NodeDef) []string { return n.Input[len(data(n)):] }

// prune removes the nodes that neither kept nodes nor results need.
func (b *body) prune() {
	needed := map[string]bool{}
	var queue []string
	want := func(name string) {
		if !needed[name] && b.byName[name] != nil {
			needed[name] = true
			queue = append(queue, name)
		}
	}
	for name := range b.keep {
		want(name)
	}
	for _, t := range b.rets {
		want(parse(t).node)
	}
	for len(queue) > 0 {
		n := b.byName[queue[0]]
		queue = queue[1:]
		for _, in := range n.Input {
			want(nodedef.NodeName(in))
		}
		for _, c := range nodedef.Colocations(n) {
			want(c)
		}
	}
	b.set(slices.DeleteFunc(b.nodes, func(n *graphdef.NodeDef) bool { return !needed[n.Name] && n.Op != argumentOp }))
}

// outputNames returns how a function names the outputs of a node: "output:0", …. It returns
// false for an operation that is not known.
func (d *decider) outputNames(n *graphdef.NodeDef) ([]string, bool) {
	op := d.opDef(n.Op)
	if op == nil {
		return nil, false
	}
	var names []string
	for _, arg := range op.OutputArg {
		count := 1
		switch {
		case arg.NumberAttr != "":
			count = int(n.Attr[arg.NumberAttr].GetI())
			if n.Attr[arg.NumberAttr] == nil || count < 0 || count > maxNodes {
				return nil, false
			}
		case arg.TypeListAttr != "":
			count = len(n.Attr[arg.TypeListAttr].GetList().GetType())
			if n.Attr[arg.TypeListAttr] == nil {
				return nil, false
			}
		}
		for i := range count {
			names = append(names, arg.Name+":"+strconv.Itoa(i))
		}
	}
	return names, true
}

// opDef returns the definition of an operation, which may be a function of the library.
func (d *decider) opDef(op string) *graphdef.OpDef {
	if fn := d.functions[op]; fn != nil {
		return fn.Signature
	}
	return d.ops.Get(op)
}

// open returns a function as a body that may be changed. It returns nil for a function
// that it does not understand.
func (d *decider) open(fn *function_go_proto.FunctionDef) *body {
	fn = proto.Clone(fn).(*function_go_proto.FunctionDef)
	var nodes []*graphdef.NodeDef
	args := map[string]bool{}
	for _, a := range fn.Signature.InputArg {
		if a.Type == 0 || a.NumberAttr != "" || a.TypeListAttr != "" {
			return nil
		}
		args[a.Name] = true
		nodes = append(nodes, &graphdef.NodeDef{Name: a.Name, Op: argumentOp, Attr: map[string]*graphdef.AttrValue{"T": nodedef.TypeAttr(a.Type)}})
	}
	outputs := map[string]int{} // as the function names them → position
	for _, n := range fn.NodeDef {
		names, ok := d.outputNames(n)
		if !ok || args[n.Name] || hasPlaceholderAttr(n) {
			return nil
		}
		for i, name := range names {
			outputs[n.Name+":"+name] = i
		}
		nodes = append(nodes, n)
	}
	resolve := func(in string) (string, bool) {
		name, rest, _ := strings.Cut(in, ":")
		if nodedef.IsControl(in) || args[name] {
			return strings.TrimSuffix(in, ":0"), !args[name] || rest == "" || rest == "0"
		}
		if strings.Count(rest, ":") == 0 {
			in += ":0"
		}
		i, ok := outputs[in]
		return ref{name, i}.String(), ok
	}
	b := newBody(nodes, nil)
	clear(b.foreign) // all nodes are copies
	for _, n := range fn.NodeDef {
		for i, in := range n.Input {
			var ok bool
			if n.Input[i], ok = resolve(in); !ok {
				return nil
			}
		}
	}
	for _, r := range fn.Signature.OutputArg {
		t, ok := resolve(fn.Ret[r.Name])
		if !ok || r.Type == 0 {
			return nil
		}
		b.rets = append(b.rets, t)
	}
	return b
}

func hasPlaceholderAttr(n *graphdef.NodeDef) bool {
	for _, a := range n.Attr {
		if a.GetPlaceholder() != "" {
			return true
		}
	}
	return false
}

// close returns a body as a function like fn, under another name.
func (d *decider) close(b *body, fn *function_go_proto.FunctionDef, name string) (*function_go_proto.FunctionDef, bool) {
	out := proto.Clone(fn).(*function_go_proto.FunctionDef)
	out.Signature.Name, out.NodeDef = name, nil
	named := func(in string) (string, bool) {
		r := parse(in)
		n := b.byName[r.node]
		if n == nil {
			return "", false
		}
		if r.output < 0 || n.Op == argumentOp {
			return in, true
		}
		names, ok := d.outputNames(n)
		if !ok || r.output >= len(names) {
			return "", false
		}
		return r.node + ":" + names[r.output], true
	}
	for _, n := range b.nodes {
		if n.Op == argumentOp {
			continue
		}
		n = proto.Clone(n).(*graphdef.NodeDef)
		for i, in := range n.Input {
			var ok bool
			if n.Input[i], ok = named(in); !ok {
				return nil, false
			}
		}
		out.NodeDef = append(out.NodeDef, n)
	}
	for i, r := range out.Signature.OutputArg {
		t, ok := named(b.rets[i])
		if !ok {
			return nil, false
		}
		out.Ret[r.Name] = t
	}
	for output, node := range out.ControlRet {
		if b.byName[node] == nil {
			delete(out.ControlRet, output)
		}
	}
	out.Signature.ControlOutput = slices.DeleteFunc(out.Signature.ControlOutput, func(name string) bool { return out.ControlRet[name] == "" })
	return out, true
}
