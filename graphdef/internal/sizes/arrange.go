package sizes

import (
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep/graphdef"
)

// arrange follows shapes through ops that rearrange their inputs.
func arrange(n *graphdef.NodeDef, in []Tensor) Tensor {
	product := int64(1)
	open := false
	for _, t := range in {
		product = Product(product, max(t.Elems, 1))
		open = open || t.Open
	}
	all := Tensor{Elems: product}
	arg := func(i int) Tensor {
		if i < len(in) {
			return in[i]
		}
		return Unknown()
	}
	x := arg(0)
	switch n.GetOp() {
	case "NoOp":
		return shaped()
	case "Shape":
		return shapeOf(x)
	case "Size":
		t := shaped()
		if p := Product(x.Dims...); x.Dims != nil && p >= 0 {
			t.Values = []float64{float64(p)}
		} else if x.Elems <= mostDims {
			t.UpTo = x.Elems
		}
		return t
	case "Rank":
		t := shaped()
		t.Values = []float64{mostDims}
		if x.Dims != nil {
			t.Values = []float64{float64(len(x.Dims))}
		}
		return t
	case "Pack":
		return pack(n, in)
	case "ConcatV2":
		return concat(in[:max(len(in)-1, 0)], arg(len(in)-1))
	case "Concat":
		return concat(in[min(1, len(in)):], x)
	case "BroadcastArgs":
		return broadcastArgs(x, arg(1))
	case "Reshape":
		return reshape(x, arg(1))
	case "EnsureShape":
		x.Values = nil
		return x
	case "ExpandDims":
		return expandDims(x, arg(1))
	case "Squeeze":
		return squeeze(n, x)
	case "Transpose", "ConjugateTranspose":
		return transpose(x, arg(1))
	case "StridedSlice":
		return stridedSlice(n, x, arg(1), arg(2), arg(3))
	case "Slice":
		t := Tensor{Elems: x.Elems, Open: x.Open}
		if x.Dims != nil {
			t.Dims, t.Open = slices.Repeat([]int64{-1}, len(x.Dims)), false
			if sizes := dimsOf(arg(2).Values); len(sizes) == len(x.Dims) {
				copy(t.Dims, sizes)
			}
		}
		if b, s := arg(1).Values, arg(2).Values; len(x.Dims) == 1 && x.Values != nil && len(b) == 1 && len(s) == 1 {
			from, to := b[0], b[0]+s[0]
			if s[0] < 0 {
				to = float64(len(x.Values))
			}
			if from >= 0 && from <= to && to <= float64(len(x.Values)) {
				t.Values = x.Values[int(from):int(to)]
			}
		}
		return t
	case "Gather", "GatherV2":
		return gather(n, x, arg(1), arg(2), all)
	case "MatMul":
		return matMul(n, x, arg(1), all)
	case "Unpack":
		t := Tensor{Elems: x.Elems, Open: x.Open}
		if len(x.Dims) > 0 {
			t.Dims = slices.Repeat([]int64{-1}, len(x.Dims)-1)
		}
		return t
	case "Split":
		return sameRank(arg(1))
	case "SplitV":
		return sameRank(x)
	}
	if summed[n.GetOp()] {
		return Tensor{Elems: NotKnown, Open: open && len(in) == 1} // the caller has the sum
	}
	return ranked(n, in, all)
}

