package sizes

import (
	"strings"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

func set(names string) map[string]bool {
	ops := map[string]bool{}
	for name := range strings.FieldsSeq(names) {
		ops[name] = true
	}
	return ops
}

// The ops by how the sizes of their outputs follow from those of their inputs. An op that is
// not named anywhere has at most the product of the sizes of its inputs.
var (
	// fromOutside have values that the graph does not have.
	fromOutside = set(`Placeholder PlaceholderV2 PlaceholderWithDefault Variable VariableV2 VarHandleOp ReadVariableOp TemporaryVariable
		AutoReloadVariable ResourceGather ResourceGatherNd LookupTableFind LookupTableFindV2 LookupTableExport LookupTableExportV2
		TensorArrayRead TensorArrayReadV2 TensorArrayReadV3 TensorArrayGather TensorArrayGatherV2 TensorArrayGatherV3
		TensorArrayConcat TensorArrayConcatV2 TensorArrayConcatV3 TensorArrayPack StackPop StackPopV2
		Restore RestoreSlice RestoreV2`)
	// likeFirst have the shape of their first input.
	likeFirst = set(`Identity StopGradient PreventGradient Snapshot CheckNumerics CheckNumericsV2 Cast Enter RefEnter RefIdentity
		Abs Acos Acosh Angle Asin Asinh Atan Atanh BesselI0 BesselI0e BesselI1 BesselI1e BesselJ0 BesselJ1 BesselK0 BesselK0e
		BesselK1 BesselK1e BesselY0 BesselY1 Bucketize Ceil ClipByValue ComplexAbs Conj Cos Cosh Cumprod Cumsum CumulativeLogsumexp Dawsn
		Digamma Elu Erf Erfc Erfinv Exp Expint Expm1 Floor FresnelCos FresnelSin Imag Inv InvGrad Invert IsFinite IsInf IsNan
		LeakyRelu Lgamma Log Log1p LogSoftmax LogicalNot Ndtri Neg OnesLike PopulationCount RandomIndexShuffle Real Reciprocal
		Relu Relu6 Rint Round Rsqrt Selu Sigmoid Sign Sin Sinh Softmax Softplus Softsign Spence Sqrt Square
		StatelessShuffle RandomShuffle StochasticCastToInt Tan Tanh ZerosLike InvertPermutation Reverse ReverseSequence ReverseV2 Roll
		BatchMatrixBandPart MatrixBandPart BatchMatrixSetDiag MatrixSetDiag MatrixSetDiagV2 MatrixSetDiagV3
		ScatterNdNonAliasingAdd TensorScatterAdd TensorScatterMax TensorScatterMin TensorScatterSub TensorScatterUpdate
		TensorStridedSliceUpdate Cross ToBool StringLength StringToHashBucket StringToHashBucketFast StringToHashBucketStrong
		StringToNumber RegexFullMatch StaticRegexFullMatch UnicodeScript`)
	// broadcasting have the broadcast shape of all inputs.
	broadcasting = set(`Add AddV2 Atan2 Betainc BitwiseAnd BitwiseOr BitwiseXor Complex Div DivNoNan Equal FloorDiv FloorMod
		Greater GreaterEqual Igamma IgammaGradA Igammac LeftShift Less LessEqual LogicalAnd LogicalOr Maximum Minimum Mod Mul
		MulNoNan NextAfter NotEqual Polygamma Pow RealDiv ReciprocalGrad RightShift RsqrtGrad SelectV2 SigmoidGrad SqrtGrad
		SquaredDifference Sub TanhGrad TruncateDiv TruncateMod Xdivy Xlog1py Xlogy Zeta ApproximateEqual`)
	// summed have at most as many elements as all inputs together.
	summed = set(`Concat ConcatV2 Pack AccumulateNV2 AddN Reshape Squeeze ExpandDims Transpose ConjugateTranspose Slice
		StridedSlice BroadcastArgs BroadcastGradientArgs ListDiff Unique UniqueV2 UniqueWithCounts UniqueWithCountsV2 TopK TopKV2
		NthElement DynamicPartition Split SplitV Unpack IdentityN EnsureShape ConcatOffset DiagPart MatrixDiagPart BatchMatrixDiagPart
		InTopK InTopKV2 Select RefSelect Switch RefSwitch StringStrip Substr StringLower StringUpper DecodeBase64 EncodeBase64
		UpperBound LowerBound ShapeN`)
	// reductions have at most as many elements as their first input.
	reductions = set(`All Any EuclideanNorm L2Loss Max Mean Min Prod Sum ArgMax ArgMin`)
)

// outputs returns what is known about the outputs of a node: one tensor for each, or one that
// holds for all.
func outputs(n *graphdef.NodeDef, in []Tensor) []Tensor {
	if t, ok := manyOutputs(n, in); ok {
		return t
	}
	t := output(n, in)
	if t.Text != NotKnown && !textOps[n.GetOp()] {
		t.Text = 0
		for _, i := range in {
			t.Text = Sum(t.Text, i.Text)
		}
		if !likeFirst[n.GetOp()] && !summed[n.GetOp()] && !reductions[n.GetOp()] && t.Text > 0 && n.GetOp() != "Const" {
			t.Text = Product(t.Text, max(t.Elems, 1)) // each may be the longest
		}
	}
	if n.GetOp() == "Const" || n.GetOp() == "HostConst" {
		t.Text = constant(n).Text
	}
	for _, i := range in {
		t.Given = t.Given || i.Given
	}
	if p := Product(t.Dims...); t.Dims != nil && p >= 0 {
		t.Elems = min(t.Elems, p)
	}
	return []Tensor{t}
}

// manyOutputs handles ops whose outputs differ.
func manyOutputs(n *graphdef.NodeDef, in []Tensor) ([]Tensor, bool) {
	switch n.GetOp() {
	case "IdentityN":
		return in, len(in) > 0
	case "ShapeN":
		outs := make([]Tensor, len(in))
		for i, t := range in {
			outs[i] = shapeOf(t)
		}
		return outs, len(in) > 0
	case "If", "StatelessIf", "Case", "StatelessCase", "While", "StatelessWhile":
		return branches(n, in), true
	case "Unpack", "Split":
		at := len(in) - 1 // the value; Split has its axis first
		if at < 0 || len(in[at].Values) == 0 || len(in[at].Dims) != 1 {
			return nil, false
		}
		values := in[at].Values
		count := len(values)
		if n.GetOp() == "Split" {
			count = int(n.GetAttr()["num_split"].GetI())
		}
		if count <= 0 || count > len(values) || len(values)%count != 0 {
			return nil, false
		}
		outs := make([]Tensor, count)
		each := len(values) / count
		for i := range outs {
			outs[i] = shaped(int64(each))
			if n.GetOp() == "Unpack" {
				outs[i] = shaped()
			}
			outs[i].Values = values[i*each : (i+1)*each]
		}
		return outs, true
	}
	return nil, false
}

// branches returns the outputs of a node that calls functions as branches or as a loop.
func branches(n *graphdef.NodeDef, in []Tensor) []Tensor {
	isLoop := n.GetOp() == "While" || n.GetOp() == "StatelessWhile"
	outs := []Tensor{}
	for _, s := range n.GetAttr()["output_shapes"].GetList().GetShape() {
		t := Argument()
		if dims, ok := nodedef.Dims(s); ok {
			t = shaped(dims...)
			t.Given = true
		}
		outs = append(outs, t)
	}
	if isLoop && len(outs) == 0 {
		for _, t := range in {
			outs = append(outs, Tensor{Dims: sameRank(t).Dims, Open: t.Open, Elems: NotKnown, Text: NotKnown, Given: true})
		}
	}
	if len(outs) == 0 {
		return []Tensor{Argument()}
	}
	return outs
}

func output(n *graphdef.NodeDef, in []Tensor) Tensor {
	op := n.GetOp()
	first := Tensor{Elems: 1}
	if len(in) > 0 {
		first = in[0]
	}
	switch {
	case op == "Const" || op == "HostConst":
		return constant(n)
	case fromOutside[op]:
		return stated(n)
	case likeFirst[op]:
		return sameShape(n, first)
	case broadcasting[op]:
		t := broadcast(in)
		if len(in) == 2 {
			t.Values = elementwise(op, n.GetAttr()["T"].GetType(), in[0].Values, in[1].Values)
			if op == "FloorMod" {
				t.UpTo = in[1].UpTo
			}
		} else if op == "SelectV2" && len(in) == 3 {
			t.Values = selected(in[0].Values, in[1].Values, in[2].Values, Product(t.Dims...))
		}
		if p := Product(t.Dims...); t.Dims != nil && p != int64(len(t.Values)) {
			t.Values = nil // such as a column and a row
		}
		return t
	case reductions[op]:
		return reduction(n, in, first)
	}
	if t, ok := sized(n, in); ok {
		return t
	}
	if t, ok := text(n, in); ok {
		return t
	}
	t := arrange(n, in)
	if summed[op] {
		total := int64(0)
		for _, i := range in {
			total = Sum(total, i.Elems)
		}
		t.Elems = min(t.Elems, total)
	}
	return t
}

// stated returns the shape that a node states for a value from outside.
func stated(n *graphdef.NodeDef) Tensor {
	t := Argument()
	dims, ok := nodedef.Dims(n.GetAttr()["shape"].GetShape())
	switch n.GetOp() {
	case "Placeholder", "PlaceholderV2", "PlaceholderWithDefault", "Variable", "VariableV2", "TemporaryVariable":
	case "VarHandleOp", "ReadVariableOp":
		return t
	default:
		t.Open = false
		return t
	}
	if !ok {
		return t
	}
	t.Dims, t.Open = dims, n.GetOp() == "Placeholder" && len(dims) == 0 // before graph version 24 it may have any shape
	if t.Dims == nil {
		t.Dims = []int64{}
	}
	if p := Product(dims...); p >= 0 {
		t.Elems = p
	}
	return t
}

func sameShape(n *graphdef.NodeDef, t Tensor) Tensor {
	values := t.Values
	t.Values = nil
	if !passes[n.GetOp()] {
		t.UpTo = 0
	}
	switch f := unaryValues[n.GetOp()]; {
	case values == nil:
	case n.GetOp() == "Cast":
		to := n.GetAttr()["DstT"].GetType()
		cast := make([]float64, len(values))
		for i, v := range values {
			cast[i] = v
			if least, _ := limits(to); least > -1e300 { // an integer
				cast[i] = float64(int64(v))
			}
			if to == dtype.Bool {
				cast[i] = boolean(v != 0)
			}
		}
		t.Values = checked(cast, to)
	case f != nil:
		applied := make([]float64, len(values))
		for i, v := range values {
			applied[i] = f(v)
		}
		t.Values = checked(applied, n.GetAttr()["T"].GetType())
	case passes[n.GetOp()]:
		t.Values = values
	case n.GetOp() == "ReverseV2" && len(t.Dims) == 1:
		for i := range values {
			t.Values = append(t.Values, values[len(values)-1-i])
		}
	}
	return t
}

var passes = set(`Identity StopGradient PreventGradient Snapshot CheckNumerics CheckNumericsV2`)

// broadcast returns the shape that TensorFlow broadcasts the inputs to.
func broadcast(in []Tensor) Tensor {
	t := shaped()
	for i, with := range in {
		if i == 0 {
			t = with
			t.Values, t.UpTo = nil, 0
			continue
		}
		t = broadcastTwo(t, with)
	}
	return t
}

func broadcastTwo(a, b Tensor) Tensor {
	t := Tensor{Open: a.Open || b.Open, Elems: Product(a.Elems, b.Elems)}
	if a.Dims == nil || b.Dims == nil {
		return t
	}
	t.Open = false
	if len(a.Dims) < len(b.Dims) {
		a, b = b, a
	}
	t.Dims = append([]int64{}, a.Dims...)
	ahead := len(a.Dims) - len(b.Dims)
	for i, d := range b.Dims {
		switch have := &t.Dims[ahead+i]; {
		case *have == 1:
			*have = d
		case d > 1:
			*have = d
		}
	}
	if p := Product(t.Dims...); p >= 0 {
		t.Elems = min(t.Elems, p)
	}
	return t
}

func reduction(n *graphdef.NodeDef, in []Tensor, first Tensor) Tensor {
	t := Tensor{Elems: first.Elems, Open: first.Open}
	keeps := n.GetAttr()["keep_dims"].GetB()
	if len(in) < 2 || in[1].Values == nil || first.Dims == nil {
		return t
	}
	gone := map[int]bool{}
	for _, axis := range in[1].Values {
		if axis < 0 {
			axis += float64(len(first.Dims))
		}
		gone[int(axis)] = true
	}
	t.Open, t.Dims = false, []int64{}
	for i, d := range first.Dims {
		switch {
		case !gone[i]:
			t.Dims = append(t.Dims, d)
		case keeps:
			t.Dims = append(t.Dims, 1)
		}
	}
	if p := Product(t.Dims...); p >= 0 {
		t.Elems = min(t.Elems, p)
	}
	if len(first.Dims) == 1 && gone[0] {
		t.Values = reduced(n.GetOp(), n.GetAttr()["T"].GetType(), first.Values)
	}
	return t
}

// shapeOf returns the result of a Shape.
func shapeOf(of Tensor) Tensor {
	if of.Dims == nil {
		return Tensor{Dims: []int64{-1}, Elems: 254}
	}
	t := shaped(int64(len(of.Dims)))
	t.Values = floats(of.Dims)
	return t
}
