package freeze

import (
	"maps"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// SuggestOutputs returns the nodes that are likely the outputs of a model: the nodes that
// its signatures name, or else the nodes that depend on a placeholder, that no other node
// uses, and that have nothing to do with training or saving. Nodes inside branches and
// loops of TensorFlow 1, and what only goes into a variable, such as a moving average, do
// not count. Single numbers (losses, accuracies) do not count if the file has their shape.
// If there are only such nodes, the nodes from which one more placeholder, the labels,
// computes a loss count instead. The result is a guess for a person to check; a single name
// is a clear case.
func SuggestOutputs(def *graphdef.GraphDef, signatures map[string]*graphdef.SignatureDef) []string {
	if names := signatureOutputs(signatures); len(names) > 0 {
		return names
	}
	m := newModelView(def)
	var sinks, numbers, beforeNumbers []string
	for _, n := range def.GetNode() {
		if !m.isCandidate(n) {
			continue
		}
		switch isSink := len(m.consumers[n.Name]) == 0; {
		case isSink && isNumber(n):
			numbers = append(numbers, n.Name)
		case isSink:
			sinks = append(sinks, n.Name)
		case !isNumber(n) && m.endsHere(n):
			beforeNumbers = append(beforeNumbers, n.Name)
		}
	}
	switch {
	case len(sinks) > 0:
		return sinks
	case len(beforeNumbers) > 0:
		return beforeNumbers
	}
	return numbers
}

// modelView is the part of a graph that computes predictions.
type modelView struct {
	training  scopes
	inside    map[string]bool            // nodes inside branches and loops of TensorFlow 1
	stored    map[string]bool            // nodes whose values go into variables
	consumers map[string][]string        // without consumers that are for training
	feeds     map[string]map[string]bool // node → the placeholders that it depends on
}

func newModelView(def *graphdef.GraphDef) *modelView {
	m := &modelView{training: trainingScopes(def), inside: insideNodes(def), stored: map[string]bool{},
		consumers: map[string][]string{}, feeds: map[string]map[string]bool{}}
	var placeholders, settings []string
	for _, n := range def.GetNode() {
		if nodedef.WritesVariable(n.Op) && !m.training.has(n.Name) {
			for _, in := range nodedef.DataInputs(n) {
				m.stored[nodedef.NodeName(in)] = true
			}
		}
		if m.training.has(n.Name) || isNeverOutput(n.Op) {
			continue
		}
		for _, in := range nodedef.DataInputs(n) {
			from := nodedef.NodeName(in)
			m.consumers[from] = append(m.consumers[from], n.Name)
		}
		switch {
		case isPlaceholder(n.Op) && isSetting(n):
			settings = append(settings, n.Name)
		case isPlaceholder(n.Op):
			placeholders = append(placeholders, n.Name)
		}
	}
	if len(placeholders) == 0 {
		placeholders = settings
	}
	for _, name := range placeholders {
		m.feeds[name] = map[string]bool{name: true}
	}
	m.follow(placeholders)
	return m
}

// follow finds what depends on placeholders.
func (m *modelView) follow(queue []string) {
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		for _, c := range m.consumers[name] {
			if m.feeds[c] == nil {
				m.feeds[c] = map[string]bool{}
			}
			before := len(m.feeds[c])
			maps.Copy(m.feeds[c], m.feeds[name])
			if len(m.feeds[c]) > before {
				queue = append(queue, c)
			}
		}
	}
}

// isCandidate reports whether n may be an output at all.
func (m *modelView) isCandidate(n *graphdef.NodeDef) bool {
	if m.inside[n.Name] || m.stored[n.Name] && len(m.consumers[n.Name]) == 0 {
		return false
	}
	return len(m.feeds[n.Name]) > 0 && !isPlaceholder(n.Op) && !m.training.has(n.Name) &&
		!isNeverOutput(n.Op) && len(nodedef.DataInputs(n)) > 0
}

// endsHere reports whether something that uses n also depends on placeholders that n does
// not depend on: a loss, or an accuracy.
func (m *modelView) endsHere(n *graphdef.NodeDef) bool {
	return slices.ContainsFunc(m.consumers[n.Name], func(c string) bool {
		return len(m.feeds[c]) > len(m.feeds[n.Name])
	})
}

