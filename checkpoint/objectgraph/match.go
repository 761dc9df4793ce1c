package objectgraph

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep"
)

// SaveCounter is the name of the child of a checkpoint's root that counts how often
// tf.train.Checkpoint has saved.
const SaveCounter = "save_counter"

// fromSaved returns the children and slots of a SavedModel's objects.
func fromSaved(saved *pb.SavedObjectGraph) *Graph {
	g := &Graph{Objects: make([]Object, len(saved.GetNodes()))}
	valid := func(ids ...int32) bool {
		return !slices.ContainsFunc(ids, func(id int32) bool { return id < 0 || int(id) >= len(g.Objects) })
	}
	for i, n := range saved.GetNodes() {
		o := &g.Objects[i]
		for _, c := range n.GetChildren() {
			if valid(c.GetNodeId()) {
				o.Children = append(o.Children, Child{c.GetLocalName(), int(c.GetNodeId())})
			}
		}
		for _, s := range n.GetSlotVariables() {
			if valid(s.GetOriginalVariableNodeId(), s.GetSlotVariableNodeId()) {
				o.Slots = append(o.Slots, Slot{s.GetSlotName(), int(s.GetOriginalVariableNodeId()), int(s.GetSlotVariableNodeId())})
			}
		}
	}
	return g
}

// pair is an object of one graph, and the same in the other.
type pair struct{ own, other int }

// matcher walks two object graphs side by side.
type matcher struct {
	own, other *Graph
	seen       map[pair]bool
	found      []pair
}

// maxObjects bounds the pairs for each object. One is right; hostile graphs may have as
// many as the product of their sizes.
const maxObjects = 4

// match finds the objects of g in another graph as TensorFlow's loader does: by the names of
// children, beginning with the roots, of which the other graph has one at start, and the slot
// variables by their optimizers.
func (g *Graph) match(other *Graph, start int) []pair {
	if len(g.Objects) == 0 || start >= len(other.Objects) {
		return nil
	}
	m := &matcher{own: g, other: other, seen: map[pair]bool{}}
	m.add(pair{0, start})
	for next := 0; next < len(m.found); next++ {
		m.addChildren(m.found[next])
	}
	m.addSlots()
	return m.found
}

func (m *matcher) add(p pair) {
	if m.seen[p] || len(m.found) >= maxObjects*len(m.own.Objects) {
		return
	}
	m.seen[p] = true
	m.found = append(m.found, p)
}

// addChildren adds the children of two objects that have the same name.
func (m *matcher) addChildren(p pair) {
	children := make(map[string]int)
	for _, c := range m.other.Objects[p.other].Children {
		children[c.Name] = c.Object
	}
	for _, c := range m.own.Objects[p.own].Children {
		if object, ok := children[c.Name]; ok {
			m.add(pair{c.Object, object})
		}
	}
}

// addSlots adds the slot variables that two optimizers have for the same variable.
func (m *matcher) addSlots() {
	same := map[int][]int{} // own object → those of the other graph
	for _, p := range m.found {
		same[p.own] = append(same[p.own], p.other)
	}
	type slot struct {
		name     string
		variable int
	}
	for _, p := range m.found[:len(m.found):len(m.found)] {
		slots := map[slot]int{}
		for _, s := range m.other.Objects[p.other].Slots {
			slots[slot{s.Name, s.Variable}] = s.Object
		}
		for _, s := range m.own.Objects[p.own].Slots {
			for _, variable := range same[s.Variable] {
				if object, ok := slots[slot{s.Name, variable}]; ok {
					m.add(pair{s.Object, object})
				}
			}
		}
	}
}

// VariableKeys returns the keys of the variables of a SavedModel's object graph, by the
// variables' positions in its nodes. It finds the objects in the checkpoint as TensorFlow's
// loader does: by the names of children, from the root, and the slot variables by their
// optimizers. An object that the checkpoint has as two different ones has two keys.
func (g *Graph) VariableKeys(saved *pb.SavedObjectGraph) map[int][]string {
	if len(g.Objects) == 0 || len(saved.GetNodes()) == 0 {
		return nil
	}
	keys := map[int][]string{}
	for _, p := range fromSaved(saved).match(g, 0) {
		if o := &g.Objects[p.other]; len(o.Values) == 1 && saved.GetNodes()[p.own].GetVariable() != nil {
			keys[p.own] = append(keys[p.own], o.Values[0].Key)
		}
	}
	return keys
}

// Match is how the values of one object graph are found in another.
type Match struct {
	// Root is the object of the other graph that is the root of this one.
	Root int
	// Keys are the keys in the other graph, by those in this one. Values that the other
	// graph lacks have none.
	Keys map[string]string
}

