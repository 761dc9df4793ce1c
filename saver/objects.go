package saver

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
)

// ObjectNamesError says which variables of the graph an object-based checkpoint
// of TensorFlow 2 doesn't have under their names.
type ObjectNamesError struct {
	Path    string
	Missing []string // names that the graph has and the checkpoint doesn't
	Extra   []string // names that the checkpoint has and the graph doesn't
	Matched int
}

func (e *ObjectNamesError) Error() string {
	return fmt.Sprintf("saver: restore %s:\n\nExisting variables not in the checkpoint: %s\n\n"+
		"Variables names when this checkpoint was written which don't exist now: %s\n\n"+
		"(%d variable name(s) did match)\n\n"+
		"Could not find some variables in the checkpoint (see names above). It was written by objects of TensorFlow 2, and is read here by the names that their variables had then; give the right ones with Options.VarMap or RestoreOptions.Rename, or take what matches with Partial.",
		e.Path, strings.Join(e.Missing, ", "), strings.Join(e.Extra, ", "), e.Matched)
}

// Unwrap gives tfkeep.ErrNotFound.
func (e *ObjectNamesError) Unwrap() error { return tfkeep.ErrNotFound }

// mapKeys works out under which keys the checkpoint has what the graph asks
// for: those of Rename, and, of an object-based checkpoint, those of its
// objects.
func (l *load) mapKeys(ctx context.Context) error {
	l.keys = map[string]string{}
	for _, t := range l.plan {
		if key, ok := l.opts.Rename[t.Key]; ok {
			l.keys[t.Key] = key
		}
	}
	if len(l.keys) < len(l.opts.Rename) {
		return l.strangeNames()
	}
	if _, ok := l.reader.Lookup(objectgraph.Key); !ok || l.allPresent() {
		return nil
	}
	byName, err := objectKeys(ctx, l.reader)
	if err != nil {
		return fmt.Errorf("saver: restore %s: its object graph: %w", l.path, err)
	}
	e := &ObjectNamesError{Path: l.path}
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
		} else if _, ok := l.reader.Lookup(name); !ok {
			e.Missing = append(e.Missing, name)
		}
	}
	if len(e.Missing) == 0 || l.opts.Partial {
		return nil
	}
	for name := range byName {
		if !asked[name] {
			e.Extra = append(e.Extra, name)
		}
	}
	sort.Strings(e.Missing)
	sort.Strings(e.Extra)
	return e
}

// strangeNames names what Rename has and the graph doesn't: a slip, or the map
// the wrong way round, after which a partial restore would leave variables out.
func (l *load) strangeNames() error {
	var names []string
	for name := range l.opts.Rename {
		if _, ok := l.keys[name]; !ok {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return fmt.Errorf("%w: Rename has names that the graph's save nodes lack: %s; it maps from the name in the graph to that in the checkpoint", ErrArgument, strings.Join(names, ", "))
}

func (l *load) allPresent() bool {
	for _, t := range l.plan {
		if _, ok := l.reader.Lookup(l.key(t.Key)); !ok {
			return false
		}
	}
	return true
}

// objectKeys reads an object graph and returns the keys of the variables' values by
// the variables' full names.
func objectKeys(ctx context.Context, r *checkpoint.Reader) (map[string]string, error) {
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
