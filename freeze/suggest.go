package freeze

import (
	"sort"
	"strings"

	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	protobuf "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
)

// SuggestOutputs lists the nodes that are likely the outputs of a model: those
// its signatures name, or else the nodes that depend on a placeholder or a
// variable, that nothing else uses, and that have to do with neither training
// nor saving. It is a guess for a person to look at; one name is a clear case.
func SuggestOutputs(def *graphpb.GraphDef, signatures map[string]*protobuf.SignatureDef) []string {
	if names := signatureOutputs(signatures); len(names) > 0 {
		return names
	}
	b := newBody(def.Node, nil)
	uses := b.dataConsumers()
	training := trainingScopes(def)
	live := map[string]bool{} // reached from a placeholder
	var queue []string
	for _, n := range def.Node {
		if strings.HasPrefix(n.Op, "Placeholder") && !training.has(n.Name) {
			live[n.Name] = true
			queue = append(queue, n.Name)
		}
	}
	consumers := map[string][]string{}
	for _, n := range def.Node {
		for _, in := range dataInputs(n) {
			t, _ := b.parseInput(in)
			consumers[t.node] = append(consumers[t.node], n.Name)
		}
	}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		for _, c := range consumers[name] {
			if !live[c] {
				live[c] = true
				queue = append(queue, c)
			}
		}
	}
	// What leads to the training step is used only by it: a use from there,
	// by a write or by a summary does not count.
	for _, n := range def.Node {
		if !training.has(n.Name) && !notAnOutput(n.Op) {
			continue
		}
		for _, in := range dataInputs(n) {
			t, _ := b.parseInput(in)
			uses[t.node]--
		}
	}
	var names []string
	for _, n := range def.Node {
		if uses[n.Name] <= 0 && live[n.Name] && !training.has(n.Name) && !notAnOutput(n.Op) &&
			!strings.HasPrefix(n.Op, "Placeholder") && len(dataInputs(n)) > 0 {
			names = append(names, n.Name)
		}
	}
	return names
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
