package signature

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
)

// ErrInvalid is the kind of all errors of this package.
var ErrInvalid = errors.New("signature: invalid")

// The protobufs.
type (
	SignatureDef = for_core_protos_go_proto.SignatureDef
	TensorInfo   = for_core_protos_go_proto.TensorInfo
	DataType     = types_go_proto.DataType
)

// Dense describes an ordinary tensor: its name ("x:0"), type and shape. A
// dimension of -1 is any; a nil shape is one of unknown rank, an empty one a
// scalar.
func Dense(name string, dtype DataType, shape []int64) *TensorInfo {
	return &TensorInfo{
		Encoding:    &for_core_protos_go_proto.TensorInfo_Name{Name: name},
		Dtype:       dtype,
		TensorShape: shapeProto(shape),
	}
}

// Sparse describes a SparseTensor by the names of its three parts and the
// shape of the whole.
func Sparse(values, indices, denseShape string, dtype DataType, shape []int64) *TensorInfo {
	return &TensorInfo{
		Encoding: &for_core_protos_go_proto.TensorInfo_CooSparse_{CooSparse: &for_core_protos_go_proto.TensorInfo_CooSparse{
			ValuesTensorName: values, IndicesTensorName: indices, DenseShapeTensorName: denseShape,
		}},
		Dtype:       dtype,
		TensorShape: shapeProto(shape),
	}
}

// Operation describes an operation, as in the signatures for init and train ops.
func Operation(name string) *TensorInfo {
	return &TensorInfo{
		Encoding:    &for_core_protos_go_proto.TensorInfo_Name{Name: name},
		Dtype:       types_go_proto.DataType_DT_INVALID,
		TensorShape: shapeProto(nil),
	}
}

func shapeProto(dims []int64) *tensor_shape_go_proto.TensorShapeProto {
	if dims == nil {
		return &tensor_shape_go_proto.TensorShapeProto{UnknownRank: true}
	}
	s := &tensor_shape_go_proto.TensorShapeProto{}
	for _, d := range dims {
		s.Dim = append(s.Dim, &tensor_shape_go_proto.TensorShapeProto_Dim{Size: max(d, -1)})
	}
	return s
}

// Build makes a SignatureDef as it is given, without rules.
func Build(inputs, outputs map[string]*TensorInfo, method string) *SignatureDef {
	s := &SignatureDef{MethodName: method}
	if len(inputs) > 0 {
		s.Inputs = inputs
	}
	if len(outputs) > 0 {
		s.Outputs = outputs
	}
	return s
}

// Predict makes the signature of a model that takes and gives any tensors.
func Predict(inputs, outputs map[string]*TensorInfo) (*SignatureDef, error) {
	if len(inputs) == 0 {
		return nil, invalid("Prediction `inputs` cannot be None or empty.")
	}
	if len(outputs) == 0 {
		return nil, invalid("Prediction `outputs` cannot be None or empty.")
	}
	return Build(inputs, outputs, PredictMethod), nil
}

// Regress makes the signature of a regression: serialised tf.Examples in
// (DT_STRING), one float each out.
func Regress(examples, predictions *TensorInfo) (*SignatureDef, error) {
	switch {
	case examples == nil:
		return nil, invalid("Regression `examples` cannot be None.")
	case predictions == nil:
		return nil, invalid("Regression `predictions` cannot be None.")
	case examples.Dtype != types_go_proto.DataType_DT_STRING:
		return nil, invalid("Regression input tensors must be of type string. Found tensor with dtype: %s.", dtype.CName(examples.Dtype))
	case predictions.Dtype != types_go_proto.DataType_DT_FLOAT:
		return nil, invalid("Regression output tensors must be of type float. Found tensor with dtype: %s.", dtype.CName(predictions.Dtype))
	}
	return Build(map[string]*TensorInfo{RegressInputs: examples}, map[string]*TensorInfo{RegressOutputs: predictions}, RegressMethod), nil
}

// Classify makes the signature of a classification: serialised tf.Examples in
// (DT_STRING), classes (DT_STRING) or scores (DT_FLOAT) or both out.
func Classify(examples, classes, scores *TensorInfo) (*SignatureDef, error) {
	switch {
	case examples == nil:
		return nil, invalid("Classification `examples` cannot be None.")
	case classes == nil && scores == nil:
		return nil, invalid("Classification `classes` and `scores` cannot both be None.")
	case examples.Dtype != types_go_proto.DataType_DT_STRING:
		return nil, invalid("Classification input tensors must be of type string. Found tensor with dtype: %s", dtype.CName(examples.Dtype))
	case classes != nil && classes.Dtype != types_go_proto.DataType_DT_STRING:
		return nil, invalid("Classification classes must be of type string Tensor. Found tensor with dtype: %s", dtype.CName(classes.Dtype))
	case scores != nil && scores.Dtype != types_go_proto.DataType_DT_FLOAT:
		return nil, invalid("Classification scores must be a float tensor. Found tensor with dtype: %s", dtype.CName(scores.Dtype))
	}
	outputs := map[string]*TensorInfo{}
	if classes != nil {
		outputs[ClassesOutput] = classes
	}
	if scores != nil {
		outputs[ScoresOutput] = scores
	}
	return Build(map[string]*TensorInfo{ClassifyInputs: examples}, outputs, ClassifyMethod), nil
}