// isSetting reports whether a placeholder sets how a model works, and does not feed it: a
// boolean such as is_training, or a single number such as keep_prob.
func isSetting(n *graphdef.NodeDef) bool {
	shape := n.Attr["shape"].GetShape()
	isNumber := shape != nil && !shape.UnknownRank && len(shape.Dim) == 0
	return n.Attr["dtype"].GetType() == dtype.Bool || isNumber
}

// insideNodes returns the nodes between a Switch and its Merge, and between an Enter and its
// Exit. They have no value in a run that takes another branch, or have several.
func insideNodes(def *graphdef.GraphDef) map[string]bool {
	consumers := map[string][]*graphdef.NodeDef{}
	inside := map[string]bool{}
	var queue []string
	enter := func(name string) {
		if !inside[name] {
			inside[name] = true
			queue = append(queue, name)
		}
	}
	for _, n := range def.GetNode() {
		for _, in := range nodedef.DataInputs(n) {
			consumers[nodedef.NodeName(in)] = append(consumers[nodedef.NodeName(in)], n)
		}
		switch op := strings.TrimPrefix(n.Op, "Ref"); op {
		case "Switch", "Enter", "NextIteration", "LoopCond":
			enter(n.Name)
		}
	}
	isLoop := map[string]bool{} // the Merge nodes at the start of loops
	for _, n := range def.GetNode() {
		if strings.TrimPrefix(n.Op, "Ref") == "NextIteration" {
			for _, c := range consumers[n.Name] {
				isLoop[c.Name] = true
			}
		}
	}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		for _, c := range consumers[name] {
			switch op := strings.TrimPrefix(c.Op, "Ref"); {
			case op == "Exit", op == "Merge" && !isLoop[c.Name]:
			default:
				enter(c.Name)
			}
		}
	}
	return inside
}

func isPlaceholder(op string) bool { return strings.HasPrefix(op, "Placeholder") }

// isNumber reports whether n computes a single number, as far as the file has its shape.
func isNumber(n *graphdef.NodeDef) bool {
	shapes := n.Attr["_output_shapes"].GetList().GetShape()
	return len(shapes) > 0 && !shapes[0].UnknownRank && len(shapes[0].Dim) == 0
}

// signatureOutputs returns the nodes that signatures name as outputs, sorted.
func signatureOutputs(signatures map[string]*graphdef.SignatureDef) []string {
	var names []string
	for key, s := range signatures {
		if strings.HasPrefix(key, "__saved_model") {
			continue
		}
		for _, o := range s.GetOutputs() {
			if name := nodedef.NodeName(o.GetName()); name != "" {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// scopes is a set of name scopes, each with its slash.
type scopes map[string]bool

// has reports whether a node is in one of the scopes.
func (s scopes) has(node string) bool {
	for i, c := range node {
		if c == '/' && s[node[:i+1]] {
			return true
		}
	}
	return false
}

// trainingScopes returns the scopes of gradients, optimizers and savers.
func trainingScopes(def *graphdef.GraphDef) scopes {
	s := scopes{}
	for _, n := range def.GetNode() {
		outermost := strings.IndexByte(n.Name, '/') + 1
		switch {
		case outermost == 0: // in no scope
		case strings.HasPrefix(n.Op, "Save") || strings.HasPrefix(n.Op, "Restore"):
			s[scopeOf(n.Name)] = true
		case nodedef.IsOptimizerStep(n.Op):
			s[n.Name[:outermost]] = true
		}
		if i := strings.Index(n.Name, "gradients"); i >= 0 && (i == 0 || n.Name[i-1] == '/') {
			if j := strings.IndexByte(n.Name[i:], '/'); j > 0 {
				s[n.Name[:i+j+1]] = true
			}
		}
	}
	return s
}

var neverOutputs = []string{
	"NoOp", "Const", "Assert", "Print", "PrintV2", "Shape", "VarIsInitializedOp", "IsVariableInitialized",
	"ReadVariableOp", "QueueEnqueueV2", "QueueEnqueueManyV2", "QueueCloseV2", "WriteFile",
}

// isNeverOutput reports whether the result of op is never the output of a model.
func isNeverOutput(op string) bool {
	return slices.Contains(neverOutputs, op) || nodedef.IsVariableOp(op) || nodedef.WritesVariable(op) || strings.Contains(op, "Summary") ||
		strings.HasSuffix(op, "Grad") || strings.HasPrefix(op, "InitializeTable")
}
