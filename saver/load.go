package saver

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/nearest"
	"github.com/tfkeep/tfkeep/tf"
)

// load is one restore.
type load struct {
	files  fileOptions
	path   string
	opts   RestoreOptions
	plan   []savergraph.Restored // nil where this process can't check the checkpoint
	unread bool                  // the plan is unknown, but the files are here and must be whole
	source checkpoint.Source
	opened *checkpoint.Reader // source, if this load opened it and has to close it
	keys   map[string]string  // from the graph's names to the checkpoint's, where they differ
	resume *ResumeOptions     // nil unless Resume restores

	counters map[string]bool // the names of the graph's global steps

	objects *objectgraph.Graph // Options.Objects
	absent  map[string]bool    // names in the graph for which the checkpoint has no object
	beside  map[string]bool    // keys in the checkpoint that are no variables
	root    []string           // the path of the model in the object graph of the checkpoint
	saves   int64              // the number of saves that the checkpoint has

	uncovered []string // RestoreReport.Uncovered

	ownMemory bool // read values into memory that is not TensorFlow's
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
	if l.adapts() && len(fitting) < len(l.plan) {
		if err := l.adapt(ctx, fitting); err != nil {
			return nil, nil, err
		}
		report, fitting = l.compare()
	}
	if !l.opts.Partial && (len(report.Missing) > 0 || len(report.Mismatches) > 0) {
		return nil, nil, l.misfit(report, fitting)
	}
	if l.resume != nil && l.foreign(fitting) {
		e := l.misfit(report, fitting)
		e.foreign = true
		return nil, nil, e
	}
	return report, fitting, nil
}

func (l *load) misfit(report *RestoreReport, fitting []savergraph.Restored) *RestoreError {
	return &RestoreError{Path: l.path, Missing: report.Missing, Mismatches: report.Mismatches, Matched: len(fitting), resumes: l.resume != nil}
}

