package autodiff

import (
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
)

// resourceGatherNd returns slices if the indices name whole rows, as Python does.
func resourceGatherNd(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	shape, known := b.variableShape(n)
	indices := n.in[1].output()
	if s := indices.Shape(); s.NumDimensions() == 2 && s.Size(1) == 1 {
		return []Gradient{b.gatherGradient(b.dense(dy[0]), b.vector(indices), shape, known)}, nil
	}
	return one(b.one("ScatterNd", nil, indices, b.dense(dy[0]), b.Cast(shape, dtype.DataType(indices.DataType())))), nil
}

// gatherRows is the rule for a GatherNd of whole rows.
func gatherRows(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	params := n.x(0)
	return []Gradient{b.gatherGradient(b.dense(dy[0]), b.vector(n.x(1)), b.shape(params), params.Shape())}, nil
}

func matrixDiag(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	a, err := copyAttrs(n, "align")
	if err != nil {
		return nil, err
	}
	grad := b.dense(dy[0])
	return one(b.one("MatrixDiagPartV3", a, grad, n.in[1].output(), b.scalar(0, grad))), nil
}

func matrixDiagPart(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	a, err := copyAttrs(n, "align")
	if err != nil {
		return nil, err
	}
	zeros := b.one("ZerosLike", nil, n.in[0].output())
	return one(b.one("MatrixSetDiagV3", a, zeros, b.dense(dy[0]), n.in[1].output())), nil
}

// channelsFirst reports whether the node's data format is NCHW.
func channelsFirst(n *node) bool {
	v, err := capi.Attr(n.op, "data_format")
	return err == nil && string(v.GetS()) == "NCHW"
}
