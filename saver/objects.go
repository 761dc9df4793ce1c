package saver

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
)

// mapKeys finds the keys under which the checkpoint has what the graph restores: those
// of Rename, and, in an object-based checkpoint, those of its objects.
func (l *load) mapKeys(ctx context.Context) error {
	l.keys = map[string]string{}
	for _, t := range l.plan {
		if key, ok := l.opts.Rename[t.Key]; ok {
			l.keys[t.Key] = key
		}
	}
	if len(l.keys) < len(l.opts.Rename) {
		return l.unknownNames()
	}
	source, ok := l.source.(checkpoint.StringSource)
	if !ok {
		return nil
	}
	if _, ok := source.Lookup(objectgraph.Key); !ok || l.allPresent() {
		return nil
	}
	byName, err := objectKeys(ctx, source)
	if err != nil {
		return fmt.Errorf("read its object graph: %w", err)
	}
	e := &RestoreError{Path: l.path, Objects: true}
	asked := map[string]bool{}
	for _, t := range l.plan {
		name := l.key(t.Key)
		if asked[name] {
			continue
		}
		asked[name] = true
		if key, ok := byName[name]; ok {
			l.keys[t.Key] = key
			e.Matched++
		} else if _, ok := l.source.Lookup(name); !ok {
			e.Missing = append(e.Missing, Missing{Key: name, Variable: t.Variable})
		}
	}
	if len(e.Missing) == 0 || l.opts.Partial {
		return nil
	}
	for name := range byName {
		if !asked[name] {
			e.Unused = append(e.Unused, name)
		}
	}
	slices.SortFunc(e.Missing, func(a, b Missing) int { return cmp.Compare(a.Key, b.Key) })
	slices.Sort(e.Unused)
	return e
}

// unknownNames lists the names of Rename that the graph does not have: misspelled, or
// the map is the wrong way round. A partial restore would leave variables out.
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
	for _, t := range l.plan {
		if _, ok := l.source.Lookup(l.key(t.Key)); !ok {
			return false
		}
	}
	return true
}

// objectKeys reads an object graph and returns the keys of the variables' values by
// the variables' full names.
func objectKeys(ctx context.Context, r checkpoint.StringSource) (map[string]string, error) {
	graph, err := objectgraph.Read(ctx, r)
	if err != nil {
		return nil, err
	}
	keys := map[string]string{}
	for _, object := range graph.Objects {
		for _, v := range object.Values {
			if v.Full != "" {
				keys[v.Full] = v.Key
			}
		}
	}
	return keys, nil
}
