package autodiff

import (
	"encoding/binary"
	"fmt"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"github.com/tfkeep/tfkeep/capi"
)

// rule adds the nodes that turn the gradients of n's outputs (at least one is
// there) into those of its inputs. The result may be shorter than the inputs;
// a missing or empty gradient is none.
type rule func(b *builder, n *node, dy []Gradient) ([]Gradient, error)

// rules are the gradients that the library lacks, or has wrong. Each follows Python's
// function of the same operation (tensorflow/python/ops/*_grad.py).
var rules map[string]rule

func init() {
	rules = map[string]rule{
		// A read passes the gradient of the value on, slices as they are.
		"ReadVariableOp":         passThrough,
		"PlaceholderWithDefault": passThrough,
		"IdentityN":              passThrough,
		"EnsureShape":            passThrough,
		"AccumulateNV2":          toEveryInput,

		"SparseSoftmaxCrossEntropyWithLogits": sparseCrossEntropy,
		"FusedBatchNorm":                      fusedBatchNorm,
		"FusedBatchNormV2":                    fusedBatchNorm,
		"LRN":                                 localResponse,
		"Concat":                              concatV1,
		"Conv3D":                              convolution("Conv3DBackpropInputV2", "Conv3DBackpropFilterV2", "strides", "padding", "dilations", "data_format"),
		"BiasAddV1":                           biasAddV1,
		"Erfc":                                erfc,

		"Gather":             gather,
		"ResourceGather":     resourceGather,
		"SparseSegmentSum":   sparseSegment("SparseSegmentSumGrad"),
		"SparseSegmentMean":  sparseSegment("SparseSegmentMeanGrad"),
		"SparseSegmentSqrtN": sparseSegment("SparseSegmentSqrtNGrad"),

		"ResourceGatherNd": resourceGatherNd,
		"MatrixDiagV3":     matrixDiag,
		"MatrixDiagPartV3": matrixDiagPart,

		// Of two inputs that are broadcast. The library's Atan2 does not sum
		// over what was broadcast.
		"Atan2":    atan2,
		"FloorMod": floorMod,
		"MulNoNan": mulNoNan,
		"Xlogy":    xlogy,

		"FakeQuantWithMinMaxArgs": fakeQuantArgs,
		"FakeQuantWithMinMaxVars": fakeQuantVars,

		// Gradients of gradients.
		"ReluGrad":    reluGrad,
		"TanhGrad":    tanhGrad,
		"SigmoidGrad": sigmoidGrad,
		"BiasAddGrad": biasAddGrad,
	}
}

// ruleFor is the rule for a node, nil for one that is the library's. The errors
// are all found here, before the graph is changed.
func ruleFor(n *node, w *walk) (rule, error) {
	switch n.typ {
	case "Identity", "RefIdentity":
		if reads(n, w) {
			return passThrough, nil
		}
	case "GatherV2":
		// Python's slices for a table that is asked for; elsewhere they would
		// be made dense at once, which the library does itself.
		if p := n.in[0]; (w.isX[p] || reads(p.node, w)) && alongFirstDimension(n) {
			return gather, nil
		}
	case "Conv2D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "MaxPool":
		if unusual(n) {
			return unusualRules[n.typ], nil
		}
	case "PreventGradient":
		return nil, prevented(n)
	case "SparseSoftmaxCrossEntropyWithLogits":
		// Output 1 is a gradient already; to differentiate it again is not
		// provided for.
		if second := (port{n, 1}); second.isLive() && (w.isY[second] || second.wanted()) {
			return nil, noGradient(n)
		}
	case "ResourceGather":
		if v, err := capi.Attr(n.op, "batch_dims"); err == nil && v.GetI() != 0 {
			return nil, noGradient(n)
		}
	case "BiasAddGrad":
		if channelsFirst(n) && n.in[0].output().Shape().NumDimensions() != 4 {
			return nil, noGradient(n)
		}
	}
	if rules[n.typ] == nil && !libraryGradients[n.typ] {
		return nil, noGradient(n)
	}
	return rules[n.typ], nil
}

// wanted says that a gradient may come back to p.
func (p port) wanted() bool {
	for _, u := range p.node.uses {
		if u.output == p.index && u.to.between {
			return true
		}
	}
	return false
}

