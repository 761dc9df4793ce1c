package sizes

import (
	"slices"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// shapeInput has the ops whose output has the shape that an input says.
var shapeInput = map[string]int{
	"Fill": 0, "Empty": 0, "RandomUniform": 0, "RandomStandardNormal": 0, "TruncatedNormal": 0, "RandomUniformInt": 0,
	"RandomGamma": 0, "RandomPoisson": 0, "RandomPoissonV2": 0, "ParameterizedTruncatedNormal": 0, "NonDeterministicInts": 0,
	"StatefulRandomBinomial": 2, "StatefulStandardNormal": 1, "StatefulStandardNormalV2": 2, "StatefulTruncatedNormal": 2,
	"StatefulUniform": 2, "StatefulUniformFullInt": 2, "StatefulUniformInt": 2,
	"StatelessRandomUniform": 0, "StatelessRandomNormal": 0, "StatelessTruncatedNormal": 0, "StatelessRandomUniformInt": 0,
	"StatelessRandomUniformFullInt": 0, "StatelessRandomNormalV2": 0, "StatelessRandomUniformV2": 0, "StatelessTruncatedNormalV2": 0,
	"StatelessRandomUniformIntV2": 0, "StatelessRandomUniformFullIntV2": 0, "StatelessRandomBinomial": 0, "StatelessRandomPoisson": 0,
	"StatelessRandomGammaV2": 0, "StatelessRandomGammaV3": 0, "StatelessParameterizedTruncatedNormal": 0,
	"BroadcastTo": 1, "ScatterNd": 2, "SparseToDense": 1, "StridedSliceGrad": 0,
}

// countInput has the ops whose output has as many elements as an input says.
var countInput = map[string]int{
	"LinSpace": 2, "Bincount": 1, "HistogramFixedWidth": 2,
	"TensorArray": 0, "TensorArrayV2": 0, "TensorArrayV3": 0, "TensorListReserve": 1, "TensorListResize": 1,
	"ShuffleDataset": 1, "ShuffleDatasetV2": 1, "ShuffleDatasetV3": 1, "ShuffleAndRepeatDataset": 1, "ShuffleAndRepeatDatasetV2": 1,
}

// timesInput has the ops whose output has as many elements as an input says for each element
// of the first input.
var timesInput = map[string]int{
	"DenseBincount": 1, "UnsortedSegmentMax": 2, "UnsortedSegmentMin": 2, "UnsortedSegmentProd": 2, "UnsortedSegmentSum": 2,
	"UnsortedSegmentJoin": 2, "SegmentSumV2": 2, "SegmentProdV2": 2, "SegmentMaxV2": 2, "SegmentMinV2": 2, "DecodePaddedRaw": 1,
	"Multinomial": 1, "StatelessMultinomial": 1,
}

// shapeAttr has the ops whose output has the shape of the attribute "shape".
var shapeAttr = set(`FakeParam ParallelConcat ImmutableConst`)

// unbounded have outputs whose size depends on values that are not followed.
var unbounded = set(`BoostedTreesAggregateStats BoostedTreesMakeStatsSummary BoostedTreesSparseAggregateStats
	TensorListStack TensorListGather TensorListConcat TensorListConcatV2 TensorListGetItem TensorListPopBack TensorMapLookup TensorMapStackKeys`)

// sized handles ops whose outputs are as large as the values of inputs say.
func sized(n *graphdef.NodeDef, in []Tensor) (Tensor, bool) {
	arg := func(i int) Tensor {
		if i < len(in) {
			return in[i]
		}
		return Unknown()
	}
	op, x := n.GetOp(), arg(0)
	if i, ok := shapeInput[op]; ok {
		return ofShape(n, in, arg(i)), true
	}
	if i, ok := countInput[op]; ok {
		return vector(sumOf(arg(i))), true
	}
	if i, ok := timesInput[op]; ok {
		return timed(op, x, arg(1), sumOf(arg(i))), true
	}
	switch {
	case shapeAttr[op]:
		if dims, ok := nodedef.Dims(n.GetAttr()["shape"].GetShape()); ok {
			return shaped(dims...), true
		}
		return Tensor{Elems: NotKnown}, op != "ParallelConcat"
	case unbounded[op]:
		return Unknown(), true
	}
	switch op {
	case "Range":
		return ofRange(arg(0), arg(1), arg(2)), true
	case "Tile":
		return tile(x, arg(1)), true
	case "Pad", "PadV2", "MirrorPad":
		return pad(x, arg(1)), true
	case "SegmentMax", "SegmentMean", "SegmentMin", "SegmentProd", "SegmentSum":
		return timed(op, x, arg(1), Sum(largest(arg(1)), 1)), true
	case "DynamicStitch", "ParallelDynamicStitch":
		return stitch(in), true
	case "Diag", "MatrixDiag", "BatchMatrixDiag":
		t := Tensor{Elems: Product(x.Elems, x.Elems)}
		if op == "Diag" && x.Dims != nil {
			t.Dims = slices.Concat(x.Dims, x.Dims)
		}
		return t, true
	case "OneHot":
		t := Tensor{Elems: Product(x.Elems, sumOf(arg(1)))}
		if (x.Dims != nil || x.Elems == 1) && len(arg(1).Values) == 1 {
			t.Dims = append(slices.Clone(x.Dims), sumOf(arg(1)))
		}
		return t, true
	case "MatrixDiagV2", "MatrixDiagV3":
		return matrixDiag(x, arg(1), arg(2), arg(3)), true
	case "MatrixDiagPartV2", "MatrixDiagPartV3":
		return Tensor{Elems: Product(x.Elems, 2)}, true
	case "Bitcast":
		return Tensor{Elems: Product(x.Elems, 16)}, true
	case "Fingerprint":
		return Tensor{Elems: Product(x.Elems, 8)}, true
	case "SobolSample":
		return certain(Tensor{Elems: Product(sumOf(arg(0)), sumOf(arg(1)))}, sumOf(arg(1)), sumOf(arg(0))), true
	case "Where":
		return Tensor{Elems: Product(x.Elems, int64(max(1, len(x.Dims)))), Dims: []int64{-1, int64(x.Rank())}}, true
	case "Einsum":
		return einsum(n, in), true
	}
	return list(n, in)
}

// Reserved returns the memory that a variable or table takes for what its attributes say that it
// will have, at least.
func Reserved(n *graphdef.NodeDef) int64 {
	const entry = 16
	switch n.GetOp() {
	case "MutableDenseHashTable", "MutableDenseHashTableV2", "AnonymousMutableDenseHashTable":
		each, _ := nodedef.Dims(n.GetAttr()["value_shape"].GetShape())
		return Product(append([]int64{entry, max(n.GetAttr()["initial_num_buckets"].GetI(), 0)}, each...)...)
	case "InitializeTableFromTextFile", "InitializeTableFromTextFileV2":
		return Product(entry, max(n.GetAttr()["vocab_size"].GetI(), 0))
	case "TemporaryVariable":
		dims, _ := nodedef.Dims(n.GetAttr()["shape"].GetShape())
		for i := range dims {
			dims[i] = min(dims[i], Most)
		}
		return max(0, Bytes(n.GetAttr()["dtype"].GetType(), max(0, Product(dims...))))
	}
	return 0
}

// list handles lists of tensors: the output counts one element for each tensor.
func list(n *graphdef.NodeDef, in []Tensor) (Tensor, bool) {
	if len(in) == 0 {
		return Tensor{}, false
	}
	length := int64(0)
	switch n.GetOp() {
	case "TensorListFromTensor":
		length = in[0].Elems
		if len(in[0].Dims) > 0 && in[0].Dims[0] >= 0 {
			length = in[0].Dims[0]
		}
	case "TensorListPushBack":
		length = Sum(in[0].Elems, 1)
	case "TensorListConcatLists":
		for _, t := range in {
			length = Sum(length, t.Elems)
		}
	case "TensorListScatter", "TensorListScatterV2":
		if len(in) < 2 {
			return Tensor{}, false
		}
		length = Sum(largest(in[1]), 1)
		if len(in) > 3 && in[3].Values != nil {
			length = max(length, sumOf(in[3]))
		}
	case "TensorListSplit":
		length = in[len(in)-1].Elems
	default:
		return Tensor{}, false
	}
	return Tensor{Elems: length, Text: textOf(in)}, true
}

func textOf(in []Tensor) int64 {
	text := int64(0)
	for _, t := range in {
		text = Sum(text, t.Text)
	}
	return text
}

// certain adds dimensions to a tensor, if they are known.
func certain(t Tensor, dims ...int64) Tensor {
	for _, d := range dims {
		if d < 0 || d > Most {
			return t
		}
	}
	t.Dims, t.Elems = dims, Product(dims...)
	return t
}

// timed returns the result of an op that has times elements, or rows, in place of a dimension of x.
func timed(op string, x, ids Tensor, times int64) Tensor {
	t := Tensor{Elems: Product(max(x.Elems, 1), times)}
	switch {
	case x.Dims == nil:
	case op == "DecodePaddedRaw":
		return certain(t, append(slices.Clone(x.Dims), times)...)
	case op == "DenseBincount" || op == "Multinomial" || op == "StatelessMultinomial":
		return certain(t, append(slices.Clone(x.Dims[:max(len(x.Dims)-1, 0)]), times)...)
	case ids.Dims != nil && len(ids.Dims) <= len(x.Dims):
		return certain(t, append([]int64{times}, x.Dims[len(ids.Dims):]...)...)
	}
	return t
}

func vector(elems int64) Tensor {
	if elems >= NotKnown {
		return Tensor{Dims: []int64{-1}, Elems: NotKnown}
	}
	return shaped(elems)
}

// sumOf returns the sum of the values of an input, NotKnown if they are not known.
func sumOf(t Tensor) int64 {
	if t.Values == nil {
		return NotKnown
	}
	sum := int64(0)
	for _, v := range t.Values {
		sum = Sum(sum, whole(v))
	}
	return sum
}

func largest(t Tensor) int64 {
	if t.Values == nil {
		if t.UpTo > 0 {
			return t.UpTo
		}
		return NotKnown
	}
	m := int64(0)
	for _, v := range t.Values {
		m = max(m, whole(v))
	}
	return m
}

func ofShape(n *graphdef.NodeDef, in []Tensor, shape Tensor) Tensor {
	t := Tensor{Elems: NotKnown, Open: shape.Given}
	switch dims := dimsOf(shape.Values); {
	case dims != nil && slices.Min(append(dims, 0)) >= 0:
		t = shaped(dims...)
	case len(shape.Dims) == 1 && shape.Dims[0] >= 0 && shape.Dims[0] <= 254:
		t.Dims, t.Open = slices.Repeat([]int64{-1}, int(shape.Dims[0])), false
	}
	if n.GetOp() == "Fill" && len(in) == 2 && len(in[1].Values) == 1 && t.Elems <= maxValues {
		t.Values = slices.Repeat(in[1].Values, int(t.Elems))
	}
	return t
}

func ofRange(start, limit, delta Tensor) Tensor {
	if limit.Values == nil && limit.UpTo > 0 && len(delta.Values) == 1 && delta.Values[0] > 0 {
		most := rangeCount(start.Values, []float64{float64(limit.UpTo)}, delta.Values)
		t := Tensor{Dims: []int64{-1}, Elems: most}
		if start.Values != nil && start.Values[0] >= 0 {
			t.UpTo = limit.UpTo
		}
		return t
	}
	t := vector(rangeCount(start.Values, limit.Values, delta.Values))
	if t.Elems > maxValues {
		return t
	}
	t.Values = []float64{}
	for i := range t.Elems {
		t.Values = append(t.Values, start.Values[0]+float64(i)*delta.Values[0])
	}
	return t
}

func tile(x, times Tensor) Tensor {
	t := Tensor{Elems: NotKnown, Open: x.Open}
	by := dimsOf(times.Values)
	if by == nil || slices.Min(append(by, 0)) < 0 {
		return t
	}
	t.Elems = Product(x.Elems, Product(by...))
	if x.Dims == nil && x.Elems == 1 {
		t.Dims = by
	}
	if len(by) != len(x.Dims) {
		return t
	}
	t.Dims, t.Open = slices.Clone(x.Dims), false
	for i := range t.Dims {
		if t.Dims[i] >= 0 {
			t.Dims[i] = Product(t.Dims[i], by[i])
		}
	}
	if len(by) == 1 && x.Values != nil && t.Elems <= maxValues {
		t.Values = slices.Repeat(x.Values, int(by[0]))
	}
	return t
}

func pad(x, pads Tensor) Tensor {
	t := Tensor{Elems: NotKnown, Open: x.Open}
	if pads.Values == nil {
		return t
	}
	t.Dims, t.Elems = slices.Clone(x.Dims), x.Elems
	if x.Dims == nil && x.Elems == 1 {
		t.Dims = slices.Repeat([]int64{1}, len(pads.Values)/2)
	}
	size := int64(1)
	for i := 0; i+1 < len(pads.Values); i += 2 {
		width := Sum(whole(pads.Values[i]), whole(pads.Values[i+1]))
		if i/2 < len(t.Dims) && t.Dims[i/2] >= 0 {
			t.Dims[i/2] = Sum(t.Dims[i/2], width)
		}
		size = Product(size, Sum(1, width))
	}
	t.Elems = Product(x.Elems, size)
	if p := Product(t.Dims...); t.Dims != nil && p >= 0 {
		t.Elems = p
	}
	return t
}

// stitch bounds a DynamicStitch: the largest index decides the size.
func stitch(in []Tensor) Tensor {
	half := len(in) / 2
	rows, each := int64(0), int64(1)
	known := true
	for i := range half {
		known = known && in[i].Values != nil
		rows = max(rows, Sum(largest(in[i]), 1))
		each = max(each, in[half+i].Elems)
	}
	t := Tensor{Elems: Product(rows, each)}
	if half > 0 && known && in[0].Dims != nil && len(in[half].Dims) >= len(in[0].Dims) {
		t = certain(t, append([]int64{rows}, in[half].Dims[len(in[0].Dims):]...)...)
	}
	if !known || each > 1 && each != largestOf(in[:half]) || rows > maxValues {
		return t
	}
	values := make([]float64, rows)
	for i := range half {
		if len(in[i].Values) != len(in[half+i].Values) {
			return t
		}
		for k, at := range in[i].Values {
			if at < 0 {
				return t
			}
			values[int(at)] = in[half+i].Values[k]
		}
	}
	t = shaped(rows)
	t.Values = values
	return t
}

func largestOf(in []Tensor) int64 {
	most := int64(0)
	for _, t := range in {
		most = max(most, t.Elems)
	}
	return most
}

func matrixDiag(x, k, rows, columns Tensor) Tensor {
	side := func(t Tensor) int64 {
		if len(t.Values) == 1 && t.Values[0] < 0 {
			return 1
		}
		return max(1, largest(t))
	}
	offset := int64(NotKnown)
	if k.Values != nil {
		offset = 1
		for _, v := range k.Values {
			offset = Sum(offset, max(whole(v), whole(-v)))
		}
	}
	square := Sum(x.Elems, offset)
	t := Tensor{Elems: max(Product(square, square), Product(max(x.Elems, 1), side(rows), side(columns)))}
	if len(x.Dims) == 1 && len(rows.Values) == 1 && rows.Values[0] >= 0 && len(columns.Values) == 1 && columns.Values[0] >= 0 {
		return certain(t, side(rows), side(columns))
	}
	return t
}

// einsum bounds an Einsum by the product of its inputs, unless its result repeats a label.
func einsum(n *graphdef.NodeDef, in []Tensor) Tensor {
	elems := int64(1)
	for _, t := range in {
		elems = Product(elems, max(t.Elems, 1))
	}
	equation := string(n.GetAttr()["equation"].GetS())
	if n.GetAttr()["equation"].GetPlaceholder() != "" {
		return Unknown()
	}
	at := len(equation)
	for i := 0; i+1 < len(equation); i++ {
		if equation[i] == '-' && equation[i+1] == '>' {
			at = i + 2
		}
	}
	seen := map[byte]bool{}
	for i := at; i < len(equation); i++ {
		if c := equation[i]; c != '.' && seen[c] {
			elems = Product(elems, max(elems, 1))
		} else {
			seen[c] = true
		}
	}
	t := Tensor{Elems: elems}
	sides := map[byte]int64{}
	input, at0 := 0, 0
	for i := 0; i < at-2; i++ { // the labels before "->"
		c := equation[i]
		switch {
		case c == ',':
			input, at0 = input+1, 0
		case c == '.' || input >= len(in) || at0 >= len(in[input].Dims):
			return t
		case c != ' ':
			sides[c], at0 = in[input].Dims[at0], at0+1
		}
	}
	dims := []int64{}
	for i := at; i < len(equation); i++ {
		d, ok := sides[equation[i]]
		if !ok {
			return t
		}
		dims = append(dims, d)
	}
	if at == len(equation) {
		return t
	}
	return certain(t, dims...)
}

// slow has ops that take long for each element.
var slow = set(`Betainc Igamma Igammac IgammaGradA Zeta Polygamma StatelessRandomBinomial StatelessRandomPoisson StatelessRandomGammaV2
	StatelessRandomGammaV3 StatelessParameterizedTruncatedNormal RegexReplace StaticRegexReplace RegexFullMatch StaticRegexFullMatch
	StringFormat AsString StatelessMultinomial`)

// Work returns about how long TensorFlow computes the outputs of a node, in bytes that it could
// write in that time.
func (b *Body) Work(n *graphdef.NodeDef) int64 {
	out := b.Output(n.GetName())
	switch op := n.GetOp(); {
	case slow[op]:
		return Product(1<<10, Sum(out.Elems, min(out.Text, Most)))
	case op == "MatMul" || op == "BatchMatMul" || op == "BatchMatMulV2" || op == "BatchMatMulV3" || op == "Einsum":
		in := b.inputs(n)
		if len(in) == 0 {
			return 0
		}
		work := int64(1)
		for _, t := range in {
			work = Product(work, max(t.Elems, 1))
		}
		if op == "MatMul" && len(in[0].Dims) == 2 {
			inner := in[0].Dims[1]
			if n.GetAttr()["transpose_a"].GetB() {
				inner = in[0].Dims[0]
			}
			if inner >= 0 {
				work = min(work, Product(out.Elems, inner))
			}
		}
		return work / 8
	}
	return Sum(Product(16, out.Elems), min(out.Text, Most))
}
