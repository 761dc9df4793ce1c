package command

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/textformat"
)

// pythonValue returns the name of a value's Python type and the value as Python's str or,
// within a list, repr writes it. The values are the arguments of a tf.function.
func pythonValue(v *for_core_protos_go_proto.StructuredValue) (kind, text string) {
	switch k := v.GetKind().(type) {
	case *for_core_protos_go_proto.StructuredValue_NoneValue:
		return "NoneType", "None"
	case *for_core_protos_go_proto.StructuredValue_Float64Value:
		return "float", string(textformat.AppendFloat(nil, k.Float64Value))
	case *for_core_protos_go_proto.StructuredValue_Int64Value:
		return "int", strconv.FormatInt(k.Int64Value, 10)
	case *for_core_protos_go_proto.StructuredValue_StringValue:
		return "str", quoted(k.StringValue)
	case *for_core_protos_go_proto.StructuredValue_BoolValue:
		if k.BoolValue {
			return "bool", "True"
		}
		return "bool", "False"
	case *for_core_protos_go_proto.StructuredValue_TensorShapeValue:
		return "TensorShape", "[" + strings.Join(dimTexts(k.TensorShapeValue), ", ") + "]"
	case *for_core_protos_go_proto.StructuredValue_TensorDtypeValue:
		return "DType", "<dtype: " + quoted(dtype.Name(k.TensorDtypeValue)) + ">"
	case *for_core_protos_go_proto.StructuredValue_TensorSpecValue:
		s := k.TensorSpecValue
		return "TensorSpec", specText("TensorSpec", s.Shape, s.Dtype, s.Name)
	case *for_core_protos_go_proto.StructuredValue_BoundedTensorSpecValue:
		s := k.BoundedTensorSpecValue
		return "TensorSpec", specText("BoundedTensorSpec", s.Shape, s.Dtype, s.Name)
	case *for_core_protos_go_proto.StructuredValue_TypeSpecValue:
		return typeSpec(k.TypeSpecValue)
	case *for_core_protos_go_proto.StructuredValue_ListValue:
		return "list", "[" + strings.Join(pythonValues(k.ListValue.GetValues()), ", ") + "]"
	case *for_core_protos_go_proto.StructuredValue_TupleValue:
		texts := pythonValues(k.TupleValue.GetValues())
		if len(texts) == 1 {
			return "tuple", "(" + texts[0] + ",)"
		}
		return "tuple", "(" + strings.Join(texts, ", ") + ")"
	case *for_core_protos_go_proto.StructuredValue_DictValue:
		var items []string
		for _, key := range slices.Sorted(maps.Keys(k.DictValue.GetFields())) {
			_, item := pythonValue(k.DictValue.Fields[key])
			items = append(items, quoted(key)+": "+item)
		}
		return "dict", "{" + strings.Join(items, ", ") + "}"
	case *for_core_protos_go_proto.StructuredValue_NamedTupleValue:
		var items []string
		for _, pair := range k.NamedTupleValue.GetValues() {
			_, item := pythonValue(pair.Value)
			items = append(items, item)
		}
		return k.NamedTupleValue.GetName(), "[" + strings.Join(items, ", ") + "]"
	}
	return "Tensor", "a tensor" // tensor_value and numpy_value, which the Go type lacks
}

func specText(class string, shape *tensor_shape_go_proto.TensorShapeProto, dt dtype.DataType, name string) string {
	dims := "<unknown>"
	if !shape.GetUnknownRank() {
		if texts := dimTexts(shape); len(texts) == 1 {
			dims = "(" + texts[0] + ",)"
		} else {
			dims = "(" + strings.Join(texts, ", ") + ")"
		}
	}
	if name = quoted(name); name == "''" {
		name = "None"
	}
	return fmt.Sprintf("%s(shape=%s, dtype=tf.%s, name=%s)", class, dims, dtype.Name(dt), name)
}

// dimTexts returns the dimensions of a shape, of which one of unknown size is None.
func dimTexts(shape *tensor_shape_go_proto.TensorShapeProto) []string {
	texts := make([]string, len(shape.GetDim()))
	for i, d := range shape.GetDim() {
		texts[i] = "None"
		if d.Size >= 0 {
			texts[i] = strconv.FormatInt(d.Size, 10)
		}
	}
	return texts
}

// typeSpec returns the class of the spec of a composite tensor, and its text: the class and
// the parts of its state.
func typeSpec(t *for_core_protos_go_proto.TypeSpecProto) (kind, text string) {
	class := t.GetTypeSpecClassName()
	class = class[strings.LastIndexByte(class, '.')+1:]
	var parts []string
	for _, v := range t.GetTypeState().GetTupleValue().GetValues() {
		switch k := v.GetKind().(type) {
		case *for_core_protos_go_proto.StructuredValue_TensorShapeValue:
			dims := "[" + strings.Join(dimTexts(k.TensorShapeValue), ", ") + "]"
			if k.TensorShapeValue.GetUnknownRank() {
				dims = "None"
			}
			parts = append(parts, "TensorShape("+dims+")")
		case *for_core_protos_go_proto.StructuredValue_TensorDtypeValue:
			parts = append(parts, "tf."+dtype.Name(k.TensorDtypeValue))
		default:
			_, part := pythonValue(v)
			parts = append(parts, part)
		}
	}
	return class, class + "(" + strings.Join(parts, ", ") + ")"
}
