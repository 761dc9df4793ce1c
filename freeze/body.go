package freeze

import (
	"strconv"
	"strings"

	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"google.golang.org/protobuf/proto"
)

// A body is a list of nodes that name each other: the graph itself, or a
// function of its library. The two differ in how an input names a tensor:
// "node", "node:1" in a graph; "node:argument:0" or the name of an argument
// in a function.
type body struct {
	fn    *functionpb.FunctionDef // nil for the graph
	nodes []*nodepb.NodeDef
	index map[string]int // node name → position in nodes

	cloned map[int]bool // nodes that are ours to write to
}

func newBody(nodes []*nodepb.NodeDef, fn *functionpb.FunctionDef) *body {
	b := &body{fn: fn, nodes: nodes, index: make(map[string]int, len(nodes)), cloned: map[int]bool{}}
	for i, n := range nodes {
		b.index[n.Name] = i
	}
	return b
}

// funcName is the name of the function, "" for the graph.
func (b *body) funcName() string {
	if b.fn == nil {
		return ""
	}
	return b.fn.Signature.GetName()
}

// mutable returns node i as a copy that may be changed: the caller's graph is never written to.
func (b *body) mutable(i int) *nodepb.NodeDef {
	if !b.cloned[i] {
		b.nodes[i] = proto.Clone(b.nodes[i]).(*nodepb.NodeDef)
		b.cloned[i] = true
	}
	return b.nodes[i]
}

// A tensor identifies one output of one node of a body, or an argument of the function.
type tensor struct {
	node string // name of the node; of the argument when arg is ""
	arg  string // name of the output argument; "" in a graph and for arguments
	idx  int
}

// parseInput tells what an input of a node refers to.
func (b *body) parseInput(in string) (t tensor, control bool) {
	if strings.HasPrefix(in, "^") {
		return tensor{node: in[1:]}, true
	}
	parts := strings.Split(in, ":")
	switch {
	case b.fn == nil || len(parts) < 3:
		t.node = parts[0]
		if len(parts) > 1 {
			if n, err := strconv.Atoi(parts[1]); err == nil {
				t.idx = n
			} else {
				t.arg = parts[1]
			}
		}
	default:
		t.node, t.arg = parts[0], parts[1]
		t.idx, _ = strconv.Atoi(parts[2])
	}
	return t, false
}

// output names output i of a node whose outputs all belong to the argument
// arg; in a graph the name of the argument does not appear.
func (b *body) output(node, arg string, i int) tensor {
	if b.fn == nil {
		return tensor{node: node, idx: i}
	}
	return tensor{node: node, arg: arg, idx: i}
}

// outputOf names output i of a node whose outputs are single arguments with the given names.
func (b *body) outputOf(node string, args []string, i int) tensor {
	if b.fn == nil {
		return tensor{node: node, idx: i}
	}
	return tensor{node: node, arg: args[i]}
}

// dataInputs returns the data inputs of n, in order.
func dataInputs(n *nodepb.NodeDef) []string {
	for i, in := range n.Input {
		if strings.HasPrefix(in, "^") {
			return n.Input[:i]
		}
	}
	return n.Input
}

// controlInputs returns the control inputs of n; they follow the data inputs.
func controlInputs(n *nodepb.NodeDef) []string { return n.Input[len(dataInputs(n)):] }

// dataConsumers counts, per node name, the data edges that leave it, the
// function's own results among them.
func (b *body) dataConsumers() map[string]int {
	uses := make(map[string]int, len(b.nodes))
	for _, n := range b.nodes {
		for _, in := range dataInputs(n) {
			t, _ := b.parseInput(in)
			uses[t.node]++
		}
	}
	if b.fn != nil {
		for _, r := range b.fn.Ret {
			t, _ := b.parseInput(r)
			uses[t.node]++
		}
	}
	return uses
}

// remove takes nodes out together with the control edges that lead to them.
// An edge through a removed node keeps its meaning: what waited for the node
// waits for what the node waited for.
func (b *body) remove(dead map[string]bool) {
	if len(dead) == 0 {
		return
	}
	waits := map[string][]string{} // removed node → control names that stand in for it
	var standIn func(name string, seen map[string]bool) []string
	standIn = func(name string, seen map[string]bool) []string {
		if w, ok := waits[name]; ok {
			return w
		}
		if seen[name] {
			return nil
		}
		seen[name] = true
		var out []string
		for _, in := range controlInputs(b.nodes[b.index[name]]) {
			if t, _ := b.parseInput(in); dead[t.node] {
				out = append(out, standIn(t.node, seen)...)
			} else {
				out = append(out, in)
			}
		}
		waits[name] = out
		return out
	}
	for i, n := range b.nodes {
		if dead[n.Name] {
			continue
		}
		touched := false
		for _, in := range controlInputs(n) {
			if t, _ := b.parseInput(in); dead[t.node] {
				touched = true
			}
		}
		if !touched {
			continue
		}
		n = b.mutable(i)
		inputs := append([]string(nil), dataInputs(n)...)
		have := map[string]bool{}
		add := func(in string) {
			if t, _ := b.parseInput(in); !have[in] && t.node != n.Name {
				have[in] = true
				inputs = append(inputs, in)
			}
		}
		for _, in := range controlInputs(n) {
			if t, _ := b.parseInput(in); dead[t.node] {
				for _, s := range standIn(t.node, map[string]bool{}) {
					add(s)
				}
			} else {
				add(in)
			}
		}
		n.Input = inputs
	}
	kept := b.nodes[:0:0]
	cloned := map[int]bool{}
	index := make(map[string]int, len(b.nodes))
	for i, n := range b.nodes {
		if dead[n.Name] {
			continue
		}
		cloned[len(kept)] = b.cloned[i]
		index[n.Name] = len(kept)
		kept = append(kept, n)
	}
	b.nodes, b.cloned, b.index = kept, cloned, index
	if b.fn != nil {
		for name, node := range b.fn.ControlRet {
			if dead[node] {
				delete(b.fn.ControlRet, name)
			}
		}
	}
}
