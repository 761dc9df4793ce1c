package freeze

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// checkOutputs refuses outputs that compute no value, but write.
func (t *tracer) checkOutputs(b *body, uses *accesses, outputs []string) error {
	writes := map[string]*graphdef.NodeDef{}
	for variable := range uses.written {
		for _, a := range uses.of[variable] {
			if n := b.nodes[a.node]; nodedef.WritesVariable(n.Op) && slices.Contains(a.inputs, 0) {
				writes[n.Name] = n
			}
		}
	}
	for _, name := range outputs {
		if n := writes[name]; n != nil {
			return nodeError(b, n, tfkeep.ErrUnsupported, "it is an output and changes a frozen variable; %s", writeRemedy)
		}
		op := opdef.Builtin().Get(b.node(name).Op)
		if op == nil || len(op.OutputArg) > 0 {
			continue
		}
		for _, from := range slices.Sorted(maps.Keys(b.ancestors([]string{name}))) {
			if n := b.node(from); writes[from] != nil || saveOps[n.Op] {
				return nodeError(b, b.node(name), tfkeep.ErrUnsupported, "it is an output that computes no value, and only runs node %q, which writes; %s", from, writeRemedy)
			}
		}
	}
	return nil
}

// checkFetches refuses outputs that no run returns as they are: those inside of a loop, and
// references to variables that the run changes.
func (t *tracer) checkFetches(b *body, reached flow, uses *accesses, outputs []string) error {
	places := uses.places
	if places == nil && slices.ContainsFunc(b.nodes, func(n *graphdef.NodeDef) bool { return n.Op == "Enter" || n.Op == "RefEnter" }) {
		places = b.places()
	}
	for _, name := range outputs {
		n := b.node(name)
		if places != nil && places[b.index[name]].frame != "" {
			return nodeError(b, n, tfkeep.ErrUnsupported, "it is an output inside of a loop, which has a value for each iteration; choose the result of the loop, a node after its Exit")
		}
		for out, c := range reached {
			if out.node == name && uses.written[c.variable] {
				return nodeError(b, n, tfkeep.ErrUnsupported, "it is an output that refers to %s, which the run changes; %s", b.describe(c.variable), writeRemedy)
			}
		}
	}
	return nil
}

// checkAliases refuses a variable of which one node is frozen and another one stays.
func (b *body) checkAliases(values map[string]*valueRef) error {
	frozen := map[string]string{}
	for name := range values {
		frozen[variableOf(b.node(name))] = name
	}
	for _, n := range b.nodes {
		if !nodedef.IsVariableOp(n.Op) || values[n.Name] != nil {
			continue
		}
		if other, ok := frozen[variableOf(n)]; ok {
			return nodeError(b, n, tfkeep.ErrUnsupported, "it stays a variable, and node %q, which is the same variable, is frozen; freeze both or neither", other)
		}
	}
	return nil
}

// checkInitOps refuses a SavedModel that changes a frozen variable when it is loaded, after the
// values of the checkpoint were restored.
func (o *Options) checkInitOps(def *graphdef.GraphDef, b *body, lib *library, values map[string]*valueRef) error {
	if o.model == nil || len(o.model.initOps) == 0 {
		return nil
	}
	graph := newBody(def.Node, nil) // b has only what leads to the outputs
	frozen := map[string]bool{}
	for name := range values {
		frozen[variableOf(b.node(name))] = true
	}
	runs := graph.ancestors(o.model.initOps)
	for _, n := range graph.nodes {
		if !runs[n.Name] || !lib.writes(n) {
			continue
		}
		for _, in := range nodedef.DataInputs(n) {
			v := graph.node(graph.parse(in).node)
			for hops := 0; v != nil && passOps[v.Op].to != "" && len(v.Input) > 0 && hops < len(graph.nodes); hops++ {
				v = graph.node(graph.parse(v.Input[0]).node)
			}
			if v != nil && nodedef.IsVariableOp(v.Op) && frozen[variableOf(v)] {
				return nodeError(graph, n, tfkeep.ErrUnsupported, "it changes variable %q whenever the model is loaded, so that the checkpoint does not have its value; "+
					"load the model and save it without this init op, or put the variable on the denylist", v.Name)
			}
		}
	}
	return nil
}

// writes reports whether a node may write to a variable, or calls a function that does.
func (l *library) writes(n *graphdef.NodeDef) bool {
	return l.runs(n, false, func(n *graphdef.NodeDef) bool { return nodedef.WritesVariable(n.Op) })
}

const writeRemedy = "choose outputs that compute values, or put the variable on the denylist"

var saveOps = setOf("Save SaveSlices SaveV2 MergeV2Checkpoints WriteFile")

// describe names a variable of a body for an error.
func (b *body) describe(variable string) string {
	if i, err := strconv.Atoi(strings.TrimPrefix(variable, "#")); err == nil && b.fn != nil {
		return fmt.Sprintf("the variable in argument %q", b.fn.Signature.InputArg[i].Name)
	}
	_, name, _ := strings.Cut(variable, "\x00")
	if container, shared, ok := strings.Cut(name, "\x00"); ok {
		name = shared
		if container != "" {
			return fmt.Sprintf("variable %q of container %q", name, container)
		}
	}
	return fmt.Sprintf("variable %q", name)
}
