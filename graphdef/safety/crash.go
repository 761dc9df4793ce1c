package safety

import (
	"math/bits"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// crashes reports whether TensorFlow may end the process when it infers the shapes of a
// node: reads.txt marks most of the ops for which it does. Of those that models have, SplitV
// needs sizes that are a vector, and others inputs that are not scalars.
func (f *folder) crashes(b *foldBody, n *graphdef.NodeDef) bool {
	inputs := nodedef.DataInputs(n)
	switch n.GetOp() {
	case "GatherV2":
		return b.gatherCrashes(n)
	case "CollectiveGather": // the size of the result overflows
		return n.GetAttr()["group_size"].GetI() > maxGroup
	}
	if !shapeReads()[n.GetOp()].crashes {
		return false
	}
	switch n.GetOp() {
	case "SplitV":
		if len(inputs) < 2 || !f.valueOf(b, inputs[1]).constant {
			return false
		}
		r := b.rank(inputs[1], maxHops)
		return !r.exact || r.least != 1
	case "FakeQuantWithMinMaxVarsPerChannelGradient":
		inputs = inputs[:min(2, len(inputs))]
	case "BoostedTreesPredict", "BoostedTreesTrainingPredict", "BoostedTreesExampleDebugOutputs":
		inputs = inputs[min(1, len(inputs)):] // after the handle
	case "BoostedTreesAggregateStats":
	default:
		return true
	}
	for _, in := range inputs {
		if b.rank(in, maxHops).least < 1 {
			return true
		}
	}
	return false
}

// maxGroup is far above the number of processes that train together.
const maxGroup = 1 << 20

// maxBatchDims is above the number of dimensions of a batch.
const maxBatchDims = 8

// gatherCrashes reports whether a GatherV2 has more batch dimensions than its inputs have
// dimensions together. Where the ranks are not known here, it is assumed to be sound: the
// ranks of a function's arguments never are, and sound models have such nodes.
func (b *body) gatherCrashes(n *graphdef.NodeDef) bool {
	batch := n.GetAttr()["batch_dims"].GetI()
	params, indices := b.rank(input(n, 0), maxHops), b.rank(input(n, 1), maxHops)
	return batch > maxBatchDims || params.exact && indices.exact && batch > int64(params.least+indices.least)
}

// rank is what is known about the number of a tensor's dimensions.
type rank struct {
	least int  // it has at least as many, or TensorFlow does not know it either
	exact bool // it has no more
}

// fixedRanks has the ranks of the results of ops that always have the same.
var fixedRanks = map[string]int{
	"Shape": 1, "Size": 0, "Rank": 0, "BoostedTreesBucketize": 1, "MatMul": 2,
	"Conv2D": 4, "Conv2DBackpropFilter": 4, "Conv2DBackpropInput": 4, "DepthwiseConv2dNative": 4,
	"DepthwiseConv2dNativeBackpropFilter": 4, "DepthwiseConv2dNativeBackpropInput": 4, "FusedBatchNormGradV3": 4,
}

// rank finds out how many dimensions an input has. It follows a few nodes only.
func (b *body) rank(in string, hops int) rank {
	n := b.byName[nodedef.NodeName(in)]
	if n == nil || hops == 0 {
		return rank{}
	}
	if r, ok := fixedRanks[n.GetOp()]; ok {
		return rank{r, true}
	}
	of := func(i int) rank { return b.rank(input(n, i), hops-1) }
	switch n.GetOp() {
	case "Const":
		return rank{len(n.GetAttr()["value"].GetTensor().GetTensorShape().GetDim()), true}
	case "Placeholder", "PlaceholderWithDefault", "Variable", "VariableV2", "VarHandleOp":
		dims, ok := nodedef.Dims(n.GetAttr()["shape"].GetShape())
		if !ok {
			return rank{least: 1} // TensorFlow does not know it either
		}
		return rank{len(dims), true}
	case "Identity", "Cast", "ReadVariableOp", "Relu", "Relu6", "StopGradient", "Neg", "Abs", "Tanh", "Sigmoid", "ZerosLike", "OnesLike":
		return of(0)
	case "Reshape":
		return b.rankOfReshape(n)
	case "Add", "AddV2", "Sub", "Mul", "FloorDiv", "FloorMod", "RealDiv", "Maximum", "Minimum":
		x, y := of(0), of(1)
		return rank{max(x.least, y.least), x.exact && y.exact}
	case "ExpandDims", "Pack":
		x := of(0)
		return rank{x.least + 1, x.exact}
	case "ConcatV2":
		x := of(0)
		return rank{max(x.least, 1), x.exact}
	case "StridedSlice":
		return b.rankOfSlice(n, of(0), of(1))
	}
	return rank{}
}

// rankOfReshape returns the rank of the result of a Reshape: the number of values in its shape,
// if that is a constant.
func (b *body) rankOfReshape(n *graphdef.NodeDef) rank {
	shape := b.byName[nodedef.NodeName(input(n, 1))]
	dims := shape.GetAttr()["value"].GetTensor().GetTensorShape().GetDim()
	if shape.GetOp() != "Const" || len(dims) != 1 {
		return rank{}
	}
	return rank{int(min(max(dims[0].GetSize(), 0), maxRank)), true}
}

// maxRank is the number of dimensions that a tensor of TensorFlow may have.
const maxRank = 254

// rankOfSlice returns the rank of the result of a StridedSlice: some indices remove a
// dimension, others add one.
func (b *body) rankOfSlice(n *graphdef.NodeDef, sliced, begin rank) rank {
	c := b.byName[nodedef.NodeName(input(n, 1))]
	dims := c.GetAttr()["value"].GetTensor().GetTensorShape().GetDim()
	if !sliced.exact || !begin.exact || c.GetOp() != "Const" || len(dims) != 1 || n.GetAttr()["ellipsis_mask"].GetI() != 0 {
		return rank{}
	}
	indices := uint64(1)<<min(uint64(max(dims[0].GetSize(), 0)), 63) - 1
	added := uint64(n.GetAttr()["new_axis_mask"].GetI()) & indices
	removed := uint64(n.GetAttr()["shrink_axis_mask"].GetI()) & indices &^ added
	r := sliced.least - bits.OnesCount64(removed) + bits.OnesCount64(added)
	return rank{max(r, 0), true}
}
