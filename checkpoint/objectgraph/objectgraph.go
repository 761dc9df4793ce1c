package objectgraph

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/internal/argcheck"
)

// Key is the name under which a checkpoint holds its object graph, a scalar string.
const Key = "_CHECKPOINTABLE_OBJECT_GRAPH"

// Graph is a decoded object graph. Objects[0] is the root.
type Graph struct {
	Objects []Object
}

// Object is one trackable object.
type Object struct {
	// Children are the objects that this one refers to, by attribute name.
	Children []Child
	// Values are the tensors saved for this object.
	Values []Value
	// Slots are the variables that this object, an optimizer, keeps for others.
	Slots []Slot
	// Saver is the name of the registered saver that is responsible for the object, or "",
	// and SaverObject is the name by which that knows the object.
	Saver, SaverObject string
}

// Child is a named reference to an object.
type Child struct {
	Name   string
	Object int // index in Graph.Objects
}

// Value is one tensor saved for an object.
type Value struct {
	Name string // within the object; "VARIABLE_VALUE" for a variable
	Full string // the variable's name in the program, or ""
	Key  string // its name in the checkpoint
}

// Slot is one slot variable of an optimizer.
type Slot struct {
	Name     string // "m", "v", "momentum"
	Variable int    // the object for which it is kept, an index in Graph.Objects
	Object   int    // the object that holds its value
}

// Read reads the object graph of a checkpoint. It returns tfkeep.ErrNotFound for a
// checkpoint that was saved by name, as Saver does, and the errors of [Decode].
func Read(ctx context.Context, src checkpoint.Source) (*Graph, error) {
	if src == nil {
		return nil, argcheck.Nil("read", "", "Source")
	}
	if err := argcheck.Context(ctx, "read", ""); err != nil {
		return nil, err
	}
	values, err := src.ReadStrings(ctx, Key, nil)
	if err != nil {
		return nil, err
	}
	if len(values) != 1 {
		return nil, corrupt("it has %d elements instead of one", len(values))
	}
	return Decode(values[0])
}

// Decode parses the bytes of the string tensor [Key]. A reference to an object that the
// graph does not have is tfkeep.ErrCorrupt.
func Decode(data []byte) (*Graph, error) {
	var m pb.TrackableObjectGraph
	if err := proto.Unmarshal(data, &m); err != nil {
		return nil, corrupt("not a TrackableObjectGraph: its bytes do not parse")
	}
	g := &Graph{Objects: make([]Object, len(m.GetNodes()))}
	for i, n := range m.GetNodes() {
		o := &g.Objects[i]
		o.Saver, o.SaverObject = n.GetRegisteredSaver().GetName(), n.GetRegisteredSaver().GetObjectName()
		for _, c := range n.GetChildren() {
			if err := g.check(i, "child", c.GetNodeId()); err != nil {
				return nil, err
			}
			o.Children = append(o.Children, Child{c.GetLocalName(), int(c.GetNodeId())})
		}
		for _, a := range n.GetAttributes() {
			o.Values = append(o.Values, Value{a.GetName(), a.GetFullName(), a.GetCheckpointKey()})
		}
		for _, s := range n.GetSlotVariables() {
			if err := g.check(i, "slot's variable", s.GetOriginalVariableNodeId()); err != nil {
				return nil, err
			}
			if err := g.check(i, "slot", s.GetSlotVariableNodeId()); err != nil {
				return nil, err
			}
			o.Slots = append(o.Slots, Slot{s.GetSlotName(), int(s.GetOriginalVariableNodeId()), int(s.GetSlotVariableNodeId())})
		}
	}
	return g, nil
}

// check refuses a reference to an object that the graph does not have.
func (g *Graph) check(object int, what string, id int32) error {
	if id < 0 || int(id) >= len(g.Objects) {
		return corrupt("object %d has the %s %d, the graph has %d objects", object, what, id, len(g.Objects))
	}
	return nil
}

func corrupt(format string, args ...any) error {
	return &tfkeep.Error{Op: "decode", Item: "object graph", Name: Key, Err: tfkeep.ErrCorrupt, Detail: fmt.Sprintf(format, args...)}
}

// KeysByName returns the keys of the values by the full names of their variables. Python
// does not make these names unique (every tf.Variable without a name is called
// "Variable"), and a name that several values have does not say whose value is wanted. Such
// names are not in keys; ambiguous has them, sorted.
func (g *Graph) KeysByName() (keys map[string]string, ambiguous []string) {
	keys = map[string]string{}
	for _, o := range g.Objects {
		for _, v := range o.Values {
			if key, taken := keys[v.Full]; taken && key != v.Key {
				ambiguous = append(ambiguous, v.Full)
			}
			keys[v.Full] = v.Key
		}
	}
	delete(keys, "")
	slices.Sort(ambiguous)
	ambiguous = slices.DeleteFunc(slices.Compact(ambiguous), func(name string) bool { return name == "" })
	for _, name := range ambiguous {
		delete(keys, name)
	}
	return keys, ambiguous
}

// Step is one visit of [Graph.Walk].
type Step struct {
	Object int
	Depth  int      // 0 for the root
	Path   []string // names from the root; valid until the next step only
	Again  bool     // visited before: its children are not walked again
	Last   bool     // the last child of its parent
}

// Walk visits the objects depth first from the root, children in order of name.
// An object with several parents is visited from each, and its children from the
// first one only.
func (g *Graph) Walk() iter.Seq[Step] {
	return func(yield func(Step) bool) {
		if len(g.Objects) == 0 || !yield(Step{Last: true}) {
			return
		}
		seen := make([]bool, len(g.Objects))
		// The stack is explicit: a hostile graph may be one chain of millions.
		type frame struct {
			children []Child
			next     int
		}
		enter := func(object int) frame {
			seen[object] = true
			children := slices.Clone(g.Objects[object].Children)
			slices.SortFunc(children, func(a, b Child) int { return natural(a.Name, b.Name) })
			return frame{children: children}
		}
		var path []string
		stack := []frame{enter(0)}
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if top.next == len(top.children) {
				stack = stack[:len(stack)-1]
				path = path[:max(0, len(stack)-1)]
				continue
			}
			c := top.children[top.next]
			top.next++
			path = append(path[:len(stack)-1], c.Name)
			again := seen[c.Object]
			if !yield(Step{
				Object: c.Object, Depth: len(stack), Path: path,
				Again: again, Last: top.next == len(top.children),
			}) {
				return
			}
			if !again {
				stack = append(stack, enter(c.Object))
			}
		}
	}
}

// natural compares names, and numbers in them by value: "layer-2" is before
// "layer-10".
func natural(a, b string) int {
	for len(a) > 0 && len(b) > 0 {
		na, nb := digits(a), digits(b)
		if na == 0 || nb == 0 {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		x, y := a[:na], b[:nb]
		if c := cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y)); c != 0 {
			return c
		}
		a, b = a[na:], b[nb:]
	}
	return cmp.Compare(len(a), len(b))
}

// digits returns the number of digits that s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}
