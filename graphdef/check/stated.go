package check

import (
	"encoding/binary"
	"math"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// sizedOps has the ops whose output is as large as an input says: the input with the
// shape, and the attribute with the element type.
var sizedOps = map[string]struct {
	input int
	typ   string
}{
	"Fill": {0, "T"}, "BroadcastTo": {1, "T"}, "Empty": {0, "dtype"}, "RandomUniform": {0, "dtype"},
	"RandomStandardNormal": {0, "dtype"}, "TruncatedNormal": {0, "dtype"}, "RandomUniformInt": {0, "Tout"},
	"StatelessRandomUniform": {0, "dtype"}, "StatelessRandomNormal": {0, "dtype"}, "StatelessTruncatedNormal": {0, "dtype"},
	"ScatterNd": {2, "T"}, "SparseToDense": {1, "T"},
}

// countedOps has the ops that keep as many elements as an input says, and about how many
// bytes one takes.
var countedOps = map[string]struct {
	input int
	bytes int64
}{
	"TensorArray": {0, 128}, "TensorArrayV2": {0, 128}, "TensorArrayV3": {0, 128},
	"TensorListReserve": {1, 32}, "TensorListResize": {1, 32},
	"ShuffleDataset": {1, 32}, "ShuffleDatasetV2": {1, 32}, "ShuffleDatasetV3": {1, 32},
	"ShuffleAndRepeatDataset": {1, 32}, "ShuffleAndRepeatDatasetV2": {1, 32}, "LinSpace": {2, 8},
}

// statedBytes returns the memory that a node takes if constants say it, or 0.
func statedBytes(n *graphdef.NodeDef, constants map[string]*graphdef.NodeDef) int64 {
	input := func(i int) []int64 {
		in := nodedef.DataInputs(n)
		if i >= len(in) {
			return nil
		}
		return intValues(constants[nodedef.NodeName(in[i])])
	}
	if op, ok := sizedOps[n.GetOp()]; ok {
		dims := input(op.input)
		if len(dims) == 0 {
			return 0
		}
		return tensorBytes(n.GetAttr()[op.typ].GetType(), dims)
	}
	if op, ok := countedOps[n.GetOp()]; ok {
		if count := input(op.input); len(count) == 1 {
			return product(op.bytes, count)
		}
		return 0
	}
	switch n.GetOp() {
	case "Range":
		start, limit, delta := input(0), input(1), input(2)
		if len(start) != 1 || len(limit) != 1 || len(delta) != 1 || delta[0] == 0 {
			return 0
		}
		count := (float64(limit[0]) - float64(start[0])) / float64(delta[0])
		if count <= 0 {
			return 0
		}
		return product(8, []int64{int64(min(count, maxBytes))})
	case "OneHot":
		if depth := input(1); len(depth) == 1 {
			return tensorBytes(n.GetAttr()["T"].GetType(), depth)
		}
	case "Tile":
		if times := input(1); len(times) > 0 {
			return tensorBytes(n.GetAttr()["T"].GetType(), times)
		}
	case "Pad", "PadV2", "MirrorPad":
		size := int64(1)
		pads := input(1)
		for i := 0; i+1 < len(pads); i += 2 {
			width := min(float64(pads[i])+float64(pads[i+1]), maxBytes)
			size = product(size, []int64{max(1, int64(width))})
		}
		return tensorBytes(n.GetAttr()["T"].GetType(), []int64{size})
	}
	return 0
}

// intValues returns the integers of a small constant, or nil.
func intValues(n *graphdef.NodeDef) []int64 {
	const most = 64 // more than the dimensions of any shape, and their paddings
	t := n.GetAttr()["value"].GetTensor()
	dims, _ := nodedef.Dims(t.GetTensorShape())
	count := product(1, dims)
	if t == nil || count <= 0 || count > most {
		return nil
	}
	var values []int64
	content := t.GetTensorContent()
	switch {
	case t.GetDtype() == dtype.Int32 && len(content) > 0:
		for ; len(content) >= 4; content = content[4:] {
			values = append(values, int64(int32(binary.LittleEndian.Uint32(content))))
		}
	case t.GetDtype() == dtype.Int64 && len(content) > 0:
		for ; len(content) >= 8; content = content[8:] {
			values = append(values, int64(binary.LittleEndian.Uint64(content)))
		}
	case t.GetDtype() == dtype.Int32:
		for _, v := range t.GetIntVal() {
			values = append(values, int64(v))
		}
	case t.GetDtype() == dtype.Int64:
		values = append(values, t.GetInt64Val()...)
	case t.GetDtype() == dtype.Float32:
		for _, v := range t.GetFloatVal() {
			values = append(values, int64(math.Max(-maxBytes, math.Min(float64(v), maxBytes))))
		}
	default:
		return nil
	}
	if len(values) == 0 {
		values = []int64{0}
	}
	for int64(len(values)) < count { // equal elements at the end are stored once
		values = append(values, values[len(values)-1])
	}
	return values[:count]
}
