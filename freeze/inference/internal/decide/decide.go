package decide

import (
	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/edit"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// maxRounds bounds how often the graph is gone through: each round decides what the one
// before has made constant.
const maxRounds = 64

// maxNodes bounds the graph that function bodies are put into.
const maxNodes = 1 << 20

// decider decides the conditionals of a graph and of its functions.
type decider struct {
	ops       *opdef.Set
	functions map[string]*function_go_proto.FunctionDef
	added     []*function_go_proto.FunctionDef
	copies    map[string]string // function and known arguments → its copy, "" while it is made
	effects   map[string]bool   // function → whether it does more than compute its results
}

// Graph returns a graph in which constant predicates have decided what they can. It does
// not change def. The nodes called outputs keep their names and values.
func Graph(def *graphdef.GraphDef, outputs []string) *graphdef.GraphDef {
	d := &decider{ops: opdef.Builtin(), functions: nodedef.Functions(def), copies: map[string]string{}, effects: map[string]bool{}}
	b := newBody(def.GetNode(), outputs)
	d.decide(b, nil)
	out := edit.WithNodes(def, b.nodes)
	out.Library = d.library(def, b.nodes)
	return out
}

// decide decides everything in a body. callers are the functions that it is the body of,
// or that were put into it.
func (d *decider) decide(b *body, callers []string) {
	in := &inliner{decider: d, body: b, from: map[string][]string{}, callers: callers}
	for range maxRounds {
		changed := d.decideSelects(b)
		changed = d.decideSwitches(b) || changed
		changed = d.decideCalls(b) || changed
		b.dropConstantControls()
		b.prune()
		changed = in.inline(false) || changed
		if !changed && !in.inline(true) { // when no branch around a call can be decided any more
			break
		}
	}
	d.specialize(b, callers)
	b.prune()
}

// library returns the functions of def and the added ones that nodes call. Functions
// that the graph did not call before stay out too.
func (d *decider) library(def *graphdef.GraphDef, nodes []*graphdef.NodeDef) *function_go_proto.FunctionDefLibrary {
	if def.GetLibrary() == nil {
		return nil
	}
	used := map[string]bool{}
	var visit func(nodes []*graphdef.NodeDef)
	use := func(name string) {
		if fn := d.functions[name]; fn != nil && !used[name] {
			used[name] = true
			visit(fn.NodeDef)
		}
	}
	gradients := map[string]string{}
	for _, g := range def.Library.Gradient {
		gradients[g.FunctionName] = g.GradientFunc
	}
	visit = func(nodes []*graphdef.NodeDef) {
		for _, n := range nodes {
			use(n.Op)
			for _, a := range n.Attr {
				for _, fn := range functionsIn(a) {
					use(fn.Name)
				}
			}
		}
	}
	visit(nodes)
	for changed := true; changed; {
		before := len(used)
		for fn, gradient := range gradients {
			if used[fn] {
				use(gradient)
			}
		}
		changed = len(used) > before
	}
	lib := &function_go_proto.FunctionDefLibrary{}
	for _, fns := range [][]*function_go_proto.FunctionDef{def.Library.Function, d.added} {
		for _, fn := range fns {
			if used[fn.Signature.Name] {
				lib.Function = append(lib.Function, fn)
			}
		}
	}
	for _, g := range def.Library.Gradient {
		if used[g.FunctionName] {
			lib.Gradient = append(lib.Gradient, g)
		}
	}
	return lib
}

// functionsIn returns where an attribute names functions.
func functionsIn(a *graphdef.AttrValue) []*attrpb.NameAttrList {
	names := a.GetList().GetFunc()
	if fn := a.GetFunc(); fn != nil {
		names = append(names[:len(names):len(names)], fn)
	}
	return names
}
