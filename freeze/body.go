package freeze

import (
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/edit"
	"github.com/tfkeep/tfkeep/internal/devicename"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// body is a list of nodes that name each other: the graph itself, or a function of its
// library. The two differ in how an input names a tensor: "node" or "node:1" in a
// graph, "node:argument:0" or the name of an argument in a function.
type body struct {
	fn    *function_go_proto.FunctionDef // nil for the graph
	nodes []*graphdef.NodeDef
	index map[string]int // node name → position in nodes

	// owned are the nodes that may be changed. The others belong to the caller.
	owned map[*graphdef.NodeDef]bool
}

func newBody(nodes []*graphdef.NodeDef, fn *function_go_proto.FunctionDef) *body {
	b := &body{fn: fn, owned: map[*graphdef.NodeDef]bool{}}
	b.setNodes(nodes)
	return b
}

// newOwnBody returns the body of a function that may be changed as a whole.
func newOwnBody(fn *function_go_proto.FunctionDef) *body {
	b := newBody(fn.NodeDef, fn)
	for _, n := range b.nodes {
		b.owned[n] = true
	}
	return b
}

func (b *body) setNodes(nodes []*graphdef.NodeDef) {
	b.nodes = nodes
	b.index = make(map[string]int, len(nodes))
	for i, n := range nodes {
		b.index[n.Name] = i
	}
}

// funcName returns the name of the function, "" for the graph.
func (b *body) funcName() string { return b.fn.GetSignature().GetName() }

// node returns the node with a name, or nil.
func (b *body) node(name string) *graphdef.NodeDef {
	if i, ok := b.index[name]; ok {
		return b.nodes[i]
	}
	return nil
}

// has reports whether the body has a node with a name.
func (b *body) has(name string) bool {
	_, ok := b.index[name]
	return ok
}

// mutable returns node i as a copy that may be changed.
func (b *body) mutable(i int) *graphdef.NodeDef {
	if !b.owned[b.nodes[i]] {
		b.set(i, proto.Clone(b.nodes[i]).(*graphdef.NodeDef))
	}
	return b.nodes[i]
}

// set replaces node i with one that may be changed and has the same name.
func (b *body) set(i int, n *graphdef.NodeDef) {
	b.nodes[i], b.owned[n] = n, true
}

// add appends a node that may be changed.
func (b *body) add(n *graphdef.NodeDef) {
	b.index[n.Name] = len(b.nodes)
	b.nodes, b.owned[n] = append(b.nodes, n), true
}

// addNew is add for nodes that freezing needs. Their names must be free.
func (b *body) addNew(nodes []*graphdef.NodeDef) error {
	for _, n := range nodes {
		if b.has(n.Name) {
			return nodeError(b, n, tfkeep.ErrUnsupported, "the graph already has a node of this name, which freezing needs")
		}
		b.add(n)
	}
	return nil
}

// tensor identifies one output of one node of a body, or an argument of the function.
type tensor struct {
	node string // the name of the node; of the argument where arg is ""
	arg  string // the name of the output argument; "" in a graph and for arguments
	idx  int
}

// parse returns what an input of a node refers to. A control input refers to output 0.
func (b *body) parse(in string) tensor {
	in = strings.TrimPrefix(in, "^")
	if b.fn == nil {
		node, idx, err := graphdef.ParseTensorName(in)
		if err != nil {
			node, arg, _ := strings.Cut(in, ":")
			return tensor{node: node, arg: arg} // no node has such an output
		}
		return tensor{node: node, idx: idx}
	}
	parts := strings.Split(in, ":")
	t := tensor{node: parts[0]}
	if len(parts) > 1 {
		t.arg = parts[1]
	}
	if len(parts) > 2 {
		t.idx, _ = strconv.Atoi(parts[2])
	} else if n, err := strconv.Atoi(t.arg); err == nil {
		t.arg, t.idx = "", n
	}
	return t
}

// output returns output i of a node whose outputs all belong to the argument arg. In a
// graph the name of the argument does not matter.
func (b *body) output(node, arg string, i int) tensor {
	if b.fn == nil {
		return tensor{node: node, idx: i}
	}
	return tensor{node: node, arg: arg, idx: i}
}

// outputOf returns output i of a node whose outputs are single arguments with the given
// names.
func (b *body) outputOf(node string, args []string, i int) tensor {
	if b.fn == nil {
		return tensor{node: node, idx: i}
	}
	return tensor{node: node, arg: args[i]}
}

// dataConsumers counts, for each node name, the data edges that leave the node. The
// results of the function count too.
func (b *body) dataConsumers() map[string]int {
	uses := make(map[string]int, len(b.nodes))
	for _, n := range b.nodes {
		for _, in := range nodedef.DataInputs(n) {
			uses[b.parse(in).node]++
		}
	}
	for _, result := range b.fn.GetRet() {
		uses[b.parse(result).node]++
	}
	return uses
}

// isConst reports whether a node is a constant, or a variable that becomes one.
func (b *body) isConst(name string) bool {
	n := b.node(name)
	return n != nil && (n.Op == "Const" || nodedef.IsVariableOp(n.Op))
}

// extract keeps the nodes that roots need, in their order.
func (b *body) extract(roots []string) error {
	sub, err := edit.Extract(&graphdef.GraphDef{Node: b.nodes}, roots)
	if err != nil {
		return &tfkeep.Error{Op: "freeze", Err: tfkeep.ErrCorrupt, Cause: err}
	}
	b.setNodes(sub.Node)
	return nil
}

// dropLostColocations removes colocations with nodes that the graph no longer has:
// TensorFlow refuses to import them.
func (b *body) dropLostColocations() {
	for i, n := range b.nodes {
		if !slices.ContainsFunc(nodedef.Colocations(n), func(c string) bool { return !b.has(c) }) {
			continue
		}
		dropColocations(b.mutable(i), func(node string) bool { return !b.has(node) })
	}
}

// dropColocations removes the colocations of n with the nodes for which gone is true.
func dropColocations(n *graphdef.NodeDef, gone func(node string) bool) {
	list := n.Attr["_class"].GetList()
	if list == nil {
		return
	}
	list.S = slices.DeleteFunc(list.S, func(class []byte) bool {
		node, ok := strings.CutPrefix(string(class), devicename.ColocationPrefix)
		return ok && gone(node)
	})
	if len(list.S) == 0 {
		delete(n.Attr, "_class")
	}
}
