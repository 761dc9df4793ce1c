package summary

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// The bounds of the texts for arguments and results, which a file may nest and lengthen as it
// likes.
const (
	maxText  = 200
	maxDepth = 6
	maxItems = 16
)

// short cuts a text.
func short(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}

// text returns an argument or a result of a function: the types and shapes of tensors, and
// other values as Python writes them.
func text(v *for_core_protos_go_proto.StructuredValue, depth int) string {
	if depth > maxDepth {
		return "…"
	}
	switch k := v.GetKind().(type) {
	case *for_core_protos_go_proto.StructuredValue_NoneValue:
		return "None"
	case *for_core_protos_go_proto.StructuredValue_Float64Value:
		return strconv.FormatFloat(k.Float64Value, 'g', -1, 64)
	case *for_core_protos_go_proto.StructuredValue_Int64Value:
		return strconv.FormatInt(k.Int64Value, 10)
	case *for_core_protos_go_proto.StructuredValue_StringValue:
		return "'" + short(k.StringValue) + "'"
	case *for_core_protos_go_proto.StructuredValue_BoolValue:
		if k.BoolValue {
			return "True"
		}
		return "False"
	case *for_core_protos_go_proto.StructuredValue_TensorShapeValue:
		return shapeText(k.TensorShapeValue)
	case *for_core_protos_go_proto.StructuredValue_TensorDtypeValue:
		return dtype.Name(k.TensorDtypeValue)
	case *for_core_protos_go_proto.StructuredValue_TensorSpecValue:
		return dtype.Name(k.TensorSpecValue.GetDtype()) + " " + shapeText(k.TensorSpecValue.GetShape())
	case *for_core_protos_go_proto.StructuredValue_BoundedTensorSpecValue:
		return dtype.Name(k.BoundedTensorSpecValue.GetDtype()) + " " + shapeText(k.BoundedTensorSpecValue.GetShape())
	case *for_core_protos_go_proto.StructuredValue_TypeSpecValue:
		class := k.TypeSpecValue.GetTypeSpecClassName()
		class = strings.TrimSuffix(class[strings.LastIndexByte(class, '.')+1:], "Spec")
		return short(class) + "(" + join(k.TypeSpecValue.GetTypeState().GetTupleValue().GetValues(), depth) + ")"
	case *for_core_protos_go_proto.StructuredValue_ListValue:
		return "[" + join(k.ListValue.GetValues(), depth) + "]"
	case *for_core_protos_go_proto.StructuredValue_TupleValue:
		return "(" + join(k.TupleValue.GetValues(), depth) + ")"
	case *for_core_protos_go_proto.StructuredValue_DictValue:
		var items []string
		for _, key := range slices.Sorted(maps.Keys(k.DictValue.GetFields())) {
			if len(items) == maxItems {
				return "{" + strings.Join(items, ", ") + ", …}"
			}
			items = append(items, short(key)+": "+short(text(k.DictValue.GetFields()[key], depth+1)))
		}
		return "{" + strings.Join(items, ", ") + "}"
	case *for_core_protos_go_proto.StructuredValue_NamedTupleValue:
		var values []*for_core_protos_go_proto.StructuredValue
		for _, p := range k.NamedTupleValue.GetValues()[:min(len(k.NamedTupleValue.GetValues()), maxItems+1)] {
			values = append(values, p.GetValue())
		}
		return short(k.NamedTupleValue.GetName()) + "(" + join(values, depth) + ")"
	}
	return "?" // values that the Go type lacks
}

func join(values []*for_core_protos_go_proto.StructuredValue, depth int) string {
	var items []string
	for i, v := range values {
		if i == maxItems {
			items = append(items, "…")
			break
		}
		items = append(items, short(text(v, depth+1)))
	}
	return strings.Join(items, ", ")
}

// shapeText returns a shape with ? for what is unknown.
func shapeText(shape *tensor_shape_go_proto.TensorShapeProto) string {
	dims, _ := nodedef.Dims(shape)
	return nodedef.ShapeText(dims)
}
