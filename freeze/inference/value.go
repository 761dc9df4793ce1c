package inference

import (
	"encoding/binary"
	"math"

	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// value is the content of a constant of type float32 or float64. Arithmetic is done in
// float64 and rounded once, when the value becomes a constant again.
type value struct {
	dtype dtype.DataType
	dims  []int64
	data  []float64
}

// maxExpanded is how many elements a constant that is written in short form may have.
const maxExpanded = 1 << 22

// constValue decodes the value of a Const. It returns false for other nodes and types,
// and for values that contradict their shape.
func constValue(n *graphdef.NodeDef) (*value, bool) {
	t := n.GetAttr()["value"].GetTensor()
	if n.GetOp() != "Const" || t == nil || t.GetTensorShape().GetUnknownRank() {
		return nil, false
	}
	v := &value{dtype: t.Dtype}
	v.dims, _ = nodedef.Dims(t.GetTensorShape()) // no shape is that of a scalar
	elements, ok := dtype.NumElements(v.dims)
	if !ok || elements > math.MaxInt32 {
		return nil, false
	}
	count := int(elements)
	switch t.Dtype {
	case dtype.Float32:
		listed := make([]float64, len(t.FloatVal))
		for i, x := range t.FloatVal {
			listed[i] = float64(x)
		}
		return v, v.fill(count, t.TensorContent, listed)
	case dtype.Float64:
		return v, v.fill(count, t.TensorContent, t.DoubleVal)
	}
	return nil, false
}

// fill takes the elements from the packed content, or from the list, whose last element
// stands for all that follow. An absent list means zeros.
func (v *value) fill(count int, content []byte, listed []float64) bool {
	size := dtype.Size(v.dtype)
	switch {
	case count > 0 && len(content) == size*count:
		v.data = make([]float64, count)
		return dtype.Float64s(v.dtype, content, v.data)
	case len(content) >= size || len(listed) > count:
		return false // it contradicts the shape
	case count > maxExpanded:
		return false // a huge constant written as a short list is not worth folding
	}
	v.data = make([]float64, count)
	for i := range v.data {
		if len(listed) > 0 {
			v.data[i] = listed[min(i, len(listed)-1)]
		}
	}
	return true
}

// node returns v as a Const.
func (v *value) node(name string) *graphdef.NodeDef {
	t := &tensorpb.TensorProto{Dtype: v.dtype, TensorShape: nodedef.ShapeProto(v.dims)}
	t.TensorContent = make([]byte, 0, dtype.Size(v.dtype)*len(v.data))
	for _, x := range v.data {
		if v.dtype == dtype.Float64 {
			t.TensorContent = binary.LittleEndian.AppendUint64(t.TensorContent, math.Float64bits(x))
		} else {
			t.TensorContent = binary.LittleEndian.AppendUint32(t.TensorContent, math.Float32bits(float32(x)))
		}
	}
	return nodedef.Const(name, t)
}

// perChannel returns v as one factor for each channel. The dimension of the channels is
// counted from the end. It returns false for a v of another shape.
func (v *value) perChannel(channels int, fromEnd int) ([]float64, bool) {
	if len(v.data) != channels || len(v.dims) < fromEnd {
		return nil, false
	}
	return v.data, v.dims[len(v.dims)-fromEnd] == int64(channels)
}
