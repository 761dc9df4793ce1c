package safety

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/internal/sizes"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// crashes reports whether TensorFlow may end the process when it infers the shapes of a
// node, or computes its value. scripts/opfuzz finds the forms of nodes for which it does;
// reads.txt marks ops of which no form is known that is safe.
func (f *folder) crashes(b *foldBody, n *graphdef.NodeDef) bool {
	arg := func(i int) sizes.Tensor {
		if in := input(n, i); in != "" {
			return b.sizes.Of(in)
		}
		return sizes.Unknown()
	}
	number := func(name string) int64 { return n.GetAttr()[name].GetI() }
	list := func(name string) int {
		l := n.GetAttr()[name].GetList()
		return max(len(l.GetS()), len(l.GetType()), len(l.GetShape()))
	}
	if statesHugeShapes(n) {
		return true
	}
	switch n.GetOp() {
	case "GatherV2":
		return gatherCrashes(number("batch_dims"), arg(0), arg(1))
	case "CollectiveGather": // a number of 32 bits, and a size that overflows
		return number("group_size") < 0 || number("group_size") > maxGroup
	case "Enter", "RefEnter": // a ring of iterations of that size, and a division by it
		_, set := n.GetAttr()["parallel_iterations"]
		return set && (number("parallel_iterations") < 1 || number("parallel_iterations") > maxIterations)
	case "Transpose", "ConjugateTranspose":
		perm := arg(1)
		return sizes.Product(perm.Dims...) > maxRank ||
			n.GetOp() == "ConjugateTranspose" && dtype.Size(dtype.Base(n.GetAttr()["T"].GetType())) == 0
	case "DynamicStitch", "ParallelDynamicStitch":
		return slices.ContainsFunc(nodedef.DataInputs(n), func(in string) bool { return hasLargest(b.byName[nodedef.NodeName(in)]) })
	case "QueueDequeueManyV2":
		return f.valueOf(b, input(n, 1)).constant && arg(1).Rank() != 0
	case "UnicodeDecodeWithOffsets": // its kernel takes the splits for 64 bits
		t, set := n.GetAttr()["Tsplits"]
		return set && t.GetType() != dtype.Int64
	case "SplitV":
		return f.splitCrashes(b, n)
	case "FakeQuantWithMinMaxVarsPerChannelGradient":
		return slices.ContainsFunc(nodedef.DataInputs(n)[:min(2, len(nodedef.DataInputs(n)))], func(in string) bool { return mayBeScalar(b, in) })
	case "MapDefun":
		for i := range nodedef.DataInputs(n) {
			if sizes.Product(arg(i).Dims...) > maxElements {
				return true
			}
		}
		return false
	case "RaggedGather":
		// The indices have the rest of the dimensions, and one more.
		return number("OUTPUT_RAGGED_RANK") < number("PARAMS_RAGGED_RANK")-1
	case "InfeedDequeueTuple":
		return list("shapes") != list("dtypes")
	case "XlaCallModule":
		return list("Sout") != list("Tout")
	case "TPUPartitionedInput":
		dim := number("partition_dim")
		return dim >= 0 && slices.ContainsFunc(nodedef.DataInputs(n), func(in string) bool { return int64(b.sizes.Of(in).Rank()) <= dim })
	}
	return shapeReads()[n.GetOp()].crashes && f.scalarsCrash(b, n)
}

const (
	// maxGroup is far above the number of processes that train together.
	maxGroup = 1 << 20
	// maxIterations is far above the iterations of a loop that run at the same time.
	maxIterations = 1 << 16
	// maxBatchDims is above the number of dimensions of a batch.
	maxBatchDims = 8
	// maxRank is the number of dimensions that a tensor of TensorFlow may have.
	maxRank = 254
	// maxElements is far above the elements of a tensor, and its product with another one does
	// not overflow.
	maxElements = 1 << 40
)

// statesHugeShapes reports whether a list of shapes, such as those of the features of examples, has
// one with more elements than fit into a number. Dimensions that are not known count as one.
func statesHugeShapes(n *graphdef.NodeDef) bool {
	for _, a := range n.GetAttr() {
		for _, s := range a.GetList().GetShape() {
			elems := int64(1)
			for _, d := range s.GetDim() {
				elems = sizes.Product(elems, max(d.GetSize(), 1))
			}
			if elems > maxElements {
				return true
			}
		}
	}
	return false
}

// scalarsCrash reports whether a node of an op that does not take scalars may get one. For an
// op that it does not know, it reports true.
func (f *folder) scalarsCrash(b *foldBody, n *graphdef.NodeDef) bool {
	inputs := nodedef.DataInputs(n)
	switch n.GetOp() {
	case "BoostedTreesPredict", "BoostedTreesTrainingPredict", "BoostedTreesExampleDebugOutputs":
		inputs = inputs[min(1, len(inputs)):] // after the handle
	case "BoostedTreesAggregateStats":
	default:
		return true
	}
	return slices.ContainsFunc(inputs, func(in string) bool { return mayBeScalar(b, in) })
}

// mayBeScalar reports whether an input may be a scalar, and TensorFlow knows that.
func mayBeScalar(b *foldBody, in string) bool {
	t := b.sizes.Of(in)
	return !t.Open && t.Rank() < 1
}

// splitCrashes reports whether the sizes of a SplitV are known, and may not be a vector.
func (f *folder) splitCrashes(b *foldBody, n *graphdef.NodeDef) bool {
	sizes := input(n, 1)
	if sizes == "" || !f.valueOf(b, sizes).constant {
		return false
	}
	t := n.GetAttr()["Tlen"].GetType()
	return b.sizes.Of(sizes).Rank() != 1 || t != dtype.Int32 && t != dtype.Int64 && t != 0
}

// gatherCrashes reports whether a GatherV2 may have more batch dimensions than its inputs have
// dimensions together, of which its first has one at least. If TensorFlow does not know one of
// the ranks either, there is no harm.
func gatherCrashes(batch int64, params, indices sizes.Tensor) bool {
	if batch < -maxRank || batch > maxBatchDims {
		return true
	}
	return !params.Open && !indices.Open && batch > int64(max(1, params.Rank())+max(0, indices.Rank()))
}

// hasLargest reports whether a constant has the largest number of 32 bits, to which
// TensorFlow adds one.
func hasLargest(n *graphdef.NodeDef) bool {
	t := n.GetAttr()["value"].GetTensor()
	if n.GetOp() != "Const" || t.GetDtype() != dtype.Int32 {
		return false
	}
	content := t.GetTensorContent()
	for ; len(content) >= 4; content = content[4:] {
		if binary.LittleEndian.Uint32(content) == math.MaxInt32 {
			return true
		}
	}
	return slices.Contains(t.GetIntVal(), math.MaxInt32)
}
