package verify

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/graphdef/safety"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// graphChecker checks one graph and adds what it finds to a report.
type graphChecker struct {
	limits *check.Limits
	*Report
	where string // begins each text: "graph [serve]: ", or "" where the report has one graph
}

func (c *graphChecker) faultf(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	if c.where != "" {
		err = fmt.Errorf("%s%w", c.where, err)
	}
	c.fault(err)
}

// graph reports what package check finds in a graph. An op that TensorFlow lacks may come with
// a library of its own: it is a note.
func (c *graphChecker) graph(g *graphdef.GraphDef, err error) {
	c.Nodes += len(g.GetNode())
	var all *check.Error
	if !errors.As(err, &all) {
		if err != nil {
			c.faultf("%w", err)
		}
		return
	}
	for _, f := range all.Faults {
		if f.IsUnknownOp() {
			c.note(fmt.Errorf("%s%s", c.where, f))
		} else {
			c.faultf("%s", f)
		}
	}
}

// metaGraph checks a graph and the rest of its meta graph.
func (c *graphChecker) metaGraph(mg *graphdef.MetaGraphDef) {
	c.graph(mg.GetGraphDef(), check.MetaGraph(mg, &check.Options{Limits: c.limits}))
	c.names(mg)
	c.refused(mg)
}

// refused finds what package safety refuses to run when the graph is imported, restored and
// initialized. What only signatures run, and ops that nobody has reviewed, may be meant.
func (c *graphChecker) refused(mg *graphdef.MetaGraphDef) {
	plan, err := safety.NewPlan(mg)
	if err != nil {
		c.faultf("%w", err)
		return
	}
	for _, f := range plan.Findings(&safety.ImportOptions{Limits: c.limits}) {
		if strings.HasPrefix(f.Stage, "signature ") || f.Stage == "training" || opdef.Builtin().Get(f.Op) == nil {
			c.note(fmt.Errorf("%s%s: %s", c.where, f.Stage, f))
		} else {
			c.faultf("%s: %s: %w", f.Stage, f, tfkeep.ErrUnsafe)
		}
	}
}

// names finds signatures and a saver that name nodes that do not exist.
func (c *graphChecker) names(mg *graphdef.MetaGraphDef) {
	nodes := map[string]bool{}
	for _, n := range mg.GetGraphDef().GetNode() {
		nodes[n.GetName()] = true
	}
	check := func(what string, tensors ...string) {
		for _, tensor := range tensors {
			if tensor != "" && !nodes[nodedef.NodeName(tensor)] {
				c.faultf("%s names %q, which the graph does not have", what, tensor)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(mg.GetSignatureDef())) {
		s := mg.GetSignatureDef()[key]
		for _, name := range slices.Sorted(maps.Keys(s.GetInputs())) {
			check(fmt.Sprintf("signature %q, input %q,", key, name), signature.TensorNames(s.GetInputs()[name])...)
		}
		for _, name := range slices.Sorted(maps.Keys(s.GetOutputs())) {
			check(fmt.Sprintf("signature %q, output %q,", key, name), signature.TensorNames(s.GetOutputs()[name])...)
		}
	}
}
