package tf

import (
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/graphdef"
)

const outputShapes = "_output_shapes"

// graphDefWithShapes returns the graph as a meta graph holds it: every node with outputs
// has their inferred shapes in the attribute "_output_shapes".
func (g *Graph) graphDefWithShapes() (*graphdef.GraphDef, error) {
	def, err := g.stableGraphDef()
	if err != nil {
		return nil, err
	}
	for _, n := range def.GetNode() {
		if err := g.addShapes(n); err != nil {
			return nil, err
		}
	}
	return def, nil
}

// stableGraphDef returns the graph as it is written to files: its functions are sorted by
// name, because TensorFlow's order changes from run to run, and an empty library is left
// out.
func (g *Graph) stableGraphDef() (*graphdef.GraphDef, error) {
	def, err := g.GraphDef()
	if err != nil {
		return nil, err
	}
	functions := def.GetLibrary().GetFunction()
	slices.SortFunc(functions, func(a, b *graphdef.FunctionDef) int {
		return strings.Compare(a.GetSignature().GetName(), b.GetSignature().GetName())
	})
	if len(functions) == 0 {
		def.Library = nil
	}
	return def, nil
}

// addShapes adds to a node the shapes of its outputs.
func (g *Graph) addShapes(n *graphdef.NodeDef) (err error) {
	op := g.Operation(n.GetName())
	if op == nil || op.NumOutputs() == 0 {
		return nil
	}
	shapes := make([]Shape, op.NumOutputs())
	for i := range shapes {
		shapes[i] = op.Output(i).Shape()
	}
	if n.Attr == nil {
		n.Attr = map[string]*graphdef.AttrValue{}
	}
	n.Attr[outputShapes], err = capi.AttrValue(shapes)
	return err
}
