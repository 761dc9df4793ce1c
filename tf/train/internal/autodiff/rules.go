package autodiff

import (
	"encoding/binary"
	"fmt"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"github.com/tfkeep/tfkeep/capi"
)

// rule adds the nodes that turn the gradients of n's outputs, of which at least one is not
// empty, into those of its inputs. The result may be shorter than the inputs; the missing
// gradients are empty.
type rule func(b *builder, n *node, dy []Gradient) ([]Gradient, error)

// rules are the gradients of operations, by their type. Each follows Python's function for the
// same operation (tensorflow/python/ops/*_grad.py).
var rules map[string]rule

func init() {
	rules = map[string]rule{
		// The gradient of the value passes through, slices as they are.
		"ReadVariableOp":         passThrough,
		"PlaceholderWithDefault": passThrough,
		"IdentityN":              passThrough,
		"EnsureShape":            passThrough,
		"AccumulateNV2":          toEveryInput,

		"SparseSoftmaxCrossEntropyWithLogits": crossEntropy,
		"FusedBatchNorm":                      fusedBatchNorm,
		"FusedBatchNormV2":                    fusedBatchNorm,
		"FusedBatchNormV3":                    fusedBatchNorm,
		"LRN":                                 localResponse,
		"Concat":                              concat(0),
		"Conv3D":                              convolution("Conv3DBackpropInputV2", "Conv3DBackpropFilterV2", "strides", "padding", "dilations", "data_format"),
		"BiasAddV1":                           keepingSlices(0, biasAddV1),
		"Erfc":                                erfc,

		"Gather":             gather,
		"GatherV2":           gatherDense,
		"ResourceGather":     resourceGather,
		"SparseSegmentSum":   sparseSegment("SparseSegmentSumGrad"),
		"SparseSegmentMean":  sparseSegment("SparseSegmentMeanGrad"),
		"SparseSegmentSqrtN": sparseSegment("SparseSegmentSqrtNGrad"),

		"ResourceGatherNd": resourceGatherNd,
		"MatrixDiagV3":     matrixDiag,
		"MatrixDiagPartV3": matrixDiagPart,

		// Operations with two inputs that are broadcast.
		"Atan2":    atan2,
		"FloorMod": floorMod,
		"MulNoNan": mulNoNan,
		"Xlogy":    xlogy,

		// Conditionals and loops of TensorFlow 1; loops as a whole have their rule in loop_rule.go.
		"Switch":    switchGradient,
		"RefSwitch": switchGradient,
		"Merge":     mergeGradient,
		"RefMerge":  mergeGradient,

		"TensorArrayReadV3":    arrayRead,
		"TensorArrayGatherV3":  arrayGather,
		"TensorArrayConcatV3":  arrayConcat,
		"TensorArrayWriteV3":   arrayWrite,
		"TensorArrayScatterV3": arrayScatter,
		"TensorArraySplitV3":   arraySplit,

		"FakeQuantWithMinMaxArgs": fakeQuantArgs,
		"FakeQuantWithMinMaxVars": fakeQuantVars,

		// Gradients of gradients.
		"ReluGrad":    reluGrad,
		"TanhGrad":    tanhGrad,
		"SigmoidGrad": sigmoidGrad,
		"BiasAddGrad": biasAddGrad,
	}
}

// findRules finds the rules of all nodes through which a gradient has to pass, and all errors,
// before the graph is changed.
func (s *subgraph) findRules() error {
	if err := s.checkInside(); err != nil {
		return err
	}
	if err := s.checkStacks(); err != nil {
		return err
	}
	for _, n := range s.nodes {
		if !n.onPath {
			continue
		}
		if controlFlowOps[n.typ] && n.loop == nil && !isSwitch(n.typ) && !isMerge(n.typ) {
			return controlFlow(n)
		}
		var err error
		if n.rule, err = ruleFor(n, s); err != nil {
			return err
		}
	}
	return nil
}