// ranks has ops whose results always have the same rank.
var ranks = map[string]int{
	"BoostedTreesBucketize": 1, "VariableShape": 1, "TensorListElementShape": 1, "UnravelIndex": 1, "RngSkip": 1, "RngReadAndSkip": 1,
	"StatelessRandomGetKeyCounter": 1, "StatelessRandomGetAlg": 0, "Fact": 0, "DeviceIndex": 0, "LoopCond": 0, "LookupTableSize": 0,
	"LookupTableSizeV2": 0, "TensorListLength": 0, "TensorMapSize": 0, "TensorMapHasKey": 0, "TensorArraySize": 0, "TensorArraySizeV2": 0,
	"TensorArraySizeV3": 0, "VarIsInitializedOp": 0, "IsVariableInitialized": 0, "CountUpTo": 0, "ResourceCountUpTo": 0,
	"Conv2D": 4, "Conv2DBackpropFilter": 4, "Conv2DBackpropInput": 4, "DepthwiseConv2dNative": 4,
	"DepthwiseConv2dNativeBackpropFilter": 4, "DepthwiseConv2dNativeBackpropInput": 4, "FusedBatchNormGradV3": 4,
}

// ranked follows the ranks of the other ops. Of an op that nothing is known about, TensorFlow
// is assumed not to know the rank either.
func ranked(n *graphdef.NodeDef, in []Tensor, all Tensor) Tensor {
	if rank, ok := ranks[n.GetOp()]; ok {
		all.Dims = slices.Repeat([]int64{-1}, rank)
		return all
	}
	like := -1
	switch op := n.GetOp(); op {
	case "Exit", "RefExit", "NextIteration", "RefNextIteration", "TopK", "TopKV2":
		like = 0
	case "Merge", "RefMerge":
		like = slices.IndexFunc(in, func(t Tensor) bool { return t.Dims != nil })
		all.Elems, all.Given = NotKnown, true
	case "Assign", "AssignAdd", "AssignSub":
		like = 1
	case "TridiagonalMatMul":
		like = 3
	case "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3":
		if len(in) == 2 && in[0].Dims != nil && in[1].Dims != nil {
			return batchMatMul(n, in[0], in[1], all)
		}
	case "GatherNd":
		if len(in) == 2 && in[0].Dims != nil && len(in[1].Dims) > 0 {
			if depth := in[1].Dims[len(in[1].Dims)-1]; depth >= 0 && depth <= int64(len(in[0].Dims)) {
				all.Dims = slices.Repeat([]int64{-1}, len(in[1].Dims)-1+len(in[0].Dims)-int(depth))
				return all
			}
		}
	default:
		if strings.HasPrefix(op, "Scatter") || op == "StridedSliceAssign" {
			like = 0
		}
	}
	if like >= 0 && like < len(in) {
		all.Dims, all.Open = sameRank(in[like]).Dims, in[like].Open
		return all
	}
	all.Open = true
	return all
}

// sameRank returns a tensor with the rank of t, and at most its elements.
func sameRank(t Tensor) Tensor {
	r := Tensor{Elems: t.Elems, Open: t.Open}
	if t.Dims != nil {
		r.Dims = slices.Repeat([]int64{-1}, len(t.Dims))
	}
	return r
}

func pack(n *graphdef.NodeDef, in []Tensor) Tensor {
	t := Tensor{Elems: NotKnown}
	for i, x := range in {
		t.Open = t.Open || x.Open
		if x.Dims != nil && t.Dims == nil {
			t.Dims = append([]int64{int64(len(in))}, x.Dims...)
			if axis := n.GetAttr()["axis"].GetI(); axis != 0 {
				t.Dims = slices.Repeat([]int64{-1}, len(x.Dims)+1)
			}
		}
		if i == 0 || t.Values != nil {
			if len(x.Values) != 1 || len(x.Dims) != 0 {
				t.Values = nil
				continue
			}
			t.Values = append(t.Values, x.Values[0])
		}
	}
	return t
}

func concat(in []Tensor, axis Tensor) Tensor {
	t := Tensor{Elems: NotKnown}
	values := []float64{}
	for _, x := range in {
		t.Open = t.Open || x.Open
		if x.Dims != nil && t.Dims == nil {
			t.Dims = slices.Repeat([]int64{-1}, len(x.Dims))
		}
		if x.Values == nil || len(x.Dims) != 1 {
			values = nil
		} else if values != nil {
			values = append(values, x.Values...)
		}
	}
	if t.Dims != nil {
		t.Open = false
	}
	if values != nil && len(values) <= maxValues && len(axis.Values) == 1 {
		t.Values = values
	}
	if len(axis.Values) == 1 && t.Dims != nil {
		concatDims(t.Dims, in, int(axis.Values[0]))
	}
	return t
}