// reads says that n gives one of the xs as it is.
func reads(n *node, w *walk) bool {
	for n.typ == "Identity" || n.typ == "RefIdentity" || n.typ == "ReadVariableOp" {
		if w.isX[n.in[0]] {
			return true
		}
		n = n.in[0].node
	}
	return false
}

func passThrough(_ *builder, _ *node, dy []Gradient) ([]Gradient, error) { return dy, nil }

func prevented(n *node) error {
	reason := "the graph asks for that"
	if v, err := capi.Attr(n.op, "message"); err == nil && len(v.GetS()) > 0 {
		reason = string(v.GetS())
	}
	return refuse(n, ErrNoGradient, "the gradient is explicitly disabled: "+reason)
}

func toEveryInput(_ *builder, n *node, dy []Gradient) ([]Gradient, error) {
	dx := make([]Gradient, len(n.in))
	for i := range dx {
		dx[i] = dy[0]
	}
	return dx, nil
}

// sparseCrossEntropy: the operation's second output is the gradient of the loss
// with respect to the logits.
func sparseCrossEntropy(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	column := b.one("ExpandDims", nil, b.dense(dy[0]), b.constant(int32(-1)))
	return one(b.mul(column, n.op.Output(1))), nil
}

func gather(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	params := n.in[0].output()
	return []Gradient{b.gathered(b.dense(dy[0]), n.in[1].output(), b.shape(params), params.Shape())}, nil
}

func resourceGather(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	shape, known := b.variableShape(n)
	return []Gradient{b.gathered(b.dense(dy[0]), n.in[1].output(), shape, known)}, nil
}

// variableShape is the shape of the variable whose handle is n's first input.
func (b *builder) variableShape(n *node) (output, tensorflow.Shape) {
	handle := n.in[0].node
	if handle.typ == "VarHandleOp" {
		if v, err := handle.op.Attr("shape"); err == nil {
			if s, ok := v.(tensorflow.Shape); ok {
				if dims, ok := fullShape(s); ok {
					return b.constant(dims), s
				}
			}
		}
	}
	return b.one("VariableShape", nil, n.in[0].output()), tensorflow.Shape{}
}

// sparseSegment: embedding bags; the gradient is dense.
func sparseSegment(grad string) rule {
	return func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
		rows := b.first(b.shape(n.in[0].output()))
		return one(b.one(grad, nil, b.dense(dy[0]), n.in[1].output(), n.in[2].output(), rows)), nil
	}
}

// fusedBatchNorm: when training, outputs 3 and 4 are what the gradient needs;
// otherwise the given mean and variance are, and the kernel knows only the
// layout with channels last.
func fusedBatchNorm(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	if dy[0].IsNone() {
		return nil, nil
	}
	a, err := copyAttrs(n, "epsilon", "data_format", "is_training")
	if err != nil {
		return nil, err
	}
	op := "FusedBatchNormGrad"
	if n.typ == "FusedBatchNormV2" {
		op = "FusedBatchNormGradV2"
	}
	x, scale, grad := n.in[0].output(), n.in[1].output(), b.dense(dy[0])
	mean, variance := n.op.Output(3), n.op.Output(4)
	training, _ := n.op.Attr("is_training")
	transposed := false
	if training == false {
		mean, variance = n.in[3].output(), n.in[4].output()
		if transposed = channelsFirst(n); transposed {
			last := []int32{0, 2, 3, 1}
			x, grad = b.one("Transpose", nil, x, b.constant(last)), b.one("Transpose", nil, grad, b.constant(last))
			a["data_format"] = "NHWC"
		}
	}
	g := b.add(op, op, a, grad, x, scale, mean, variance)
	if g == nil {
		return nil, b.err
	}
	dx := g.Output(0)
	if transposed {
		dx = b.one("Transpose", nil, dx, b.constant([]int32{0, 3, 1, 2}))
	}
	return []Gradient{{Dense: dx}, {Dense: g.Output(1)}, {Dense: g.Output(2)}}, nil
}

// concatV1 takes the axis first.
func concatV1(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	axis := n.in[0].output()
	var shapes tensorflow.OutputList
	for _, in := range n.in[1:] {
		shapes = append(shapes, b.one("Shape", nil, in.output()))
	}
	offsets := b.add("ConcatOffset", "ConcatOffset", nil, axis, shapes)
	grad := b.dense(dy[0])
	dx := []Gradient{{}}
	for i, shape := range shapes {
		if b.err != nil {
			return nil, b.err
		}
		dx = append(dx, Gradient{Dense: b.one("Slice", nil, grad, offsets.Output(i), shape)})
	}
	return dx, nil
}