// ruleFor returns the rule for a node.
func ruleFor(n *node, g *subgraph) (rule, error) {
	if n.loop != nil {
		return n.loop.rule(g)
	}
	if n.unit != nil {
		return n.unit.rule(n, g)
	}
	custom, name := customFor(n, g.options)
	if custom != nil {
		return customRule(custom, name), nil
	}
	if n.override() != "" {
		return nil, refuse(n, ErrNoGradient, fmt.Sprintf("its attribute _gradient_op_type names the gradient %q, which is not registered in this program; if Python made the graph, it is a function of that program; define it with RegisterGradient, or cut the path with StopGradient", name))
	}
	if functional[n.typ] != nil {
		return functionalRule(n, g)
	}
	if err := checkArray(n); err != nil {
		return nil, err
	}
	switch n.typ {
	case "GatherV2":
		if alongFirstDimension(n) {
			return gather, nil
		}
	case "GatherNd":
		if s := n.x(1).Shape(); s.NumDimensions() == 2 && s.Size(1) == 1 {
			return gatherRows, nil
		}
	case "SparseSegmentSum", "SparseSegmentMean", "SparseSegmentSqrtN",
		"SparseSegmentSumWithNumSegments", "SparseSegmentMeanWithNumSegments", "SparseSegmentSqrtNWithNumSegments":
		if n.flag("sparse_gradient") {
			return sparseSegmentRows, nil
		}
	case "PreventGradient":
		return nil, prevented(n)
	case "ResourceGather":
		if v, err := capi.Attr(n.op, "batch_dims"); err == nil && v.GetI() != 0 {
			return nil, noGradient(n)
		}
	}
	if rules[n.typ] == nil {
		return nil, noGradient(n)
	}
	return rules[n.typ], nil
}

// negative is the rule for Neg.
func negative(b *builder, _ *node, dy []Gradient) ([]Gradient, error) {
	return []Gradient{onValues(dy[0], b.neg)}, nil
}

// keepingSlices makes a rule with which slices are the gradient of an input, too, and not only the
// dense tensor that r makes of them.
func keepingSlices(input int, r rule) rule {
	return func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
		dx, err := r(b, n, dy)
		if err == nil && dy[0].Slices != nil {
			dx[input] = dy[0]
		}
		return dx, err
	}
}

// passThrough is the rule for operations whose outputs equal their inputs.
func passThrough(_ *builder, _ *node, dy []Gradient) ([]Gradient, error) { return dy, nil }

// prevented returns the error for a PreventGradient, with the message that it carries.
func prevented(n *node) error {
	reason := "the graph demands it"
	if v, err := capi.Attr(n.op, "message"); err == nil && len(v.GetS()) > 0 {
		reason = string(v.GetS())
	}
	return refuse(n, ErrNoGradient, "the gradient is explicitly disabled: "+reason)
}

// toEveryInput is the rule for sums.
func toEveryInput(_ *builder, n *node, dy []Gradient) ([]Gradient, error) {
	dx := make([]Gradient, len(n.in))
	for i := range dx {
		dx[i] = dy[0]
	}
	return dx, nil
}

func gather(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	params := n.in[0].output()
	return []Gradient{b.gatherGradient(b.dense(dy[0]), n.in[1].output(), b.shape(params), params.Shape())}, nil
}

func resourceGather(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	shape, known := b.variableShape(n)
	return []Gradient{b.gatherGradient(b.dense(dy[0]), n.in[1].output(), shape, known)}, nil
}

// variableShape returns the shape of the variable whose handle is n's first input: as a
// tensor, and what is known of it.
func (b *builder) variableShape(n *node) (output, tensorflow.Shape) {
	handle := n.in[0].node
	if handle.typ == "VarHandleOp" {
		if v, err := handle.op.Attr("shape"); err == nil {
			if s, ok := v.(tensorflow.Shape); ok {
				if dims, ok := fullShape(s); ok {
					return b.int32s(dims...), s
				}
			}
		}
	}
	return b.one("VariableShape", nil, n.in[0].output()), tensorflow.Shape{}
}

// sparseSegment is the rule for embedding bags. Their gradient is dense.
func sparseSegment(grad string) rule {
	return func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
		rows := b.first(b.shape(n.in[0].output()))
		return one(b.one(grad, nil, b.dense(dy[0]), n.in[1].output(), n.in[2].output(), rows)), nil
	}
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
	g := b.Op(name, a, b.dense(dy[0]), n.in[0].output(), n.in[1].output(), n.in[2].output())
	if g == nil {
		return nil, b.Err()
	}
	return []Gradient{{Dense: g.Output(0)}, {Dense: g.Output(1)}, {Dense: g.Output(2)}}, nil
}