// FindIn finds the values of g in the object graph of another checkpoint. Objects are the same
// if the same names lead to them, as in TensorFlow, whatever keys their values have. The root
// of g may be the root of the other graph or one of its objects, as with
// tf.train.Checkpoint(model=...): root is its path there, such as "model". With "", it is the
// root if all values are there, else the only object that has them all, else the root or the
// object that has most of them.
//
// The error is tfkeep.ErrNotFound if no object has the path root, and tfkeep.ErrMismatch if it
// is ambiguous which object or value is meant.
func (g *Graph) FindIn(other *Graph, root string) (*Match, error) {
	if g == nil || other == nil {
		return nil, nilGraph("find objects")
	}
	if len(other.Objects) == 0 {
		return &Match{}, nil
	}
	if root != "" {
		at, ok := other.walk(0, strings.Split(root, "/"))
		if !ok {
			return nil, &tfkeep.Error{Item: "object", Name: root, Err: tfkeep.ErrNotFound, Detail: "the object graph of the checkpoint has no such object; \"tfkeep objects\" shows it"}
		}
		return g.keysIn(other, at)
	}
	best, err := g.keysIn(other, 0)
	if err != nil {
		return nil, err
	}
	want := g.values()
	if len(best.Keys) == want {
		return best, nil
	}
	var equal *Match // as good as best, with other values
	for _, start := range g.roots(other) {
		m, err := g.keysIn(other, start)
		switch {
		case err != nil || len(m.Keys) < len(best.Keys) || len(m.Keys) == 0:
		case len(m.Keys) > len(best.Keys):
			best, equal = m, nil
		case best.Root != 0 && !maps.Equal(m.Keys, best.Keys):
			equal = m
		}
	}
	if equal != nil {
		paths := other.Paths()
		return nil, &tfkeep.Error{Item: "object graph", Name: Key, Err: tfkeep.ErrMismatch,
			Detail: fmt.Sprintf("the model may be its object %s or %s; name one (RestoreOptions.Root)", pathText(paths, best.Root), pathText(paths, equal.Root))}
	}
	return best, nil
}

// pathText returns the path of an object for an error.
func pathText(paths *Paths, object int) string {
	path, _ := paths.Of(object)
	return strings.Join(path[:min(len(path), 16)], "/")
}

// maxRoots bounds the objects that are tried as roots.
const maxRoots = 256

// roots returns the objects of another graph that may be the root of g: they have a child of a
// name that the root of g has. Those near the root come first.
func (g *Graph) roots(other *Graph) []int {
	names := map[string]bool{}
	for _, c := range g.Objects[0].Children {
		names[c.Name] = true
	}
	seen := map[int]bool{0: true}
	queue := []int{0}
	var found []int
	for next := 0; next < len(queue) && len(found) < maxRoots; next++ {
		o := &other.Objects[queue[next]]
		if next > 0 && slices.ContainsFunc(o.Children, func(c Child) bool { return names[c.Name] }) {
			found = append(found, queue[next])
		}
		for _, c := range o.Children {
			if !seen[c.Object] {
				seen[c.Object] = true
				queue = append(queue, c.Object)
			}
		}
	}
	return found
}

// values returns the number of the values that g has.
func (g *Graph) values() int {
	keys := map[string]bool{}
	for _, o := range g.Objects {
		for _, v := range o.Values {
			keys[v.Key] = true
		}
	}
	return len(keys)
}

// keysIn finds the values of g below an object of another graph.
func (g *Graph) keysIn(other *Graph, start int) (*Match, error) {
	m := &Match{Root: start, Keys: map[string]string{}}
	for _, p := range g.match(other, start) {
		have := other.Objects[p.other].Values
		for _, v := range g.Objects[p.own].Values {
			i := slices.IndexFunc(have, func(h Value) bool { return h.Name == v.Name })
			if i < 0 {
				continue
			}
			if before, ok := m.Keys[v.Key]; ok && before != have[i].Key {
				return nil, &tfkeep.Error{Item: "tensor", Name: v.Key, Err: tfkeep.ErrMismatch,
					Detail: fmt.Sprintf("the model has one object where the checkpoint has two, %s and %s", min(before, have[i].Key), max(before, have[i].Key))}
			}
			m.Keys[v.Key] = have[i].Key
		}
	}
	return m, nil
}

// walk follows names from an object.
func (g *Graph) walk(from int, path []string) (int, bool) {
	for _, name := range path {
		children := g.Objects[from].Children
		i := slices.IndexFunc(children, func(c Child) bool { return c.Name == name })
		if i < 0 {
			return 0, false
		}
		from = children[i].Object
	}
	return from, true
}

// SaveCounterKey returns the key of the number of saves, or "" if g has none.
func (g *Graph) SaveCounterKey() string {
	if len(g.Objects) == 0 {
		return ""
	}
	at, ok := g.walk(0, []string{SaveCounter})
	if !ok || len(g.Objects[at].Values) != 1 {
		return ""
	}
	return g.Objects[at].Values[0].Key
}

// WithSaveCounter returns a copy of g whose root has a save counter, as those that
// tf.train.Checkpoint writes.
func (g *Graph) WithSaveCounter() *Graph {
	if g.SaveCounterKey() != "" {
		return g
	}
	c := &Graph{Objects: slices.Clone(g.Objects)}
	if len(c.Objects) == 0 {
		c.Objects = make([]Object, 1)
	}
	root := &c.Objects[0]
	root.Children = slices.DeleteFunc(slices.Clone(root.Children), func(c Child) bool { return c.Name == SaveCounter })
	root.Children = append(root.Children, Child{SaveCounter, len(c.Objects)})
	c.Objects = append(c.Objects, Object{Values: []Value{{Name: variableValue, Full: SaveCounter, Key: variableKey(SaveCounter)}}})
	return c
}

// Under returns a copy of g with a new root, from which names lead to the root of g.
func (g *Graph) Under(path []string) *Graph {
	if len(path) == 0 {
		return g
	}
	n := len(path)
	if len(g.Objects) == 0 {
		g = &Graph{Objects: make([]Object, 1)}
	}
	c := &Graph{Objects: make([]Object, n, n+len(g.Objects))}
	for i, name := range path {
		c.Objects[i].Children = []Child{{name, i + 1}}
	}
	for _, o := range g.Objects {
		o.Children, o.Slots = slices.Clone(o.Children), slices.Clone(o.Slots)
		for i := range o.Children {
			o.Children[i].Object += n
		}
		for i := range o.Slots {
			o.Slots[i].Variable += n
			o.Slots[i].Object += n
		}
		c.Objects = append(c.Objects, o)
	}
	return c
}
