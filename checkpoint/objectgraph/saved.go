package objectgraph

import (
	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
)

// VariableKeys returns the keys of the variables of a SavedModel's object graph, by the
// variables' positions in its nodes. It finds the objects in the checkpoint as TensorFlow's
// loader does: by the names of children, from the root, and the slot variables by their
// optimizers. An object that the checkpoint has as two different ones has two keys.
func (g *Graph) VariableKeys(saved *pb.SavedObjectGraph) map[int][]string {
	if len(g.Objects) == 0 || len(saved.GetNodes()) == 0 {
		return nil
	}
	m := &matcher{graph: g, saved: saved.GetNodes(), seen: map[pair]bool{}}
	m.add(pair{})
	for next := 0; next < len(m.found); next++ {
		m.addChildren(m.found[next])
	}
	m.addSlots()
	keys := map[int][]string{}
	for _, p := range m.found {
		if key, ok := g.Objects[p.object].variableKey(); ok && m.saved[p.saved].GetVariable() != nil {
			keys[p.saved] = append(keys[p.saved], key)
		}
	}
	return keys
}

// variableKey returns the key of an object that has one value.
func (o *Object) variableKey() (string, bool) {
	if len(o.Values) != 1 {
		return "", false
	}
	return o.Values[0].Key, true
}

// pair is an object of a SavedModel, and the same in the checkpoint.
type pair struct{ saved, object int }

// matcher walks two object graphs side by side.
type matcher struct {
	graph *Graph
	saved []*pb.SavedObject
	seen  map[pair]bool
	found []pair
}

// maxObjects bounds the pairs for each object. One is right; hostile graphs may have as
// many as the product of their sizes.
const maxObjects = 4

func (m *matcher) add(p pair) {
	if p.saved < 0 || p.saved >= len(m.saved) || m.seen[p] || len(m.found) >= maxObjects*len(m.saved) {
		return
	}
	m.seen[p] = true
	m.found = append(m.found, p)
}

// addChildren adds the children of two objects that have the same name.
func (m *matcher) addChildren(p pair) {
	o := &m.graph.Objects[p.object]
	children := make(map[string]int, len(o.Children))
	for _, c := range o.Children {
		children[c.Name] = c.Object
	}
	for _, c := range m.saved[p.saved].GetChildren() {
		if object, ok := children[c.GetLocalName()]; ok {
			m.add(pair{int(c.GetNodeId()), object})
		}
	}
}

// addSlots adds the slot variables that two optimizers have for the same variable.
func (m *matcher) addSlots() {
	same := map[int][]int{} // object of the SavedModel → those of the checkpoint
	for _, p := range m.found {
		same[p.saved] = append(same[p.saved], p.object)
	}
	type slot struct {
		name     string
		variable int
	}
	for _, p := range m.found[:len(m.found):len(m.found)] {
		slots := map[slot]int{}
		for _, s := range m.graph.Objects[p.object].Slots {
			slots[slot{s.Name, s.Variable}] = s.Object
		}
		for _, s := range m.saved[p.saved].GetSlotVariables() {
			for _, variable := range same[int(s.GetOriginalVariableNodeId())] {
				if object, ok := slots[slot{s.GetSlotName(), variable}]; ok {
					m.add(pair{int(s.GetSlotVariableNodeId()), object})
				}
			}
		}
	}
}
