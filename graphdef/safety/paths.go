package safety

import (
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// origin says where a string that names a file comes from.
type origin int

const (
	elsewhere  origin = iota // the graph, or it is not known
	asset                    // the path of an asset, which was fed
	checkpoint               // the path of the checkpoint, which was fed
)

// maxHops is how many nodes that pass a path on are followed.
const maxHops = 16

// paths finds out where the names of files come from, in the graph and through the
// arguments of functions.
type paths struct {
	w       *walk
	fed     map[string]origin    // by tensor of the graph
	calls   map[string][]call    // the plain calls of each function
	unknown map[string]bool      // functions that are called in another way too
	known   map[argument]origin  // what was found out; elsewhere while it is looked for
	handles map[string][]*handle // nodes that make handles of variables, by shared name
	opaque  bool                 // a handle has a name that is not known
	uses    map[string][]use     // of nodes of the graph that make handles; nil until it is needed
}

// call is a call of a function whose inputs are the arguments, in order.
type call struct {
	body *body
	node *graphdef.NodeDef
}

type argument struct {
	function, name string
}

// handle is a node that makes the handle of a variable.
type handle struct {
	body *body
	node *graphdef.NodeDef
}

// use is an input of a node that takes a handle.
type use struct {
	node  *graphdef.NodeDef
	input int
}

// usesOf returns the nodes of the graph that take the output of a handle's node.
func (p *paths) usesOf(handle string) []use {
	if p.uses == nil {
		p.uses = map[string][]use{}
		for _, n := range p.w.graph.nodes {
			for i, in := range nodedef.DataInputs(n) {
				if name := nodedef.NodeName(in); p.w.graph.byName[name].GetOp() == "VarHandleOp" {
					p.uses[name] = append(p.uses[name], use{n, i})
				}
			}
		}
	}
	return p.uses[handle]
}

func newPaths(w *walk) *paths {
	p := &paths{w: w, fed: map[string]origin{}, calls: map[string][]call{}, unknown: map[string]bool{},
		known: map[argument]origin{}, handles: map[string][]*handle{}}
	for _, t := range w.run.Assets {
		p.fed[tensorName(t)] = asset
	}
	if w.run.Checkpoint != "" {
		p.fed[tensorName(w.run.Checkpoint)] = checkpoint
	}
	return p
}

// note remembers what a reached node calls, and the handles that it makes.
func (p *paths) note(b *body, n *graphdef.NodeDef) {
	plain := ""
	switch {
	case p.w.library.functions[n.GetOp()] != nil:
		plain = n.GetOp()
	case n.GetOp() == "PartitionedCall" || n.GetOp() == "StatefulPartitionedCall":
		plain = n.GetAttr()["f"].GetFunc().GetName()
	}
	for _, name := range p.w.library.called(n) {
		if name == plain {
			p.calls[name] = append(p.calls[name], call{b, n})
		} else {
			p.unknown[name] = true
		}
	}
	if n.GetOp() != "VarHandleOp" {
		return
	}
	name := n.GetAttr()["shared_name"]
	if name.GetPlaceholder() != "" || n.GetAttr()["container"].GetPlaceholder() != "" {
		p.opaque = true
	}
	p.handles[string(name.GetS())] = append(p.handles[string(name.GetS())], &handle{b, n})
}

// of returns where the string at an input of a node in b comes from.
func (p *paths) of(b *body, in string) origin {
	for range maxHops {
		if b.function == "" {
			if o, ok := p.fed[tensorName(in)]; ok {
				return o
			}
		}
		src := b.byName[nodedef.NodeName(in)]
		switch {
		case src == nil && b.function != "":
			return p.ofArgument(b, strings.TrimSuffix(in, ":0"))
		case src == nil || len(src.GetInput()) == 0:
			return elsewhere
		case p.w.library.functions[src.GetOp()] != nil:
			return elsewhere
		case src.GetOp() == "Identity":
			in = src.Input[0]
		case src.GetOp() == "ReadVariableOp":
			if in = p.assignedValue(b, src); in == "" {
				return elsewhere
			}
		default:
			return elsewhere
		}
	}
	return elsewhere
}

// ofArgument returns where an argument of a function comes from, if all calls agree.
func (p *paths) ofArgument(b *body, name string) origin {
	key := argument{b.function, name}
	if o, ok := p.known[key]; ok {
		return o
	}
	p.known[key] = elsewhere // also for functions that call themselves
	args := b.def.GetSignature().GetInputArg()
	index := -1
	for i, arg := range args {
		if arg.GetNumberAttr() != "" || arg.GetTypeListAttr() != "" {
			break // from here on an argument may stand for several inputs
		}
		if arg.GetName() == name {
			index = i
			break
		}
	}
	if index < 0 || p.unknown[b.function] || len(p.calls[b.function]) == 0 {
		return elsewhere
	}
	found := elsewhere
	for i, c := range p.calls[b.function] {
		o := p.of(c.body, input(c.node, index))
		if i > 0 && o != found {
			return elsewhere
		}
		found = o
	}
	p.known[key] = found
	return found
}

// assignedValue returns the input that a read of a variable returns, or "" if that is not
// certain. It is certain if the variable is assigned once, before the read, and no other
// node of the run can reach it. TensorFlow 2 keeps the paths of assets in such variables.
func (p *paths) assignedValue(b *body, read *graphdef.NodeDef) string {
	h := b.byName[nodedef.NodeName(read.Input[0])]
	if b.function != "" || h.GetOp() != "VarHandleOp" || p.opaque {
		return ""
	}
	name := string(h.GetAttr()["shared_name"].GetS())
	if name == "" || len(p.handles[name]) != 1 {
		return ""
	}
	value := ""
	for _, u := range p.usesOf(h.GetName()) {
		switch op := u.node.GetOp(); {
		case op == "ReadVariableOp" || op == "VarIsInitializedOp":
		case op == "AssignVariableOp" && u.input == 0 && value == "" && slices.Contains(read.Input, "^"+u.node.GetName()):
			value = input(u.node, 1)
		default:
			return ""
		}
	}
	return value
}
