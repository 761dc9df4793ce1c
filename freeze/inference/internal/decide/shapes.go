package decide

import (
	"encoding/binary"
	"slices"
	"strconv"

	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// shapes finds the shapes of tensors, as far as needed to say that two are the same. A
// dimension is a number, or a name for a number that is not known: "x:0/1".
type shapes struct {
	*body
	memo map[string]*shape
}

// shape is a list of dimensions, or, if ranked is false, a name for any shape.
type shape struct {
	ranked bool
	dims   []string
	name   string
}

func newShapes(b *body) *shapes { return &shapes{body: b, memo: map[string]*shape{}} }

func ranked(dims ...string) *shape { return &shape{ranked: true, dims: dims} }

func (s *shape) equal(o *shape) bool {
	return s.ranked == o.ranked && s.name == o.name && slices.Equal(s.dims, o.dims)
}

// sameAsAll reports whether broadcasting all inputs of n gives the shape of one of them.
func (s *shapes) sameAsAll(n *graphdef.NodeDef, input int) bool {
	in := data(n)
	all := s.of(in[0])
	for _, t := range in[1:] {
		all = broadcast(all, s.of(t), n.Name)
	}
	return all.equal(s.of(in[input]))
}

// of returns the shape of a tensor.
func (s *shapes) of(in string) *shape {
	t := tensor(in)
	if known, ok := s.memo[t]; ok {
		return known
	}
	r := parse(t)
	s.memo[t] = &shape{name: t} // while it is being found
	n := s.byName[r.node]
	if n == nil {
		return s.memo[t]
	}
	found := s.rule(n, r.output)
	if list := n.Attr["_output_shapes"].GetList().GetShape(); r.output < len(list) && (found == nil || !found.ranked) {
		if dims, ok := nodedef.Dims(list[r.output]); ok && !list[r.output].GetUnknownRank() {
			found = s.named(dims, t)
		}
	}
	if found != nil {
		s.memo[t] = found
	}
	return s.memo[t]
}

// named gives unknown dimensions names.
func (s *shapes) named(dims []int64, t string) *shape {
	out := ranked()
	for i, d := range dims {
		if d < 0 {
			out.dims = append(out.dims, t+"/"+strconv.Itoa(i))
		} else {
			out.dims = append(out.dims, strconv.FormatInt(d, 10))
		}
	}
	return out
}

var elementwise = []string{
	"Identity", "Switch", "Enter", "Exit", "NextIteration", "StopGradient", "PreventGradient", "CheckNumerics", "Cast", "BiasAdd", "Relu", "Relu6", "Elu",
	"Selu", "LeakyRelu", "Sigmoid", "Tanh", "Softplus", "Rsqrt", "Sqrt", "Square", "Exp", "Log", "Neg", "Abs", "Floor", "Reciprocal",
	"Inv", "Softmax", "LogSoftmax", "ZerosLike", "OnesLike", "LogicalNot", "Bernoulli", "EnsureShape", "Snapshot", "Softsign", "Round", "Erf",
	"FakeQuantWithMinMaxArgs", "FakeQuantWithMinMaxVars",
}

var broadcasting = []string{
	"Add", "AddV2", "Sub", "Mul", "RealDiv", "Div", "DivNoNan", "MulNoNan", "Maximum", "Minimum", "SquaredDifference", "Pow", "Greater", "GreaterEqual",
	"Less", "LessEqual", "LogicalAnd", "LogicalOr", "SelectV2",
}

// fillers make a tensor of the shape that an input has.
var fillers = map[string]int{
	"RandomUniform": 0, "RandomStandardNormal": 0, "TruncatedNormal": 0, "StatelessRandomUniform": 0, "StatelessRandomUniformV2": 0, "StatelessRandomNormal": 0,
	"StatelessRandomNormalV2": 0, "StatefulUniform": 2, "StatefulStandardNormalV2": 2, "Fill": 0, "BroadcastTo": 1, "Reshape": 1,
}

// rule returns the shape of an output by the operation, nil if there is no rule.
func (s *shapes) rule(n *graphdef.NodeDef, output int) *shape {
	in := data(n)
	switch filler, isFiller := fillers[n.Op]; {
	case n.Op == "Const":
		dims, ok := nodedef.Dims(n.Attr["value"].GetTensor().GetTensorShape())
		if ok || n.Attr["value"].GetTensor().GetTensorShape() == nil {
			return s.named(dims, n.Name)
		}
		return nil
	case n.Op == "Placeholder" || n.Op == "PlaceholderWithDefault":
		if dims, ok := nodedef.Dims(n.Attr["shape"].GetShape()); ok && n.Attr["shape"] != nil && !n.Attr["shape"].GetShape().GetUnknownRank() {
			return s.named(dims, n.Name)
		}
		return nil
	case len(in) == 0:
		return nil
	case slices.Contains(elementwise, n.Op):
		return s.of(in[0])
	case slices.Contains(broadcasting, n.Op):
		all := s.of(in[0])
		for _, t := range in[1:] {
			all = broadcast(all, s.of(t), n.Name)
		}
		return all
	case isFiller && filler < len(in):
		return s.filled(n, in[filler])
	}
	return s.layer(n, output)
}

// layer has the rules of the operations of networks.
func (s *shapes) layer(n *graphdef.NodeDef, output int) *shape {
	in := data(n)
	if len(in) < 2 && n.Op != "Merge" && n.Op != "Squeeze" && n.Op != "MaxPool" && n.Op != "AvgPool" {
		return nil
	}
	switch n.Op {
	case "Merge":
		first := s.of(in[0])
		for _, t := range in[1:] {
			if !s.of(t).equal(first) {
				return nil
			}
		}
		return first
	case "Select":
		return s.of(in[1])
	case "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3":
		if output == 0 {
			return s.of(in[0])
		}
		return s.of(in[1])
	case "MatMul":
		a, b := s.of(in[0]), s.of(in[1])
		if len(a.dims) != 2 || len(b.dims) != 2 {
			return nil
		}
		row, column := 0, 1
		if n.Attr["transpose_a"].GetB() {
			row = 1
		}
		if n.Attr["transpose_b"].GetB() {
			column = 0
		}
		return ranked(a.dims[row], b.dims[column])
	case "Conv2D", "DepthwiseConv2dNative":
		return s.convolution(n)
	case "MaxPool", "AvgPool":
		return s.pooled(n)
	case "Mean", "Sum", "Max", "Min":
		return s.reduced(n)
	case "Squeeze":
		return s.squeezed(n)
	}
	return nil
}

func (s *shapes) convolution(n *graphdef.NodeDef) *shape {
	x, w := s.of(data(n)[0]), s.of(data(n)[1])
	if len(x.dims) != 4 || len(w.dims) != 4 {
		return nil
	}
	channels := w.dims[3]
	if n.Op != "Conv2D" {
		m, err1 := strconv.Atoi(w.dims[2])
		k, err2 := strconv.Atoi(w.dims[3])
		if err1 != nil || err2 != nil {
			return nil
		}
		channels = strconv.Itoa(m * k)
	}
	return s.windowed(n, x, w.dims[:2], channels)
}

// windowed returns the shape after a window of some size has moved over x.
func (s *shapes) windowed(n *graphdef.NodeDef, x *shape, size []string, channels string) *shape {
	height, width, depth := 1, 2, 3
	if string(n.Attr["data_format"].GetS()) == "NCHW" {
		height, width, depth = 2, 3, 1
	}
	out := ranked(slices.Clone(x.dims)...)
	out.dims[depth] = channels
	for i, axis := range []int{height, width} {
		out.dims[axis] = windows(n, x.dims[axis], size[i], axis)
	}
	return out
}

// windows returns how often a window fits along an axis, or a name for that.
func windows(n *graphdef.NodeDef, length, size string, axis int) string {
	at := func(attr string) int {
		if list := n.Attr[attr].GetList().GetI(); axis < len(list) {
			return int(list[axis])
		}
		return 1
	}
	stride, dilation, padding := at("strides"), at("dilations"), string(n.Attr["padding"].GetS())
	if padding == "SAME" && stride == 1 {
		return length
	}
	l, err1 := strconv.Atoi(length)
	k, err2 := strconv.Atoi(size)
	switch {
	case err1 != nil || err2 != nil || stride < 1:
	case padding == "SAME":
		return strconv.Itoa((l + stride - 1) / stride)
	case padding == "VALID":
		if span := (k-1)*dilation + 1; l >= span {
			return strconv.Itoa((l - span + stride) / stride)
		}
	}
	return n.Name + "/" + strconv.Itoa(axis)
}

func (s *shapes) pooled(n *graphdef.NodeDef) *shape {
	x, sizes := s.of(data(n)[0]), n.Attr["ksize"].GetList().GetI()
	if len(x.dims) != 4 || len(sizes) != 4 {
		return nil
	}
	height, width, depth := 1, 2, 3
	if string(n.Attr["data_format"].GetS()) == "NCHW" {
		height, width, depth = 2, 3, 1
	}
	return s.windowed(n, x, []string{strconv.FormatInt(sizes[height], 10), strconv.FormatInt(sizes[width], 10)}, x.dims[depth])
}

// axes returns the constant axes of a reduction, counted from the front.
func (s *shapes) axes(in string, rank int) map[int]bool {
	n := s.behind(in)
	if n == nil || n.Op != "Const" {
		return nil
	}
	values := int32s(n.Attr["value"].GetTensor())
	if len(values) == 0 {
		return nil
	}
	axes := map[int]bool{}
	for _, v := range values {
		if v < 0 {
			v += int32(rank)
		}
		if v < 0 || int(v) >= rank {
			return nil
		}
		axes[int(v)] = true
	}
	return axes
}

// int32s returns the listed elements of a constant of type int32.
func int32s(t *tensorpb.TensorProto) []int32 {
	if t.GetDtype() != dtype.Int32 {
		return nil
	}
	values := slices.Clone(t.GetIntVal())
	for c := t.GetTensorContent(); len(c) >= 4; c = c[4:] {
		values = append(values, int32(binary.LittleEndian.Uint32(c)))
	}
	return values
}

// behind returns the node that makes a tensor, past Identity nodes.
func (s *shapes) behind(in string) *graphdef.NodeDef {
	n := s.byName[parse(in).node]
	for hops := 0; n != nil && n.Op == "Identity" && len(n.Input) > 0 && hops < maxDepth; hops++ {
		n = s.byName[parse(n.Input[0]).node]
	}
	return n
}

func (s *shapes) reduced(n *graphdef.NodeDef) *shape {
	x := s.of(data(n)[0])
	if !x.ranked || len(data(n)) < 2 {
		return nil
	}
	axes := s.axes(data(n)[1], len(x.dims))
	if axes == nil {
		return nil
	}
	out := ranked()
	for i, d := range x.dims {
		if !axes[i] {
			out.dims = append(out.dims, d)
		} else if n.Attr["keep_dims"].GetB() {
			out.dims = append(out.dims, "1")
		}
	}
	return out
}

func (s *shapes) squeezed(n *graphdef.NodeDef) *shape {
	x := s.of(data(n)[0])
	if !x.ranked {
		return nil
	}
	gone := map[int]bool{}
	for _, a := range n.Attr["squeeze_dims"].GetList().GetI() {
		if a < 0 {
			a += int64(len(x.dims))
		}
		gone[int(a)] = true
	}
	out := ranked()
	for i, d := range x.dims {
		_, err := strconv.Atoi(d)
		switch {
		case len(gone) == 0 && err != nil:
			return nil // whether it is 1 is not known
		case len(gone) == 0 && d == "1", gone[i]:
		default:
			out.dims = append(out.dims, d)
		}
	}
	return out
}

// filled returns the shape that a tensor of dimensions describes.
func (s *shapes) filled(n *graphdef.NodeDef, in string) *shape {
	from := s.behind(in)
	if from == nil {
		return nil
	}
	switch {
	case from.Op == "Shape" && len(data(from)) > 0:
		return s.of(data(from)[0])
	case from.Op == "Const":
		dims, ok := nodedef.Dims(from.Attr["value"].GetTensor().GetTensorShape())
		values := int32s(from.Attr["value"].GetTensor())
		if !ok || len(dims) != 1 {
			return nil
		}
		var wide []int64
		for i := range dims[0] {
			if len(values) == 0 || i > 32 {
				return nil
			}
			wide = append(wide, int64(values[min(int(i), len(values)-1)]))
		}
		return s.named(wide, n.Name)
	}
	return nil
}

// broadcast returns the shape of two tensors broadcast against each other. Where it is not
// known it has a name that nothing else has.
func broadcast(a, b *shape, by string) *shape {
	switch {
	case a.equal(b):
		return a
	case a.ranked && len(a.dims) == 0:
		return b
	case b.ranked && len(b.dims) == 0:
		return a
	case !a.ranked || !b.ranked:
		return &shape{name: "of " + by}
	}
	if len(a.dims) < len(b.dims) {
		a, b = b, a
	}
	out := ranked(slices.Clone(a.dims)...)
	shift := len(a.dims) - len(b.dims)
	for i, d := range b.dims {
		is := out.dims[i+shift]
		_, isNumber := strconv.Atoi(is)
		_, dIsNumber := strconv.Atoi(d)
		switch {
		case is == d || d == "1":
		case is == "1":
			out.dims[i+shift] = d
		case isNumber == nil: // the other is this number, or 1
		case dIsNumber == nil:
			out.dims[i+shift] = d
		default:
			out.dims[i+shift] = "of " + by + "/" + strconv.Itoa(i)
		}
	}
	return out
}
