package inference

import (
	"encoding/binary"
	"fmt"
	"math"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
)

// Rounded tells what rounding did to one constant.
type Rounded struct {
	Node     string
	Elements int
	MaxError float64 // largest difference
	RMSError float64 // root of the mean squared difference
	RMS      float64 // root of the mean square of the values themselves, to compare with
	// Kept tells why the constant was left as it is, "" if it was rounded.
	Kept string
}

// RoundWeights stores the float32 constants of at least minElements elements
// (0 means 256) as float16 (DT_HALF) or bfloat16, half their size, each
// followed by a Cast back to float32 that takes the constant's name. A constant
// with values outside the range of float16 is left alone, and told.
func RoundWeights(def *graphpb.GraphDef, to typespb.DataType, minElements int) (*graphpb.GraphDef, []Rounded, error) {
	var encode func(float32) (bits uint16, back float32)
	switch to {
	case typespb.DataType_DT_HALF:
		encode = func(x float32) (uint16, float32) { h := dtype.ToF16(x); return uint16(h), h.Float32() }
	case typespb.DataType_DT_BFLOAT16:
		encode = func(x float32) (uint16, float32) { h := dtype.ToBF16(x); return uint16(h), h.Float32() }
	default:
		return nil, nil, fmt.Errorf("inference: weights can be rounded to DT_HALF or DT_BFLOAT16, not to %v", to)
	}
	if minElements == 0 {
		minElements = 256
	}
	g := open(def, nil)
	var told []Rounded
	for _, n := range append([]*nodepb.NodeDef(nil), g.def.Node...) {
		if n.Op != "Const" || n.Attr["dtype"].GetType() != typespb.DataType_DT_FLOAT {
			continue
		}
		v, ok := constValue(n)
		if !ok || len(v.data) < minElements {
			continue
		}
		r := Rounded{Node: n.Name, Elements: len(v.data)}
		content := make([]byte, 0, 2*len(v.data))
		var sumErr, sumVal float64
		for _, x := range v.data {
			bits, back := encode(float32(x))
			if math.IsInf(float64(back), 0) && !math.IsInf(x, 0) {
				r.Kept = fmt.Sprintf("the value %g does not fit", x)
				break
			}
			if !math.IsNaN(x) && !math.IsInf(x, 0) {
				e := math.Abs(float64(back) - x)
				r.MaxError = max(r.MaxError, e)
				sumErr += e * e
				sumVal += x * x
			}
			content = binary.LittleEndian.AppendUint16(content, bits)
		}
		r.RMSError, r.RMS = math.Sqrt(sumErr/float64(len(v.data))), math.Sqrt(sumVal/float64(len(v.data)))
		told = append(told, r)
		if r.Kept != "" {
			continue
		}
		t := &tensorpb.TensorProto{Dtype: to, TensorShape: n.Attr["value"].GetTensor().GetTensorShape(), TensorContent: content}
		small := &nodepb.NodeDef{Name: g.fresh(n.Name + "/rounded"), Op: "Const", Device: n.Device, Input: n.Input,
			Attr: map[string]*attrpb.AttrValue{
				"dtype": {Value: &attrpb.AttrValue_Type{Type: to}},
				"value": {Value: &attrpb.AttrValue_Tensor{Tensor: t}},
			}}
		cast := &nodepb.NodeDef{Name: n.Name, Op: "Cast", Device: n.Device, Input: []string{small.Name},
			Attr: map[string]*attrpb.AttrValue{
				"SrcT": {Value: &attrpb.AttrValue_Type{Type: to}},
				"DstT": {Value: &attrpb.AttrValue_Type{Type: typespb.DataType_DT_FLOAT}},
			}}
		g.replace(n.Name, small, cast)
	}
	return g.def, told, nil
}