// Train makes the signature of a training step. The loss, or losses, the
// predictions and the metrics are its outputs; any of them may be nil.
func Train(inputs, loss, predictions, metrics map[string]*TensorInfo) (*SignatureDef, error) {
	return supervised("Train", TrainMethod, inputs, loss, predictions, metrics)
}

// Eval makes the signature of an evaluation; see [Train].
func Eval(inputs, loss, predictions, metrics map[string]*TensorInfo) (*SignatureDef, error) {
	return supervised("Eval", EvalMethod, inputs, loss, predictions, metrics)
}

func supervised(what, method string, inputs map[string]*TensorInfo, groups ...map[string]*TensorInfo) (*SignatureDef, error) {
	if len(inputs) == 0 {
		return nil, invalid("%s `inputs` cannot be None or empty.", what)
	}
	outputs := map[string]*TensorInfo{}
	for _, group := range groups {
		for k, t := range group {
			if _, twice := outputs[k]; twice {
				return nil, invalid("%s output %q is given twice", what, k)
			}
			outputs[k] = t
		}
	}
	return Build(inputs, outputs, method), nil
}

// ForOperation makes the signature that stands for one operation.
func ForOperation(op, key string) *SignatureDef {
	return Build(nil, map[string]*TensorInfo{key: Operation(op)}, "")
}

// Valid tells whether a signature keeps the rules of its method, as
// TensorFlow's is_valid_signature does: a known method, inputs and outputs of
// the types that it demands. The error says what is wrong.
func Valid(s *SignatureDef) error {
	switch s.GetMethodName() {
	case PredictMethod:
		_, err := Predict(s.Inputs, s.Outputs)
		return err
	case RegressMethod:
		if len(s.Inputs) != 1 || len(s.Outputs) != 1 {
			return invalid("a regression has the input %q and the output %q and no others", RegressInputs, RegressOutputs)
		}
		_, err := Regress(s.Inputs[RegressInputs], s.Outputs[RegressOutputs])
		return err
	case ClassifyMethod:
		for k := range s.Outputs {
			if k != ClassesOutput && k != ScoresOutput {
				return invalid("a classification has no output %q", k)
			}
		}
		if len(s.Inputs) != 1 {
			return invalid("a classification has the input %q and no others", ClassifyInputs)
		}
		_, err := Classify(s.Inputs[ClassifyInputs], s.Outputs[ClassesOutput], s.Outputs[ScoresOutput])
		return err
	case "":
		return invalid("the signature has no method name")
	}
	return invalid("unknown method name %q", s.GetMethodName())
}

// Check tells whether a map of signatures can be saved: reserved keys are not
// for users, and each TensorInfo needs a name (or its parts) and a type. It
// lists all that is wrong.
func Check(signatures map[string]*SignatureDef) error {
	var faults []string
	for _, key := range slices.Sorted(maps.Keys(signatures)) {
		if key == InitOpKey || key == TrainOpKey {
			faults = append(faults, fmt.Sprintf("SignatureDef map key %q is reserved for initialization. Please use a different key.", key))
			continue
		}
		s := signatures[key]
		for _, side := range []struct {
			what string
			m    map[string]*TensorInfo
		}{{"input", s.GetInputs()}, {"output", s.GetOutputs()}} {
			for _, name := range slices.Sorted(maps.Keys(side.m)) {
				if fault := checkInfo(side.m[name]); fault != "" {
					faults = append(faults, fmt.Sprintf("%s %q of signature %q: %s", side.what, name, key, fault))
				}
			}
		}
	}
	if len(faults) > 0 {
		return invalid("%s", strings.Join(faults, "; "))
	}
	return nil
}

func checkInfo(t *TensorInfo) string {
	if t == nil {
		return "All TensorInfo protos used in the SignatureDefs must have the name and dtype fields set"
	}
	switch e := t.Encoding.(type) {
	case *for_core_protos_go_proto.TensorInfo_CompositeTensor_:
		for _, c := range e.CompositeTensor.GetComponents() {
			if fault := checkInfo(c); fault != "" {
				return fault
			}
		}
		return ""
	case *for_core_protos_go_proto.TensorInfo_CooSparse_:
		if e.CooSparse.GetValuesTensorName() == "" {
			return "a sparse tensor needs the name of its values"
		}
	default:
		if t.GetName() == "" {
			return "All TensorInfo protos used in the SignatureDefs must have the name and dtype fields set"
		}
	}
	if t.Dtype == types_go_proto.DataType_DT_INVALID {
		return "All TensorInfo protos used in the SignatureDefs must have the name and dtype fields set"
	}
	return ""
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}