// foreign reports whether nothing fits that says that the checkpoint is of this model. The
// global steps of all programs are alike.
func (l *load) foreign(fitting []savergraph.Restored) bool {
	if len(fitting) == len(l.plan) {
		return false
	}
	return !slices.ContainsFunc(fitting, func(t savergraph.Restored) bool { return t.Variable == "" || !l.counters[t.Variable] })
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

// lookup returns the tensor that the checkpoint has for a name in the graph.
func (l *load) lookup(name string) (checkpoint.TensorInfo, bool) {
	if l.absent[name] {
		return checkpoint.TensorInfo{}, false
	}
	return l.source.Lookup(l.key(name))
}

// compare compares every tensor of the graph with the checkpoint.
func (l *load) compare() (*RestoreReport, []savergraph.Restored) {
	report := &RestoreReport{Path: l.path}
	wanted := make(map[string]bool, len(l.beside)+len(l.plan))
	maps.Copy(wanted, l.beside)
	for i := range l.plan {
		if key := l.plan[i].Key; !l.absent[key] {
			wanted[l.key(key)] = true
		}
	}
	var unused []string
	for t := range l.source.Tensors() {
		if !wanted[t.Name] {
			unused = append(unused, t.Name)
		}
	}
	report.Unused = unused
	fitting := make([]savergraph.Restored, 0, len(l.plan))
	seen := map[string]bool{}
	for _, t := range l.plan {
		key := l.key(t.Key)
		have, ok := l.lookup(t.Key)
		if !ok {
			if !seen[key] {
				m := Missing{Key: key, Variable: t.Variable, Hint: explainParts(l.source, &t, key)}
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
	restored := make(map[string]bool, len(fitting))
	report.Restored = make([]string, 0, len(fitting))
	for _, t := range fitting {
		report.Restored = append(report.Restored, t.Key)
		restored[t.Assign] = true
	}
	report.NotRestored = variablesBeyond(l.plan, restored)
	slices.SortFunc(report.Missing, func(a, b Missing) int { return cmp.Compare(a.Key, b.Key) })
	slices.SortStableFunc(report.Mismatches, func(a, b Mismatch) int { return cmp.Compare(a.Key, b.Key) })
	return report, fitting
}

// variablesBeyond returns the names of the variables that other operations assign, sorted.
func variablesBeyond(plan []savergraph.Restored, restored map[string]bool) []string {
	var names []string
	for _, t := range plan {
		if !restored[t.Assign] && t.Variable != "" {
			names = append(names, t.Variable)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// wholeAssignments removes tensors of operations that take several ones, such as those
// of tables, if not all of these fit.
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

// mapKeys finds the keys under which the checkpoint has what the graph restores: those
// of Rename, and, in an object-based checkpoint, those of its objects.
func (l *load) mapKeys(ctx context.Context) error {
	l.keys, l.absent = map[string]string{}, map[string]bool{}
	for _, t := range l.plan {
		if key, ok := l.opts.Rename[t.Key]; ok {
			l.keys[t.Key] = key
		}
	}
	if len(l.keys) < len(l.opts.Rename) {
		return l.unknownNames()
	}
	if l.resume != nil {
		if err := l.resolveRenamed(); err != nil {
			return err
		}
	}
	_, ok := l.source.Lookup(objectgraph.Key)
	switch {
	case !ok || l.objects == nil && l.allPresent():
		return nil
	case l.objects != nil:
		return l.mapObjects(ctx)
	}
	return l.mapNames(ctx)
}

// mapNames finds the keys of an object-based checkpoint by the names of the graph.
func (l *load) mapNames(ctx context.Context) error {
	objects, err := objectgraph.Read(ctx, l.source)
	if err != nil {
		return fmt.Errorf("read its object graph: %w", err)
	}
	var names []string
	for _, t := range l.plan {
		if name := l.key(t.Key); !l.has(name) {
			names = append(names, name)
		}
	}
	byName, ambiguous := objects.KeysOf(names)
	e := &RestoreError{Path: l.path, Objects: true, resumes: l.resume != nil}
	wanted := map[string]bool{}
	for _, t := range l.plan {
		name := l.key(t.Key)
		if wanted[name] {
			continue
		}
		wanted[name] = true
		if key, ok := byName[name]; ok {
			l.keys[t.Key] = key
			e.Matched++
		} else if !l.has(name) {
			e.Missing = append(e.Missing, Missing{Key: name, Variable: t.Variable})
		}
	}
	if len(e.Missing) == 0 || l.opts.Partial || l.adapts() {
		return nil
	}
	all, unclear := objects.KeysByName()
	e.Ambiguous = slices.Compact(slices.Sorted(slices.Values(append(ambiguous, unclear...))))
	for name := range all {
		if !wanted[name] {
			e.Unused = append(e.Unused, name)
		}
	}
	slices.SortFunc(e.Missing, func(a, b Missing) int { return cmp.Compare(a.Key, b.Key) })
	slices.Sort(e.Unused)
	return e
}

// resolveRenamed removes the entries of ResumeOptions.Rename for keys that the checkpoint has
// by the names of the graph: the resumed training saved it. Of the others, it makes those
// absent that have no name in the checkpoint.
func (l *load) resolveRenamed() error {
	former := map[string]bool{}    // the names in the checkpoint that Rename has
	renamed := map[string]string{} // from those that the checkpoint still has to the new ones
	for _, name := range slices.Sorted(maps.Keys(l.keys)) {
		old := l.keys[name]
		if old == "" {
			continue
		}
		former[old] = true
		if old != name && l.has(name) {
			if new, ok := l.keys[old]; l.has(old) && (!ok || new != "") {
				return fault(tfkeep.ErrArgument, "the checkpoint has %s and %s, so it is unknown whether %s was renamed; take it out of ResumeOptions.Rename if not", name, old, name)
			}
			delete(l.keys, name)
			continue
		}
		renamed[old] = name
	}
	for _, t := range l.plan {
		old, listed := l.keys[t.Key]
		name, taken := renamed[t.Key]
		switch {
		case listed && old == "" && !former[t.Key]:
			return fault(tfkeep.ErrArgument, "ResumeOptions.Rename maps %s to \"\", and no other variable had this name; take it out, or initialize the variable in Options.Prepare or after Resume", t.Key)
		case listed && old == "":
			delete(l.keys, t.Key)
			l.absent[t.Key] = taken
		case !listed && taken:
			return fault(tfkeep.ErrArgument, "ResumeOptions.Rename gives the value of %s in the checkpoint to %s, and the graph has another variable %s; map that to \"\" if it is new, or to itself if both get the value", t.Key, name, t.Key)
		}
	}
	return nil
}

// unknownNames returns an error with the names in Rename that the graph does not have:
// they are misspelled, or keys and values of the map are exchanged.
func (l *load) unknownNames() error {
	var names []string
	for name := range l.opts.Rename {
		if _, ok := l.keys[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return fault(tfkeep.ErrArgument, "Rename has names that the graph's save nodes do not have: %s; it maps from the name in the graph to that in the checkpoint", strings.Join(names, ", "))
}

func (l *load) allPresent() bool {
	return !slices.ContainsFunc(l.plan, func(t savergraph.Restored) bool { return !l.has(l.key(t.Key)) })
}

// has reports whether the checkpoint has a key.
func (l *load) has(key string) bool {
	_, ok := l.source.Lookup(key)
	return ok
}

// maxNearest is the number of missing keys for which the nearest name is searched. If
// more are missing, it is another model, and comparing thousands of names with thousands
// takes long.
const maxNearest = 32

// nearestKey returns the candidate that is most similar to a misspelled key, or "".
func nearestKey(key string, candidates []string) string {
	if names := nearest.Names(key, candidates, 1); len(names) > 0 {
		return names[0]
	}
	return ""
}