func biasAddV1(b *builder, _ *node, dy []Gradient) ([]Gradient, error) {
	grad := b.dense(dy[0])
	return []Gradient{{Dense: grad}, {Dense: b.one("BiasAddGrad", nil, grad)}}, nil
}

func fakeQuantArgs(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	a, err := copyAttrs(n, "min", "max", "num_bits", "narrow_range")
	if err != nil {
		return nil, err
	}
	return one(b.one("FakeQuantWithMinMaxArgsGradient", a, b.dense(dy[0]), n.in[0].output())), nil
}

func fakeQuantVars(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	a, err := copyAttrs(n, "num_bits", "narrow_range")
	if err != nil {
		return nil, err
	}
	const name = "FakeQuantWithMinMaxVarsGradient"
	g := b.add(name, name, a, b.dense(dy[0]), n.in[0].output(), n.in[1].output(), n.in[2].output())
	if g == nil {
		return nil, b.err
	}
	return []Gradient{{Dense: g.Output(0)}, {Dense: g.Output(1)}, {Dense: g.Output(2)}}, nil
}

// reluGrad(g, x) is linear in g and constant in x almost everywhere.
func reluGrad(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	return one(b.one("ReluGrad", nil, b.dense(dy[0]), n.in[1].output())), nil
}

// tanhGrad(y, g) = g·(1-y²)
func tanhGrad(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	y, g, d := n.in[0].output(), n.in[1].output(), b.dense(dy[0])
	return []Gradient{
		{Dense: b.mul(b.mul(b.mul(d, b.scalar(-2, y)), g), y)},
		{Dense: b.one("TanhGrad", nil, y, d)},
	}, nil
}

// sigmoidGrad(y, g) = g·y·(1-y)
func sigmoidGrad(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	y, g, d := n.in[0].output(), n.in[1].output(), b.dense(dy[0])
	dg := b.mul(d, g)
	return []Gradient{
		{Dense: b.one("Sub", nil, dg, b.mul(b.mul(b.scalar(2, y), dg), y))},
		{Dense: b.one("SigmoidGrad", nil, y, d)},
	}, nil
}

// biasAddGrad sums over all dimensions but the channels'; its gradient repeats.
func biasAddGrad(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	grad, in := b.dense(dy[0]), n.in[0].output()
	if channelsFirst(n) {
		// [c] against [n, c, h, w]: give it the two trailing dimensions.
		grad = b.one("Reshape", nil, grad, b.constant([]int32{-1, 1, 1}))
	}
	return one(b.one("BroadcastTo", nil, grad, b.shape(in))), nil
}

func one(dx output) []Gradient { return []Gradient{{Dense: dx}} }

// copyAttrs takes attributes of the forward node over.
func copyAttrs(n *node, names ...string) (attrs, error) {
	a := make(attrs, len(names))
	for _, name := range names {
		v, err := capi.Attr(n.op, name)
		if err != nil {
			return nil, fmt.Errorf("autodiff: %w", err)
		}
		a[name] = v
	}
	return a, nil
}

// alongFirstDimension says that a GatherV2 takes whole rows: a constant axis 0,
// no batch dimensions.
func alongFirstDimension(n *node) bool {
	if v, err := capi.Attr(n.op, "batch_dims"); err == nil && v.GetI() != 0 {
		return false
	}
	axis := n.in[2].node
	if axis.typ != "Const" {
		return false
	}
	v, err := capi.Attr(axis.op, "value")
	if err != nil {
		return false
	}
	t := v.GetTensor()
	switch content := t.GetTensorContent(); {
	case len(content) > 0 && t.GetDtype() == types_go_proto.DataType_DT_INT32 && len(content) == 4:
		return binary.LittleEndian.Uint32(content) == 0
	case len(content) == 8:
		return binary.LittleEndian.Uint64(content) == 0
	case len(content) > 0:
		return false
	}
	// A zero may be left out altogether.
	for _, i := range t.GetIntVal() {
		if i != 0 {
			return false
		}
	}
	for _, i := range t.GetInt64Val() {
		if i != 0 {
			return false
		}
	}
	return true
}
