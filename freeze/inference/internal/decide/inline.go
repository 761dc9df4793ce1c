package decide

import (
	"fmt"
	"slices"
	"strings"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// decideCalls turns each If and Case whose branch is known into a call of that branch.
func (d *decider) decideCalls(b *body) bool {
	e := newEvaluator(b)
	changed := false
	for i, n := range b.nodes {
		var branch *attrpb.NameAttrList
		switch p := e.input(n, 0); {
		case p == nil:
			continue
		case (n.Op == "If" || n.Op == "StatelessIf") && p.isTrue():
			branch = n.Attr["then_branch"].GetFunc()
		case n.Op == "If" || n.Op == "StatelessIf":
			branch = n.Attr["else_branch"].GetFunc()
		case n.Op == "Case" || n.Op == "StatelessCase":
			branches := n.Attr["branches"].GetList().GetFunc()
			if len(branches) == 0 {
				continue
			}
			k := int(p.value)
			if k < 0 || k >= len(branches) {
				k = len(branches) - 1 // as TensorFlow does
			}
			branch = branches[k]
		}
		if branch == nil || d.functions[branch.Name] == nil {
			continue
		}
		n = b.mutable(i)
		op := "StatefulPartitionedCall"
		if strings.HasPrefix(n.Op, "Stateless") {
			op = "PartitionedCall"
		}
		after := e.after(n.Input[0])
		n.Op, n.Input = op, n.Input[1:]
		addControls(n, after)
		attrs := map[string]*graphdef.AttrValue{"Tin": n.Attr["Tin"], "Tout": n.Attr["Tout"],
			"f": {Value: &attrpb.AttrValue_Func{Func: branch}}}
		for name, a := range n.Attr {
			if strings.HasPrefix(name, "_") && name != "_lower_using_switch_merge" {
				attrs[name] = a
			}
		}
		n.Attr = attrs
		changed = true
	}
	return changed
}

// inliner puts the bodies of called functions into a body.
type inliner struct {
	*decider
	*body
	callers []string            // the functions that the body is in
	from    map[string][]string // node → the functions whose bodies it came with
}

// called returns the function that a node calls as it is, nil for any other node.
func (d *decider) called(n *graphdef.NodeDef) *function_go_proto.FunctionDef {
	switch n.Op {
	case "PartitionedCall", "StatefulPartitionedCall":
		return d.functions[n.Attr["f"].GetFunc().GetName()]
	}
	return d.functions[n.Op]
}

// inline puts the bodies of called functions into b: of calls that may not run, or that
// run in a loop, only if conditional is set. It reports whether it did anything.
func (in *inliner) inline(conditional bool) bool {
	changed := false
	for _, old := range slices.Clone(in.nodes) {
		n := in.byName[old.Name] // what was put before it may have changed it
		fn := in.called(n)
		if fn == nil || n.Attr["_XlaMustCompile"].GetB() || len(in.nodes)+len(fn.NodeDef) > maxNodes {
			continue
		}
		name := fn.Signature.Name
		if slices.Contains(in.callers, name) || slices.Contains(in.from[n.Name], name) {
			continue // it calls itself
		}
		if !conditional && in.isConditional(n) {
			continue
		}
		inner := in.open(fn)
		if inner == nil || len(data(n)) != len(fn.Signature.InputArg) {
			continue
		}
		effects, ok := in.effectsOf(fn)
		if ok {
			in.put(n, inner, effects)
			changed = true
		}
	}
	return changed
}

// put puts the nodes of inner in the place of call n, under its scope. effects are nodes of
// inner that run even if nothing reads them.
func (in *inliner) put(n *graphdef.NodeDef, inner *body, effects []string) {
	name := in.called(n).Signature.Name
	scope := n.Name + "/"
	for i := 1; in.hasScope(scope); i++ {
		scope = fmt.Sprintf("%s_%d/", n.Name, i)
	}
	args := map[string]string{}
	renamed := func(t string) string {
		r := parse(t)
		if arg, ok := args[r.node]; ok {
			return arg
		}
		r.node = scope + r.node
		return r.String()
	}
	var added []*graphdef.NodeDef
	waits := in.waits(n)
	for i, node := range inner.nodes {
		if node.Op == argumentOp {
			args[node.Name] = data(n)[i] // arguments come first, in order
			continue
		}
		for k, t := range node.Input {
			if _, isArg := args[nodedef.NodeName(t)]; isArg && nodedef.IsControl(t) {
				node.Input[k] = "^" + nodedef.NodeName(args[nodedef.NodeName(t)])
				continue
			}
			node.Input[k] = renamed(t)
		}
		if len(data(node)) == 0 || slices.Contains(effects, node.Name) {
			if node.Op != "Const" || waits.everything {
				addControls(node, waits.inputs)
			}
		}
		delete(node.Attr, "_class") // it names nodes of the function
		node.Name = scope + node.Name
		if node.Device == "" {
			node.Device = n.Device
		}
		in.from[node.Name] = append(slices.Clone(in.from[n.Name]), name)
		added = append(added, node)
	}
	results := make([]string, len(inner.rets))
	for i, t := range inner.rets {
		results[i] = renamed(t)
	}
	last := slices.Clone(waits.inputs)
	for _, e := range effects {
		last = append(last, "^"+scope+e)
	}
	in.finish(n, results, last)
	at := slices.IndexFunc(in.nodes, func(o *graphdef.NodeDef) bool { return o.Name == n.Name })
	in.set(slices.Insert(in.nodes, at, added...))
}

func (in *inliner) hasScope(scope string) bool {
	return slices.ContainsFunc(in.nodes, func(n *graphdef.NodeDef) bool { return strings.HasPrefix(n.Name, scope) })
}

// finish turns the call into a node that passes the results on, after what the results
// have to wait for. The consumers read the results directly if there is nothing to wait for.
func (in *inliner) finish(n *graphdef.NodeDef, results, last []string) {
	i := slices.IndexFunc(in.nodes, func(o *graphdef.NodeDef) bool { return o.Name == n.Name })
	types := in.resultTypes(n)
	n = in.mutable(i)
	n.Input = slices.Clone(results)
	addControls(n, last)
	switch len(results) {
	case 0:
		n.Op, n.Attr = "NoOp", map[string]*graphdef.AttrValue{}
	case 1:
		n.Op, n.Attr = "Identity", keepAttrs(n, map[string]*graphdef.AttrValue{"T": nodedef.TypeAttr(types[0])})
	default:
		n.Op, n.Attr = "IdentityN", map[string]*graphdef.AttrValue{"T": {Value: &attrpb.AttrValue_List{List: &attrpb.AttrValue_ListValue{Type: types}}}}
	}
	if len(last) > 0 {
		return
	}
	to := map[string]string{}
	for k, r := range results {
		if t := (ref{n.Name, k}).String(); t != tensor(r) {
			to[t] = r
		}
	}
	in.forward(to)
}

// resultTypes returns the types of the results of a call.
func (in *inliner) resultTypes(n *graphdef.NodeDef) []dtype.DataType {
	var types []dtype.DataType
	for _, r := range in.called(n).Signature.OutputArg {
		types = append(types, r.Type)
	}
	return types
}

// waits is what the nodes of a function have to wait for in the graph.
type waits struct {
	inputs []string
	// everything means that constants wait too: the call may not run, or runs in a loop.
	everything bool
}

// waits returns what the body of call n has to wait for.
func (in *inliner) waits(n *graphdef.NodeDef) waits {
	w := waits{inputs: slices.Clone(controls(n)), everything: in.isConditional(n)}
	if w.everything {
		for _, t := range data(n) {
			if c := "^" + nodedef.NodeName(t); !slices.Contains(w.inputs, c) {
				w.inputs = append(w.inputs, c)
			}
		}
	}
	return w
}

// isConditional reports whether n may be in a branch or a loop of the graph.
func (in *inliner) isConditional(n *graphdef.NodeDef) bool {
	seen := map[string]bool{}
	queue := slices.Clone(n.Input)
	for len(queue) > 0 {
		name := nodedef.NodeName(queue[0])
		queue = queue[1:]
		from := in.byName[name]
		if from == nil || seen[name] {
			continue
		}
		seen[name] = true
		switch from.Op {
		case "Switch", "RefSwitch", "Enter", "RefEnter", "_SwitchN":
			return true
		}
		queue = append(queue, from.Input...)
	}
	return false
}

func addControls(n *graphdef.NodeDef, inputs []string) {
	for _, c := range inputs {
		if !slices.Contains(n.Input, c) {
			n.Input = append(n.Input, c)
		}
	}
}