// concatDims fills in the dimensions of a concatenation.
func concatDims(dims []int64, in []Tensor, axis int) {
	if axis < 0 {
		axis += len(dims)
	}
	for i := range dims {
		total := int64(0)
		for _, x := range in {
			switch {
			case len(x.Dims) != len(dims):
				if i == axis {
					total = -1
				}
			case i != axis:
				dims[i] = max(dims[i], x.Dims[i])
			case x.Dims[i] < 0 || total < 0:
				total = -1
			default:
				total = Sum(total, x.Dims[i])
			}
		}
		if i == axis {
			dims[i] = total
		}
	}
}

func reshape(x, to Tensor) Tensor {
	t := Tensor{Elems: x.Elems, Values: x.Values}
	switch {
	case to.Values != nil:
		t.Dims = dimsOf(to.Values)
		rest := int64(1)
		unknown := -1
		for i, d := range t.Dims {
			if d < 0 {
				unknown = i
			} else {
				rest = Product(rest, d)
			}
		}
		if p := Product(x.Dims...); unknown >= 0 && x.Dims != nil && p >= 0 && rest > 0 {
			t.Dims[unknown] = p / rest
		}
	case len(to.Dims) == 1 && to.Dims[0] >= 0 && to.Dims[0] <= 254:
		t.Dims = slices.Repeat([]int64{-1}, int(to.Dims[0]))
	default:
		t.Open = to.Given
	}
	return t
}

func expandDims(x, axis Tensor) Tensor {
	t := x
	if x.Dims == nil {
		return t
	}
	t.Dims = slices.Repeat([]int64{-1}, len(x.Dims)+1)
	if len(axis.Values) == 1 {
		at := int(axis.Values[0])
		if at < 0 {
			at += len(t.Dims)
		}
		if at >= 0 && at <= len(x.Dims) {
			t.Dims = slices.Insert(slices.Clone(x.Dims), at, 1)
		}
	}
	return t
}

func squeeze(n *graphdef.NodeDef, x Tensor) Tensor {
	t := Tensor{Elems: x.Elems, Open: x.Open, Values: x.Values}
	if x.Dims == nil {
		return t
	}
	gone := map[int]bool{}
	for _, axis := range n.GetAttr()["squeeze_dims"].GetList().GetI() {
		if axis < 0 {
			axis += int64(len(x.Dims))
		}
		gone[int(axis)] = true
	}
	dims := []int64{}
	for i, d := range x.Dims {
		switch {
		case len(gone) > 0 && gone[i] || len(gone) == 0 && d == 1:
		case len(gone) == 0 && d < 0:
			return t // it may be one
		default:
			dims = append(dims, d)
		}
	}
	t.Dims = dims
	return t
}

func transpose(x, perm Tensor) Tensor {
	t := sameRank(x)
	if t.Dims == nil && len(perm.Dims) == 1 && perm.Dims[0] >= 0 && perm.Dims[0] <= 254 {
		t.Dims, t.Open = slices.Repeat([]int64{-1}, int(perm.Dims[0])), false
	}
	if len(perm.Values) == len(x.Dims) {
		for i, p := range perm.Values {
			if p < 0 {
				p += float64(len(x.Dims))
			}
			if p >= 0 && p < float64(len(x.Dims)) {
				t.Dims[i] = x.Dims[int(p)]
			}
		}
	}
	return t
}

