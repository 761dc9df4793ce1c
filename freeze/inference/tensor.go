package inference

import (
	"encoding/binary"
	"math"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	shapepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
)

// value is the content of a constant of type float or double. Arithmetic is
// done in double and rounded once, when it is written back.
type value struct {
	dtype typespb.DataType
	dims  []int64
	data  []float64
}

func elements(dims []int64) (int, bool) {
	n := int64(1)
	for _, d := range dims {
		if d < 0 || d > 0 && n > math.MaxInt32/d {
			return 0, false
		}
		n *= d
	}
	return int(n), true
}

// constValue decodes the value of a Const; false for other nodes and types,
// and for values that contradict their shape.
func constValue(n *nodepb.NodeDef) (*value, bool) {
	if n == nil || n.Op != "Const" {
		return nil, false
	}
	t := n.Attr["value"].GetTensor()
	if t == nil || t.TensorShape.GetUnknownRank() {
		return nil, false
	}
	v := &value{dtype: t.Dtype}
	for _, d := range t.GetTensorShape().GetDim() {
		v.dims = append(v.dims, d.Size)
	}
	count, ok := elements(v.dims)
	if !ok {
		return nil, false
	}
	switch t.Dtype {
	case typespb.DataType_DT_FLOAT:
		return v, v.fill(count, len(t.TensorContent)/4, len(t.TensorContent) == 4*count && count > 0, len(t.FloatVal), func(i int) float64 {
			return float64(math.Float32frombits(binary.LittleEndian.Uint32(t.TensorContent[4*i:])))
		}, func(i int) float64 { return float64(t.FloatVal[i]) })
	case typespb.DataType_DT_DOUBLE:
		return v, v.fill(count, len(t.TensorContent)/8, len(t.TensorContent) == 8*count && count > 0, len(t.DoubleVal), func(i int) float64 {
			return math.Float64frombits(binary.LittleEndian.Uint64(t.TensorContent[8*i:]))
		}, func(i int) float64 { return t.DoubleVal[i] })
	}
	return nil, false
}

// fill takes the elements from the content, or from the typed list, whose last
// element stands for all that follow; an absent list means zeros.
func (v *value) fill(count, inContent int, whole bool, listed int, content, list func(int) float64) bool {
	switch {
	case whole:
		v.data = make([]float64, count)
		for i := range v.data {
			v.data[i] = content(i)
		}
	case inContent > 0 || listed > count:
		return false
	case count > maxExpanded:
		return false // a short list for a huge constant: nothing that folding is for
	default:
		v.data = make([]float64, count)
		for i := range v.data {
			if listed > 0 {
				v.data[i] = list(min(i, listed-1))
			}
		}
	}
	return true
}

// maxExpanded bounds what a constant written in short form may grow to.
const maxExpanded = 1 << 22

// node writes v as a Const.
func (v *value) node(name string) *nodepb.NodeDef {
	t := &tensorpb.TensorProto{Dtype: v.dtype, TensorShape: &shapepb.TensorShapeProto{}}
	for _, d := range v.dims {
		t.TensorShape.Dim = append(t.TensorShape.Dim, &shapepb.TensorShapeProto_Dim{Size: d})
	}
	if v.dtype == typespb.DataType_DT_DOUBLE {
		t.TensorContent = make([]byte, 0, 8*len(v.data))
		for _, x := range v.data {
			t.TensorContent = binary.LittleEndian.AppendUint64(t.TensorContent, math.Float64bits(x))
		}
	} else {
		t.TensorContent = make([]byte, 0, 4*len(v.data))
		for _, x := range v.data {
			t.TensorContent = binary.LittleEndian.AppendUint32(t.TensorContent, math.Float32bits(float32(x)))
		}
	}
	return &nodepb.NodeDef{Name: name, Op: "Const", Attr: map[string]*attrpb.AttrValue{
		"dtype": {Value: &attrpb.AttrValue_Type{Type: v.dtype}},
		"value": {Value: &attrpb.AttrValue_Tensor{Tensor: t}},
	}}
}

// perChannel views v as one factor a channel: of shape [channels], or with
// ones around the channel dimension, which is counted from the end.
func (v *value) perChannel(channels int, fromEnd int) ([]float64, bool) {
	if len(v.data) != channels || len(v.dims) < fromEnd {
		return nil, false
	}
	return v.data, v.dims[len(v.dims)-fromEnd] == int64(channels)
}
