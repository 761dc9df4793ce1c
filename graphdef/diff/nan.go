package diff

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"github.com/tfkeep/tfkeep/graphdef"
)

// hasNaN reports whether an attribute holds a NaN, in a number or in a tensor.
func hasNaN(v *graphdef.AttrValue) bool {
	if isNaN32(v.GetF()) || slices.ContainsFunc(v.GetList().GetF(), isNaN32) || tensorHasNaN(v.GetTensor()) {
		return true
	}
	return slices.ContainsFunc(v.GetList().GetTensor(), tensorHasNaN)
}

func isNaN32(f float32) bool { return f != f }

func tensorHasNaN(t *tensor_go_proto.TensorProto) bool {
	if t == nil {
		return false
	}
	if slices.ContainsFunc(t.GetFloatVal(), isNaN32) || slices.ContainsFunc(t.GetDoubleVal(), func(f float64) bool { return f != f }) {
		return true
	}
	content := t.GetTensorContent()
	switch t.GetDtype() {
	case types_go_proto.DataType_DT_FLOAT:
		for ; len(content) >= 4; content = content[4:] {
			if isNaN32(math.Float32frombits(binary.LittleEndian.Uint32(content))) {
				return true
			}
		}
	case types_go_proto.DataType_DT_DOUBLE:
		for ; len(content) >= 8; content = content[8:] {
			if f := math.Float64frombits(binary.LittleEndian.Uint64(content)); f != f {
				return true
			}
		}
	}
	return false
}