// reluGrad is the rule for ReluGrad(g, x), which is linear in g and constant in x almost
// everywhere.
func reluGrad(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	return grads(b.one("ReluGrad", nil, b.dense(dy[0]), n.x(1)), b.zeros(n.x(1))), nil
}

// tanhGrad is the rule for TanhGrad(y, g) = g·(1-y²).
func tanhGrad(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	y, g, d := b.conj(n.x(0)), b.conj(n.x(1)), b.dense(dy[0])
	return []Gradient{
		{Dense: b.mul(b.mul(b.mul(d, b.scalar(-2, y)), g), y)},
		{Dense: b.one("TanhGrad", nil, y, d)},
	}, nil
}

// sigmoidGrad is the rule for SigmoidGrad(y, g) = g·y·(1-y).
func sigmoidGrad(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	y, g, d := b.conj(n.x(0)), b.conj(n.x(1)), b.dense(dy[0])
	dg := b.mul(d, g)
	return []Gradient{
		{Dense: b.one("Sub", nil, dg, b.mul(b.mul(b.scalar(2, y), dg), y))},
		{Dense: b.one("SigmoidGrad", nil, y, d)},
	}, nil
}

// biasAddGrad is the rule for BiasAddGrad, which sums over all dimensions except the
// channels. Its gradient repeats.
func biasAddGrad(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	grad, in := b.dense(dy[0]), n.in[0].output()
	if channelsFirst(n) {
		// The gradient [c] needs more dimensions to be broadcast to [n, c, h, w].
		behind := b.expand(b.minus(b.rank(in), b.int32(2)), 0)
		grad = b.reshape(grad, b.concat(b.int32s(-1), b.one("Fill", nil, behind, b.int32(1))))
	}
	return one(b.one("BroadcastTo", nil, grad, b.shape(in))), nil
}

func one(dx output) []Gradient { return []Gradient{{Dense: dx}} }

// copyAttrs returns attributes of the forward node.
func copyAttrs(n *node, names ...string) (attrs, error) {
	a := make(attrs, len(names))
	for _, name := range names {
		v, err := capi.Attr(n.op, name)
		if err != nil {
			return nil, err
		}
		a[name] = v
	}
	return a, nil
}

// alongFirstDimension reports whether a GatherV2 takes whole rows: its axis is the
// constant 0, and it has no batch dimensions.
func alongFirstDimension(n *node) bool {
	if n.integer("batch_dims") != 0 {
		return false
	}
	axis, ok := constInts(n.in[2].node)
	return ok && len(axis) == 1 && axis[0] == 0
}

// constInts returns the elements of a constant of integers.
func constInts(n *node) ([]int64, bool) {
	if n.typ != "Const" || n.loop != nil || n.unit != nil {
		return nil, false
	}
	v, err := capi.Attr(n.op, "value")
	if err != nil {
		return nil, false
	}
	t, count := v.GetTensor(), int64(1)
	for _, d := range t.GetTensorShape().GetDim() {
		count *= d.GetSize()
	}
	if count > 64 {
		return nil, false // too many for what rules ask
	}
	values := make([]int64, 0, count)
	switch content := t.GetTensorContent(); t.GetDtype() {
	case types_go_proto.DataType_DT_INT32:
		for _, i := range t.GetIntVal() {
			values = append(values, int64(i))
		}
		for ; len(content) >= 4; content = content[4:] {
			values = append(values, int64(int32(binary.LittleEndian.Uint32(content))))
		}
	case types_go_proto.DataType_DT_INT64:
		values = append(values, t.GetInt64Val()...)
		for ; len(content) >= 8; content = content[8:] {
			values = append(values, int64(binary.LittleEndian.Uint64(content)))
		}
	default:
		return nil, false
	}
	// The last value stands for all that follow. A zero may be missing altogether.
	for int64(len(values)) < count {
		last := int64(0)
		if len(values) > 0 {
			last = values[len(values)-1]
		}
		values = append(values, last)
	}
	return values, int64(len(values)) == count
}
