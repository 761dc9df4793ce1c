package inference

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Rounded describes what rounding did to one constant.
type Rounded struct {
	Node     string
	Elements int
	MaxError float64 // the largest difference
	RMSError float64 // the root of the mean squared difference
	RMS      float64 // the root of the mean square of the values themselves, to compare with
	// Kept is the reason why the constant was left as it is, "" if it was rounded.
	Kept string
}

// defaultMinElements is the number of elements from which a constant is rounded.
const defaultMinElements = 256

// RoundWeights stores the float32 constants of at least minElements elements (0 means
// 256) as float16 or bfloat16, at half their size. A Cast back to float32 takes the name
// of each constant. A constant with values outside the range of float16 stays as it is,
// which its Rounded reports.
//
// The error is a tfkeep.ErrArgument for another type.
func RoundWeights(def *graphdef.GraphDef, to dtype.DataType, minElements int) (*graphdef.GraphDef, []Rounded, error) {
	var encode encoder
	switch to {
	case dtype.Float16:
		encode = func(x float32) (uint16, float32) { h := dtype.ToF16(x); return uint16(h), h.Float32() }
	case dtype.BFloat16:
		encode = func(x float32) (uint16, float32) { h := dtype.ToBF16(x); return uint16(h), h.Float32() }
	default:
		return nil, nil, &tfkeep.Error{Op: "round weights", Err: tfkeep.ErrArgument,
			Detail: fmt.Sprintf("weights can be rounded to float16 or bfloat16, not to %s", dtype.Name(to))}
	}
	if minElements == 0 {
		minElements = defaultMinElements
	}
	g := newGraph(def, nil)
	var all []Rounded
	for _, n := range slices.Clone(g.def.Node) {
		v, ok := constValue(n)
		if !ok || n.Attr["dtype"].GetType() != dtype.Float32 || len(v.data) < minElements {
			continue
		}
		content, r := encode.round(v.data)
		r.Node = n.Name
		all = append(all, r)
		if r.Kept != "" {
			continue
		}
		small := nodedef.Const(g.freeName(n.Name+"/rounded"), &tensorpb.TensorProto{
			Dtype: to, TensorShape: n.Attr["value"].GetTensor().GetTensorShape(), TensorContent: content,
		})
		small.Device, small.Input = n.Device, n.Input
		cast := &graphdef.NodeDef{Name: n.Name, Op: "Cast", Device: n.Device, Input: []string{small.Name},
			Attr: map[string]*graphdef.AttrValue{"SrcT": nodedef.TypeAttr(to), "DstT": nodedef.TypeAttr(dtype.Float32)}}
		g.replace(n.Name, small, cast)
	}
	return g.def, all, nil
}

// encoder returns the bits of a number in a smaller type, and the number that these bits
// stand for.
type encoder func(float32) (bits uint16, back float32)

// round encodes numbers, and measures the error that this makes.
func (encode encoder) round(data []float64) ([]byte, Rounded) {
	r := Rounded{Elements: len(data)}
	content := make([]byte, 0, 2*len(data))
	var sumErrors, sumValues float64
	for _, x := range data {
		bits, back := encode(float32(x))
		if math.IsInf(float64(back), 0) && !math.IsInf(x, 0) {
			r.Kept = fmt.Sprintf("the value %g does not fit", x)
			break
		}
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			e := math.Abs(float64(back) - x)
			r.MaxError = max(r.MaxError, e)
			sumErrors += e * e
			sumValues += x * x
		}
		content = binary.LittleEndian.AppendUint16(content, bits)
	}
	r.RMSError, r.RMS = math.Sqrt(sumErrors/float64(len(data))), math.Sqrt(sumValues/float64(len(data)))
	return content, r
}
