package objectgraph

import (
	"maps"
	"slices"
	"strings"
)

// KeysOf finds the keys of values by the names that variables have in a graph of TensorFlow 1.
// A name is, in this order,
//
//   - the full name of a variable ("sequential/dense/kernel"),
//   - the path of an object ("model/layer_with_weights-0/kernel"), by whatever way,
//   - a full name without the names of models before it ("dense/kernel"), or with such names
//     before it, or the path of an object from a child of the root, or with a name before it.
//
// What is missing or too much in the third case must be the same for all names that only this
// finds. A name that could mean several values has no key; ambiguous has such names, sorted,
// and the full names that several variables have.
func (g *Graph) KeysOf(names []string) (keys map[string]string, ambiguous []string) {
	full, ambiguous := g.KeysByName()
	keys = map[string]string{}
	var rest []string
	for _, name := range names {
		if _, unclear := slices.BinarySearch(ambiguous, name); unclear {
			continue
		}
		if key, ok := full[name]; ok {
			keys[name] = key
		} else if key, ok := g.keyAt(0, name); ok {
			keys[name] = key
		} else {
			rest = append(rest, name)
		}
	}
	found, unclear := choose(rest, g.shifts(rest, full, ambiguous))
	maps.Copy(keys, found)
	ambiguous = append(ambiguous, unclear...)
	slices.Sort(ambiguous)
	return keys, slices.Compact(ambiguous)
}

// keyAt returns the key of the only value of the object with a path.
func (g *Graph) keyAt(from int, path string) (string, bool) {
	if len(g.Objects) == 0 {
		return "", false
	}
	at, ok := g.walk(from, strings.Split(path, "/"))
	if !ok || len(g.Objects[at].Values) != 1 {
		return "", false
	}
	return g.Objects[at].Values[0].Key, true
}

// maxShifts bounds how many ways to find names are tried.
const maxShifts = 256

// shifts returns the ways to find names by changing what is before all of them. Each is a
// function from a name to its key.
func (g *Graph) shifts(names []string, full map[string]string, ambiguous []string) []func(string) (string, bool) {
	if len(names) == 0 || len(g.Objects) == 0 {
		return nil
	}
	var all []func(string) (string, bool)
	before := map[string]bool{}
	for _, name := range names {
		if !strings.Contains(name, "/") {
			continue // too little to know a variable by
		}
		for _, f := range append(slices.Sorted(maps.Keys(full)), ambiguous...) {
			if p, ok := strings.CutSuffix(f, "/"+name); ok && !before[p] && len(before) < maxShifts {
				before[p] = true
				all = append(all, func(name string) (string, bool) { key, ok := full[p+"/"+name]; return key, ok })
			}
		}
	}
	after := map[string]bool{}
	for _, name := range names {
		for i := range len(name) {
			p := name[:i+1]
			if name[i] != '/' || after[p] || len(after) >= maxShifts {
				continue
			}
			after[p] = true
			all = append(all, func(name string) (string, bool) {
				short, ok := strings.CutPrefix(name, p)
				if !ok {
					return "", false
				}
				if key, ok := full[short]; ok && strings.Contains(short, "/") {
					return key, true
				}
				return g.keyAt(0, short)
			})
		}
	}
	for _, c := range g.Objects[0].Children[:min(len(g.Objects[0].Children), maxShifts)] {
		all = append(all, func(name string) (string, bool) { return g.keyAt(c.Object, name) })
	}
	return all
}

// choose applies the only way that finds all names, or the only one that finds any of them.
func choose(names []string, ways []func(string) (string, bool)) (keys map[string]string, ambiguous []string) {
	var some []map[string]string
	for _, way := range ways {
		found := map[string]string{}
		for _, name := range names {
			if key, ok := way(name); ok {
				found[name] = key
			}
		}
		if len(found) > 0 && !slices.ContainsFunc(some, func(m map[string]string) bool { return maps.Equal(m, found) }) {
			some = append(some, found)
		}
	}
	whole := slices.DeleteFunc(slices.Clone(some), func(m map[string]string) bool { return len(m) < len(names) })
	switch {
	case len(whole) == 1:
		return whole[0], nil
	case len(some) == 1:
		return some[0], nil
	}
	for _, m := range some {
		ambiguous = slices.AppendSeq(ambiguous, maps.Keys(m))
	}
	return nil, ambiguous
}
