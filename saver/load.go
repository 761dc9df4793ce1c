package saver

import (
	"context"
	"sort"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/tf"
)

// load is one restore on its way.
type load struct {
	files  fileOptions
	path   string
	opts   RestoreOptions
	plan   []savergraph.Restored // nil where this process can't check the checkpoint
	source checkpoint.Source
	opened *checkpoint.Reader // source, if this load opened it and has to close it
	keys   map[string]string  // from the graph's names to the checkpoint's, where they differ
}

// check opens the checkpoint and compares it with the graph. It returns the tensors to
// restore; what doesn't fit is an error, or with Partial in the report.
func (l *load) check(ctx context.Context) (*RestoreReport, []savergraph.Restored, error) {
	if l.source == nil {
		r, err := openReader(ctx, l.files, localPath(l.path))
		if err != nil {
			return nil, nil, err
		}
		l.source, l.opened = r, r
	}
	if err := l.mapKeys(ctx); err != nil {
		return nil, nil, err
	}
	report, fitting := l.compare()
	if !l.opts.Partial && (len(report.Missing) > 0 || len(report.Mismatches) > 0) {
		return nil, nil, &RestoreError{Path: l.path, Missing: report.Missing, Mismatches: report.Mismatches, Matched: len(fitting)}
	}
	return report, fitting, nil
}

// close closes the checkpoint, unless the caller opened it.
func (l *load) close() error {
	if l.opened == nil {
		return nil
	}
	r := l.opened
	l.opened = nil
	return r.Close()
}

// key returns the name that a tensor has in the checkpoint.
func (l *load) key(name string) string {
	if k, ok := l.keys[name]; ok {
		return k
	}
	return name
}

// compare compares every tensor of the graph with the checkpoint.
func (l *load) compare() (*RestoreReport, []savergraph.Restored) {
	report := &RestoreReport{Path: l.path}
	asked := map[string]bool{}
	for _, t := range l.plan {
		asked[l.key(t.Key)] = true
	}
	var unused []string
	for _, t := range l.source.Tensors() {
		if !asked[t.Name] {
			unused = append(unused, t.Name)
		}
	}
	report.Unused = unused
	var fitting []savergraph.Restored
	seen := map[string]bool{}
	for _, t := range l.plan {
		key := l.key(t.Key)
		have, ok := l.source.Lookup(key)
		if !ok {
			if !seen[key] {
				m := Missing{Key: key, Variable: t.Variable}
				if len(report.Missing) < maxNearest {
					m.Nearest = nearestKey(key, unused)
				}
				report.Missing = append(report.Missing, m)
			}
			seen[key] = true
			continue
		}
		t.Key = key
		if m, bad := mismatch(&t, have); bad {
			report.Mismatches = append(report.Mismatches, m)
			continue
		}
		fitting = append(fitting, t)
	}
	fitting = wholeAssignments(l.plan, fitting)
	for _, t := range fitting {
		report.Restored = append(report.Restored, t.Key)
	}
	sort.Slice(report.Missing, func(i, j int) bool { return report.Missing[i].Key < report.Missing[j].Key })
	sort.SliceStable(report.Mismatches, func(i, j int) bool { return report.Mismatches[i].Key < report.Mismatches[j].Key })
	return report, fitting
}

// wholeAssignments leaves out what would only feed a part of an operation that
// takes several tensors, as a table does.
func wholeAssignments(all, fitting []savergraph.Restored) []savergraph.Restored {
	if len(all) == len(fitting) {
		return fitting
	}
	needs := map[string]int{}
	for _, t := range all {
		needs[t.Assign]++
	}
	for _, t := range fitting {
		needs[t.Assign]--
	}
	var whole []savergraph.Restored
	for _, t := range fitting {
		if needs[t.Assign] == 0 {
			whole = append(whole, t)
		}
	}
	return whole
}

// assignments returns the operations that take the tensors.
func assignments(g *tf.Graph, fitting []savergraph.Restored) ([]*tf.Operation, error) {
	var ops []*tf.Operation
	seen := map[string]bool{}
	for _, t := range fitting {
		if seen[t.Assign] {
			continue
		}
		seen[t.Assign] = true
		op := g.Operation(t.Assign)
		if op == nil {
			return nil, fault(tfkeep.ErrArgument, "the graph has no operation %q", t.Assign)
		}
		ops = append(ops, op)
	}
	return ops, nil
}
