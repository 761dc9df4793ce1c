package decide

import (
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"

	"github.com/tfkeep/tfkeep/graphdef"
)

// effectsOf returns the nodes of a function that TensorFlow runs whenever the function is
// called: assertions, prints, and all else that does more than compute. It returns false
// if they cannot be waited for.
func (d *decider) effectsOf(fn *function_go_proto.FunctionDef) ([]string, bool) {
	var nodes []string
	loops := false
	for _, n := range fn.NodeDef {
		loops = loops || n.Op == "Enter"
		if d.hasEffect(n) {
			nodes = append(nodes, n.Name)
		}
	}
	return nodes, len(nodes) == 0 || !loops // a node outside of a loop cannot wait for one inside
}

// hasEffect reports whether a node does more than compute its outputs. Random numbers
// without a reader are nothing.
func (d *decider) hasEffect(n *graphdef.NodeDef) bool {
	functions := d.functionsOf(n)
	if len(functions) > 0 {
		for _, fn := range functions {
			if d.functionHasEffect(fn) {
				return true
			}
		}
		return false
	}
	op := d.ops.Get(n.Op)
	return op == nil || op.IsStateful && !isRandom(n.Op)
}

func isRandom(op string) bool {
	return strings.Contains(op, "Random") || op == "TruncatedNormal" || op == "Multinomial" || op == "ParameterizedTruncatedNormal"
}

// functionsOf returns the functions of the library that a node names.
func (d *decider) functionsOf(n *graphdef.NodeDef) []*function_go_proto.FunctionDef {
	var functions []*function_go_proto.FunctionDef
	if fn := d.functions[n.Op]; fn != nil {
		functions = append(functions, fn)
	}
	for _, a := range n.Attr {
		for _, f := range functionsIn(a) {
			if fn := d.functions[f.Name]; fn != nil {
				functions = append(functions, fn)
			}
		}
	}
	return functions
}

func (d *decider) functionHasEffect(fn *function_go_proto.FunctionDef) bool {
	name := fn.Signature.Name
	if known, ok := d.effects[name]; ok {
		return known
	}
	d.effects[name] = true // a function that calls itself
	has := false
	for _, n := range fn.NodeDef {
		if d.hasEffect(n) {
			has = true
			break
		}
	}
	d.effects[name] = has
	return has
}
