package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/graphdef/safety"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// graphChecker checks one graph and adds what it finds to a report.
type graphChecker struct {
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

// graph checks a graph without looking at what belongs to it.
func (c *graphChecker) graph(g *graphdef.GraphDef) {
	c.Nodes += len(g.GetNode())
	err := check.Graph(g, nil)
	var all *check.Error
	if !errors.As(err, &all) {
		if err != nil {
			c.faultf("%w", err)
		}
		return
	}
	// Operations that TensorFlow lacks may come with a library of their own.
	custom := map[string]bool{}
	for _, op := range opdef.Unknown(g, opdef.Builtin()) {
		custom[op] = true
	}
	ops := map[string]string{}
	for _, n := range g.GetNode() {
		ops[n.GetName()] = n.GetOp()
	}
	for _, f := range all.Faults {
		if f.Function == "" && custom[ops[f.Node]] {
			c.note(fmt.Errorf("%s%s", c.where, f))
		} else {
			c.faultf("%s", f)
		}
	}
}

// metaGraph checks a graph and the rest of its meta graph.
func (c *graphChecker) metaGraph(mg *graphdef.MetaGraphDef) {
	c.graph(mg.GetGraphDef())
	c.names(mg)
	if _, err := graphdef.Variables(mg); err != nil {
		c.faultf("%w", err)
	}
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
	for _, f := range plan.Findings(nil) {
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
	saver := mg.GetSaverDef()
	check("the saver", saver.GetFilenameTensorName(), saver.GetSaveTensorName(), saver.GetRestoreOpName())
}

// restores checks that a checkpoint has what the graph's saver reads.
func (c *graphChecker) restores(ctx context.Context, mg *graphdef.MetaGraphDef, prefix string) {
	wanted := restoresOf(mg)
	for _, err := range wanted.unknown {
		c.note(fmt.Errorf("%snot checked against the checkpoint %s: %w", c.where, prefix, err))
	}
	if len(wanted.tensors) == 0 {
		return
	}
	r, err := checkpoint.Open(ctx, prefix, nil)
	if err != nil {
		return // the checkpoint's own report has the error
	}
	defer r.Close()
	for _, w := range wanted.tensors {
		t, ok := r.Lookup(w.Key)
		switch {
		case !ok:
			c.faultf("node %q restores %q, which the checkpoint %s does not have: %w", w.Node, w.Key, prefix, tfkeep.ErrNotFound)
		case w.DType != 0 && w.DType != t.DType:
			c.faultf("node %q restores %q as %s, the checkpoint has %s: %w",
				w.Node, w.Key, dtype.Name(w.DType), dtype.Name(t.DType), tfkeep.ErrMismatch)
		}
	}
}

// restored is what the restore nodes of a saver read.
type restored struct {
	tensors []savergraph.Restored
	unknown []error // about nodes whose keys cannot be read from the graph
}

// restoresOf returns what the graph's saver reads: the keys of the restore nodes that take
// their file name from the saver's file name tensor.
func restoresOf(mg *graphdef.MetaGraphDef) restored {
	var r restored
	file := nodedef.NodeName(mg.GetSaverDef().GetFilenameTensorName())
	if file == "" {
		return r
	}
	seen := map[string]bool{}
	for t, err := range savergraph.New(mg.GetGraphDef()).AllRestores() {
		switch {
		case t.File != file || seen[t.Call+" "+t.Func+" "+t.Node+" "+t.Output]: // several variables may take it
			continue
		case err != nil:
			r.unknown = append(r.unknown, err)
		default:
			r.tensors = append(r.tensors, t)
		}
		seen[t.Call+" "+t.Func+" "+t.Node+" "+t.Output] = true
	}
	return r
}
