package objectgraph

import (
	"maps"
	"slices"
	"strings"
)

// KeysOf finds the keys of values by names, see [Finder.Keys].
func (g *Graph) KeysOf(names []string) (keys map[string]string, ambiguous []string) {
	return g.Finder().Keys(names)
}

// Finder finds the keys of values by the names that variables have in a graph of TensorFlow 1.
// It knows the objects as they were when it was made, and is for one goroutine at a time.
type Finder struct {
	graph     *Graph
	full      map[string]string // keys by full name
	ambiguous []string          // full names of several variables
	children  map[int]map[string]int
	byEnd     []string // all full names, sorted from their ends
}

// Finder returns a finder, for more than one call: KeysOf makes one each time.
func (g *Graph) Finder() *Finder {
	f := &Finder{graph: g, children: map[int]map[string]int{}}
	f.full, f.ambiguous = g.KeysByName()
	return f
}

// Keys returns the keys of values by name. A name is, in this order,
//
//   - the full name of a variable ("sequential/dense/kernel"),
//   - the path of an object ("model/layer_with_weights-0/kernel"), by whatever way,
//   - a full name without the names of models before it ("dense/kernel"), or with such names
//     before it, or the path of an object from a child of the root, or with a name before it.
//
// What is missing or too much in the third case must be the same for all names that only this
// finds. A name that could mean several values has no key; ambiguous has such names, sorted.
func (f *Finder) Keys(names []string) (keys map[string]string, ambiguous []string) {
	keys = map[string]string{}
	var rest []string
	for _, name := range names {
		if _, unclear := slices.BinarySearch(f.ambiguous, name); unclear {
			ambiguous = append(ambiguous, name)
			continue
		}
		if key, ok := f.full[name]; ok {
			keys[name] = key
		} else if key, ok := f.keyAt(0, name); ok {
			keys[name] = key
		} else {
			rest = append(rest, name)
		}
	}
	found, unclear := choose(rest, f.shifts(rest))
	maps.Copy(keys, found)
	ambiguous = append(ambiguous, unclear...)
	slices.Sort(ambiguous)
	return keys, slices.Compact(ambiguous)
}

// keyAt returns the key of the only value of the object with a path.
func (f *Finder) keyAt(from int, path string) (string, bool) {
	objects := f.graph.Objects
	if len(objects) == 0 {
		return "", false
	}
	for name := range strings.SplitSeq(path, "/") {
		children, ok := f.children[from]
		if !ok {
			children = map[string]int{}
			for _, c := range slices.Backward(objects[from].Children) {
				children[c.Name] = c.Object
			}
			f.children[from] = children
		}
		if from, ok = children[name]; !ok {
			return "", false
		}
	}
	if len(objects[from].Values) != 1 {
		return "", false
	}
	return objects[from].Values[0].Key, true
}

// before returns, sorted, what full names have before "/" and a name.
func (f *Finder) before(name string) []string {
	if f.byEnd == nil {
		f.byEnd = slices.AppendSeq(slices.Clone(f.ambiguous), maps.Keys(f.full))
		slices.SortFunc(f.byEnd, compareEnds)
	}
	end := "/" + name
	first, _ := slices.BinarySearchFunc(f.byEnd, end, compareEnds)
	var all []string
	for _, full := range f.byEnd[first:] {
		p, ok := strings.CutSuffix(full, end)
		if !ok {
			break
		}
		all = append(all, p)
	}
	slices.Sort(all)
	return all
}

// compareEnds compares texts from their ends.
func compareEnds(a, b string) int {
	for i := 1; i <= min(len(a), len(b)); i++ {
		if x, y := a[len(a)-i], b[len(b)-i]; x != y {
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

// maxShifts bounds how many ways to find names are tried.
const maxShifts = 256

// shifts returns the ways to find names by changing what is before all of them. Each is a
// function from a name to its key.
func (f *Finder) shifts(names []string) []func(string) (string, bool) {
	if len(names) == 0 || len(f.graph.Objects) == 0 {
		return nil
	}
	var all []func(string) (string, bool)
	before := map[string]bool{}
	for _, name := range names {
		if !strings.Contains(name, "/") {
			continue // too little to know a variable by
		}
		for _, p := range f.before(name) {
			if !before[p] && len(before) < maxShifts {
				before[p] = true
				all = append(all, func(name string) (string, bool) { key, ok := f.full[p+"/"+name]; return key, ok })
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
				if key, ok := f.full[short]; ok && strings.Contains(short, "/") {
					return key, true
				}
				return f.keyAt(0, short)
			})
		}
	}
	children := f.graph.Objects[0].Children
	for _, c := range children[:min(len(children), maxShifts)] {
		all = append(all, func(name string) (string, bool) { return f.keyAt(c.Object, name) })
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
