package capi

// #include <stdlib.h>
// #include "tensorflow/c/c_api.h"
// #include "threads.h"
import "C"

import (
	"cmp"
	"runtime"
	"slices"
	"unsafe"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// AddOperation adds an operation to g. Unlike the binding's method it checks the
// inputs, accepts attributes of the types int, int32, []byte, dtype.DataType and
// *attr_value_go_proto.AttrValue too, and adds attributes in the order of their names.
func AddOperation(g *tensorflow.Graph, spec tensorflow.OpSpec) (*tensorflow.Operation, error) {
	if err := checkGraph(g); err != nil {
		return nil, err
	}
	if spec.Name == "" {
		spec.Name = spec.Type
	}
	inputs, err := checkInputs(g, spec)
	if err != nil {
		return nil, err
	}
	if isLargeGroup(&spec) {
		return addGroup(g, &spec)
	}
	attrs, err := encodeAttrs(spec)
	if err != nil {
		return nil, err
	}

	var desc *C.TF_OperationDescription
	withCString(spec.Type, func(typ *C.char) {
		withCString(spec.Name, func(name *C.char) { desc = C.TF_NewOperation(graphHandle(g), typ, name) })
	})
	for _, in := range inputs {
		switch {
		case !in.list:
			C.TF_AddInput(desc, in.outputs[0])
		case len(in.outputs) == 0:
			C.TF_AddInputList(desc, nil, 0)
		default:
			C.TF_AddInputList(desc, &in.outputs[0], C.int(len(in.outputs)))
		}
	}
	for _, op := range spec.ControlDependencies {
		C.TF_AddControlInput(desc, operationHandle(op))
	}
	if spec.Device != "" {
		withCString(spec.Device, func(s *C.char) { C.TF_SetDevice(desc, s) })
	}
	st := newStatus()
	defer st.delete()
	var attrErr error
	for _, a := range attrs {
		withCString(a.name, func(name *C.char) {
			if a.tensor != nil {
				C.TF_SetAttrTensor(desc, name, tensorHandle(a.tensor), st.c)
			} else {
				C.TF_SetAttrValueProto(desc, name, unsafe.Pointer(unsafe.SliceData(a.raw)), C.size_t(len(a.raw)), st.c)
			}
		})
		if err := st.err(); err != nil && attrErr == nil {
			attrErr = invalidf("attribute %q of %s %q: %v", a.name, spec.Type, spec.Name, err)
		}
	}
	// Finish even after an error, because nothing else frees desc.
	c := C.tfk_finish_operation(desc, st.c)
	runtime.KeepAlive(spec)
	runtime.KeepAlive(g)
	if attrErr != nil {
		return nil, attrErr
	}
	if err := st.err(); err != nil {
		return nil, err
	}
	return newOperation(c, g), nil
}

type input struct {
	outputs []C.TF_Output
	list    bool
}

func checkInputs(g *tensorflow.Graph, spec tensorflow.OpSpec) ([]input, error) {
	inputs := make([]input, len(spec.Input))
	for i, in := range spec.Input {
		var outs []tensorflow.Output
		switch in := in.(type) {
		case tensorflow.Output:
			outs = []tensorflow.Output{in}
		case tensorflow.OutputList:
			outs, inputs[i].list = in, true
		default:
			return nil, invalidf("input %d of %s %q is nil", i, spec.Type, spec.Name)
		}
		for _, o := range outs {
			c, err := output(g, o)
			if err != nil {
				return nil, invalidf("input %d of %s %q: %v", i, spec.Type, spec.Name, err)
			}
			inputs[i].outputs = append(inputs[i].outputs, c)
		}
	}
	for _, op := range spec.ControlDependencies {
		if _, err := operation(g, op); err != nil {
			return nil, invalidf("control dependency of %s %q: %v", spec.Type, spec.Name, err)
		}
	}
	return inputs, nil
}

// attr is an attribute in the form that C takes: a tensor or a serialized AttrValue.
type attr struct {
	name   string
	raw    []byte
	tensor *tensorflow.Tensor
}

func encodeAttrs(spec tensorflow.OpSpec) ([]attr, error) {
	attrs := make([]attr, 0, len(spec.Attrs))
	for name, value := range spec.Attrs {
		a := attr{name: name}
		if t, ok := value.(*tensorflow.Tensor); ok {
			if Released(t) {
				return nil, invalidf("attribute %q of %s %q is a nil or released tensor", name, spec.Type, spec.Name)
			}
			a.tensor = t
		} else {
			v, err := AttrValue(value)
			if err != nil {
				return nil, invalidf("attribute %q of %s %q: %v", name, spec.Type, spec.Name, err)
			}
			if a.raw, err = proto.Marshal(v); err != nil {
				return nil, invalidf("attribute %q of %s %q: %v", name, spec.Type, spec.Name, err)
			}
		}
		attrs = append(attrs, a)
	}
	slices.SortFunc(attrs, func(a, b attr) int { return cmp.Compare(a.name, b.name) })
	return attrs, nil
}

// AttrValue converts a Go value of any type that AddOperation accepts as an attribute,
// except tensors.
func AttrValue(value any) (*attr_value_go_proto.AttrValue, error) {
	type list = attr_value_go_proto.AttrValue_ListValue
	switch v := value.(type) {
	case *attr_value_go_proto.AttrValue:
		if v == nil {
			return nil, invalidf("the AttrValue is nil")
		}
		return v, nil
	case string:
		return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_S{S: []byte(v)}}, nil
	case []byte:
		return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_S{S: v}}, nil
	case int:
		return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_I{I: int64(v)}}, nil
	case int32:
		return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_I{I: int64(v)}}, nil
	case int64:
		return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_I{I: v}}, nil
	case float32:
		return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_F{F: v}}, nil
	case bool:
		return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_B{B: v}}, nil
	case types_go_proto.DataType:
		return nodedef.TypeAttr(v), nil
	case tensorflow.DataType:
		return nodedef.TypeAttr(types_go_proto.DataType(v)), nil
	case tensorflow.Shape:
		return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Shape{Shape: shapeProto(v)}}, nil
	case []string:
		l := new(list)
		for _, s := range v {
			l.S = append(l.S, []byte(s))
		}
		return listValue(l), nil
	case []int64:
		return listValue(&list{I: v}), nil
	case []float32:
		return listValue(&list{F: v}), nil
	case []bool:
		return listValue(&list{B: v}), nil
	case []types_go_proto.DataType:
		return listValue(&list{Type: v}), nil
	case []tensorflow.DataType:
		l := new(list)
		for _, dt := range v {
			l.Type = append(l.Type, types_go_proto.DataType(dt))
		}
		return listValue(l), nil
	case []tensorflow.Shape:
		l := new(list)
		for _, s := range v {
			l.Shape = append(l.Shape, shapeProto(s))
		}
		return listValue(l), nil
	}
	return nil, invalidf("a %T cannot be an attribute", value)
}

func listValue(l *attr_value_go_proto.AttrValue_ListValue) *attr_value_go_proto.AttrValue {
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_List{List: l}}
}

func shapeProto(s tensorflow.Shape) *tensor_shape_go_proto.TensorShapeProto {
	if s.NumDimensions() < 0 {
		return &tensor_shape_go_proto.TensorShapeProto{UnknownRank: true}
	}
	p := new(tensor_shape_go_proto.TensorShapeProto)
	for i := range s.NumDimensions() {
		p.Dim = append(p.Dim, &tensor_shape_go_proto.TensorShapeProto_Dim{Size: s.Size(i)})
	}
	return p
}
