package tf

import (
	"slices"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"

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
		g.addShapes(n)
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

// addShapes adds the shapes of its operation's outputs to a node.
func (g *Graph) addShapes(n *graphdef.NodeDef) {
	op := g.Operation(n.GetName())
	if op == nil || op.NumOutputs() == 0 {
		return
	}
	shapes := make([]*graphdef.TensorShapeProto, op.NumOutputs())
	for i := range shapes {
		shapes[i] = inferredShape(op.Output(i).Shape())
	}
	if n.Attr == nil {
		n.Attr = map[string]*graphdef.AttrValue{}
	}
	n.Attr[outputShapes] = &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_List{
		List: &attr_value_go_proto.AttrValue_ListValue{Shape: shapes},
	}}
}

func inferredShape(s Shape) *graphdef.TensorShapeProto {
	n := s.NumDimensions()
	if n < 0 {
		return &graphdef.TensorShapeProto{UnknownRank: true}
	}
	p := &graphdef.TensorShapeProto{}
	for i := range n {
		p.Dim = append(p.Dim, &tensor_shape_go_proto.TensorShapeProto_Dim{Size: s.Size(i)})
	}
	return p
}
