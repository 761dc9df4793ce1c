package tf

import (
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/graphdef"
)

const outputShapes = "_output_shapes"

// graphDefWithShapes returns the graph as a meta graph holds it: every node with outputs
// has their inferred shapes in the attribute "_output_shapes".
func (g *Graph) graphDefWithShapes() (*graphdef.GraphDef, error) {
	def, err := g.GraphDef()
	if err != nil {
		return nil, err
	}
	if len(def.GetLibrary().GetFunction()) == 0 {
		def.Library = nil
	}
	for _, n := range def.GetNode() {
		if err := g.addShapes(n); err != nil {
			return nil, err
		}
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
