package freeze

import (
	"sort"
	"strings"

	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	protobuf "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep/graphdef"
)

// SuggestOutputs lists the nodes that are likely the outputs of a model: those
// its signatures name; or else the nodes that depend on a placeholder, that
// nothing else uses, and that have to do with neither training nor saving.
// Single numbers (losses, accuracies) do not count where their shape is known
// from the file: behind them stand the nodes that only a further placeholder,
// the labels, turns into a loss. It is a guess for a person to look at; one
// name is a clear case.
func SuggestOutputs(def *graphpb.GraphDef, signatures map[string]*protobuf.SignatureDef) []string {
	if names := signatureOutputs(signatures); len(names) > 0 {
		return names
	}
	m := newModelView(def)
	var sinks, numbers []string
	for _, n := range def.Node {
		if m.candidate(n) && len(m.consumers[n.Name]) == 0 {
			if scalar(n) {
				numbers = append(numbers, n.Name)
			} else {
				sinks = append(sinks, n.Name)
			}
		}
	}
	if len(sinks) > 0 {
		return sinks
	}
	var before []string
	for _, n := range def.Node {
		if m.candidate(n) && !scalar(n) && len(m.consumers[n.Name]) > 0 && m.endsHere(n) {
			before = append(before, n.Name)
		}
	}
	if len(before) > 0 {
		return before
	}
	return numbers
}

// modelView is the part of a graph that computes predictions.
type modelView struct {
	training  scopes
	consumers map[string][]string        // without those in training
	feeds     map[string]map[string]bool // node → placeholders it depends on
}

func newModelView(def *graphpb.GraphDef) *modelView {
	m := &modelView{training: trainingScopes(def), consumers: map[string][]string{}, feeds: map[string]map[string]bool{}}
	var queue []string
	for _, n := range def.Node {
		if m.training.has(n.Name) || notAnOutput(n.Op) {
			continue
		}
		for _, in := range dataInputs(n) {
			from := graphdef.NodeName(in)
			m.consumers[from] = append(m.consumers[from], n.Name)
		}
		if strings.HasPrefix(n.Op, "Placeholder") {
			m.feeds[n.Name] = map[string]bool{n.Name: true}
			queue = append(queue, n.Name)
		}
	}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		for _, c := range m.consumers[name] {
			grew := false
			for p := range m.feeds[name] {
				if !m.feeds[c][p] {
					if m.feeds[c] == nil {
						m.feeds[c] = map[string]bool{}
					}
					m.feeds[c][p], grew = true, true
				}
			}
			if grew {
				queue = append(queue, c)
			}
		}
	}
	return m
}

// candidate tells whether n may be an output at all.
func (m *modelView) candidate(n *nodepb.NodeDef) bool {
	return len(m.feeds[n.Name]) > 0 && !strings.HasPrefix(n.Op, "Placeholder") && !m.training.has(n.Name) &&
		!notAnOutput(n.Op) && len(dataInputs(n)) > 0
}

// endsHere tells whether all that uses n depends on placeholders that n does not.
func (m *modelView) endsHere(n *nodepb.NodeDef) bool {
	for _, c := range m.consumers[n.Name] {
		if len(m.feeds[c]) <= len(m.feeds[n.Name]) {
			return false
		}
	}
	return true
}

// scalar tells whether the file says that n computes a single number.
func scalar(n *nodepb.NodeDef) bool {
	shapes := n.Attr["_output_shapes"].GetList().GetShape()
	return len(shapes) > 0 && !shapes[0].UnknownRank && len(shapes[0].Dim) == 0
}

func signatureOutputs(signatures map[string]*protobuf.SignatureDef) []string {
	seen := map[string]bool{}
	var names []string
	for key, s := range signatures {
		if strings.HasPrefix(key, "__saved_model") {
			continue
		}
		for _, o := range s.Outputs {
			name, _, _ := strings.Cut(o.GetName(), ":")
			if name != "" && !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	sort.Strings(names)
	return names
}

// scopes is a set of name scopes, each with its slash.
type scopes map[string]bool

func (s scopes) has(node string) bool {
	for i, c := range node {
		if c == '/' && s[node[:i+1]] {
			return true
		}
	}
	return false
}

// trainingScopes finds the scopes that gradients, optimizers and savers live in.
func trainingScopes(def *graphpb.GraphDef) scopes {
	s := scopes{}
	for _, n := range def.Node {
		switch {
		case strings.HasPrefix(n.Op, "Save") || strings.HasPrefix(n.Op, "Restore"):
			if i := strings.IndexByte(n.Name, '/'); i >= 0 {
				s[scopeOf(n.Name)] = true
			}
		case isApply(n.Op):
			if i := strings.IndexByte(n.Name, '/'); i >= 0 {
				s[n.Name[:i+1]] = true
			}
		}
		if i := strings.Index(n.Name, "gradients"); i >= 0 && (i == 0 || n.Name[i-1] == '/') {
			if j := strings.IndexByte(n.Name[i:], '/'); j > 0 {
				s[n.Name[:i+j+1]] = true
			}
		}
	}
	return s
}

// notAnOutput tells operations that nobody asks a model for.
func notAnOutput(op string) bool {
	switch op {
	case "NoOp", "Const", "Assert", "Print", "PrintV2", "Shape", "VarIsInitializedOp", "IsVariableInitialized",
		"ReadVariableOp", "QueueEnqueueV2", "QueueEnqueueManyV2", "QueueCloseV2", "WriteFile":
		return true
	}
	return isVariable(op) || isWrite(op) || isApply(op) || strings.Contains(op, "Summary") ||
		strings.HasSuffix(op, "Grad") || strings.HasPrefix(op, "InitializeTable")
}
