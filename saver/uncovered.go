package saver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/tf"
)

// coverage compares the variables of a graph with those that a Saver saves.
type coverage struct {
	built   map[*tf.Variable]bool // the global variables when the Saver was built
	checked []*tf.Variable        // those of the last comparison
	missing []*tf.Variable        // of checked, those that the Saver does not save
}

// uncovered returns the global variables that the Saver does not save. Callers hold turn.
func (s *Saver) uncovered() ([]*tf.Variable, error) {
	now := s.g.GlobalVariables()
	if slices.Equal(now, s.coverage.checked) {
		return s.coverage.missing, nil
	}
	var covered map[string]bool
	if !s.empty {
		if err := s.nodes.readPlans(); err != nil {
			return nil, err
		}
		covered = s.nodes.covered
	}
	s.coverage.checked, s.coverage.missing = now, nil
	for _, v := range now {
		if !covered[v.Name()] && !covered[variableID(v)] {
			s.coverage.missing = append(s.coverage.missing, v)
		}
	}
	return s.coverage.missing, nil
}

// checkCovered refuses to go on with a Saver that lacks variables which the graph has got since
// it was built, such as those of an optimizer: what is trained of them would be lost.
func (s *Saver) checkCovered() error {
	if s.opts.AllowUncovered || s.opts.VarList != nil || s.opts.VarMap != nil {
		return nil
	}
	missing, err := s.uncovered()
	if err != nil {
		return err
	}
	var late []*tf.Variable
	for _, v := range missing {
		if !s.coverage.built[v] {
			late = append(late, v)
		}
	}
	if len(late) == 0 {
		return nil
	}
	return fault(tfkeep.ErrMismatch, "the Saver does not save variables that the graph has got since it was made: %s; make a Saver when the graph has all variables (Options.DeferBuild), "+
		"list what to save in Options.VarList, or set Options.AllowUncovered", someNames(late))
}

// CheckCovered refuses, with a tfkeep.ErrMismatch, a graph that has got variables since the Saver
// was made, which it does not save. Save and Resume check it, too; see Options.AllowUncovered.
func (s *Saver) CheckCovered() error {
	if s == nil {
		return argcheck.Nil("check variables", "", "Saver")
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.closed {
		return wrap("check variables", "", fault(tfkeep.ErrClosed, "the Saver is closed"))
	}
	if s.nodes == nil { // not built yet
		return nil
	}
	return wrap("check variables", "", s.checkCovered())
}

// someNames lists variables for an error.
func someNames(vars []*tf.Variable) string {
	const most = 10
	names := variableNames(vars[:min(most, len(vars))])
	if len(vars) > most {
		names = append(names, fmt.Sprintf("and %d more", len(vars)-most))
	}
	return strings.Join(names, ", ")
}

func variableNames(vars []*tf.Variable) []string {
	var names []string
	for _, v := range vars {
		names = append(names, v.Name())
	}
	return names
}

// variableID is nodedef.VariableID of the node of a variable.
func variableID(v *tf.Variable) string {
	op := v.Handle().Op
	n := &graphdef.NodeDef{Name: op.Name(), Op: op.Type(), Attr: map[string]*attr_value_go_proto.AttrValue{}}
	for _, key := range []string{"container", "shared_name"} {
		if value, err := op.Attr(key); err == nil {
			text, _ := value.(string)
			n.Attr[key] = &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_S{S: []byte(text)}}
		}
	}
	return nodedef.VariableID(n)
}

// setCovered notes the names and VariableIDs of the variables that the restore nodes set.
func (n *saverNodes) setCovered(x *savergraph.Graph) {
	n.covered = map[string]bool{}
	add := func(t savergraph.Restored) {
		if t.VariableID != "" {
			n.covered[t.VariableID] = true
		}
		if t.Func == "" {
			n.covered[t.Variable] = true
		}
	}
	if n.loadErr == nil {
		for _, t := range n.load {
			add(t)
		}
		return
	}
	call := nodedef.NodeName(n.def.GetRestoreOpName())
	for t, err := range x.AllRestores() {
		if err == nil && t.Call == call {
			add(t)
		}
	}
}
