package objectgraph

import (
	"maps"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
)

// New returns the object graph of variables with given paths from the root, such as
// "model/layers/0/kernel", and their full names. The key of each value is that which TensorFlow
// gives it. Keras and tf.train.Checkpoint restore such a graph by the paths.
func New(variables map[string]string) (*Graph, error) {
	g := &Graph{Objects: make([]Object, 1)}
	children := []map[string]int{{}}
	for _, path := range slices.Sorted(maps.Keys(variables)) {
		names := strings.Split(path, "/")
		at := 0
		for _, name := range names {
			if name == "" {
				return nil, &tfkeep.Error{Op: "make object graph", Item: "object", Name: path, Err: tfkeep.ErrArgument,
					Detail: "a path is made of names of attributes, separated by slashes"}
			}
			next, ok := children[at][name]
			if !ok {
				next = len(g.Objects)
				children[at][name] = next
				children = append(children, map[string]int{})
				g.Objects = append(g.Objects, Object{})
				g.Objects[at].Children = append(g.Objects[at].Children, Child{name, next})
			}
			at = next
		}
		g.Objects[at].Values = []Value{{Name: variableValue, Full: variables[path], Key: variableKey(names...)}}
	}
	return g, nil
}

// Only returns a copy of g that has the values with the given keys, and no others.
func (g *Graph) Only(keys func(key string) bool) *Graph {
	if g == nil || keys == nil {
		return g
	}
	c := &Graph{Objects: slices.Clone(g.Objects)}
	for i := range c.Objects {
		c.Objects[i].Values = slices.DeleteFunc(slices.Clone(c.Objects[i].Values), func(v Value) bool { return !keys(v.Key) })
	}
	return c
}