// stridedSlice follows the rank of a slice, and the values of one of a vector.
func stridedSlice(n *graphdef.NodeDef, x, begin, end, stride Tensor) Tensor {
	t := Tensor{Elems: x.Elems, Open: x.Open}
	if begin.Dims == nil && begin.Given {
		t.Open = true
	}
	if len(begin.Dims) != 1 || begin.Dims[0] < 0 || begin.Dims[0] > 64 || n.GetAttr()["ellipsis_mask"].GetI() != 0 || x.Dims == nil {
		return t
	}
	rank := len(x.Dims)
	for i := range begin.Dims[0] {
		switch bit := int64(1) << i; {
		case n.GetAttr()["new_axis_mask"].GetI()&bit != 0:
			rank++
		case n.GetAttr()["shrink_axis_mask"].GetI()&bit != 0:
			rank--
		}
	}
	if rank < 0 {
		return t
	}
	t.Open, t.Dims = false, slices.Repeat([]int64{-1}, rank)
	if len(x.Dims) == 1 {
		t.Values = sliced(n, x.Values, begin.Values, end.Values, stride.Values)
		if t.Values != nil && rank == 1 {
			t.Dims[0] = int64(len(t.Values))
		}
	}
	if rank == 0 {
		t.Elems = 1
	} else if t.Values != nil {
		t.Elems = int64(len(t.Values))
	}
	return t
}

func gather(n *graphdef.NodeDef, params, indices, axis, all Tensor) Tensor {
	batch := n.GetAttr()["batch_dims"].GetI()
	t := Tensor{Elems: all.Elems, Open: params.Open || indices.Open}
	if params.Dims != nil && indices.Dims != nil {
		if rank := int64(len(params.Dims)+len(indices.Dims)-1) - max(batch, 0); rank >= 0 && len(params.Dims) > 0 {
			t.Dims, t.Open = slices.Repeat([]int64{-1}, int(rank)), false
		}
	}
	first := n.GetOp() == "Gather" || len(axis.Values) == 1 && axis.Values[0] == 0
	if !first || batch != 0 || len(params.Dims) != 1 {
		return t
	}
	t.Dims, t.Elems = indices.Dims, indices.Elems
	if params.Values == nil || indices.Values == nil {
		return t
	}
	values := []float64{}
	for _, at := range indices.Values {
		if !(at >= 0 && at < float64(len(params.Values))) {
			return t
		}
		values = append(values, params.Values[int(at)])
	}
	t.Values = values
	return t
}

func matMul(n *graphdef.NodeDef, a, b, all Tensor) Tensor {
	t := Tensor{Elems: all.Elems, Dims: []int64{-1, -1}}
	if len(a.Dims) != 2 || len(b.Dims) != 2 {
		return t
	}
	rows, columns := a.Dims[0], b.Dims[1]
	if n.GetAttr()["transpose_a"].GetB() {
		rows = a.Dims[1]
	}
	if n.GetAttr()["transpose_b"].GetB() {
		columns = b.Dims[0]
	}
	t.Dims = []int64{rows, columns}
	if p := Product(rows, columns); p >= 0 {
		t.Elems = min(t.Elems, p)
	}
	return t
}

// batchMatMul is matMul for all matrices of a batch. The dimensions before them are broadcast.
func batchMatMul(n *graphdef.NodeDef, a, b, all Tensor) Tensor {
	all.Dims = slices.Repeat([]int64{-1}, max(len(a.Dims), len(b.Dims)))
	if len(a.Dims) < 2 || len(b.Dims) < 2 {
		return all
	}
	batch := func(t Tensor) Tensor { return shaped(t.Dims[:len(t.Dims)-2]...) }
	side := func(t Tensor, last bool, adjoint string) int64 {
		if last != n.GetAttr()[adjoint].GetB() {
			return t.Dims[len(t.Dims)-1]
		}
		return t.Dims[len(t.Dims)-2]
	}
	dims := append(broadcastTwo(batch(a), batch(b)).Dims, side(a, false, "adj_x"), side(b, true, "adj_y"))
	copy(all.Dims, dims)
	return all
}

// mostDims is the largest rank that a tensor can have.
const mostDims = 254
