package signature

import (
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Dense describes an ordinary tensor: its name ("x:0"), type and shape. A dimension of
// -1 may have any size. A nil shape has an unknown rank, an empty one is a scalar.
func Dense(name string, dt dtype.DataType, shape []int64) *graphdef.TensorInfo {
	return &graphdef.TensorInfo{
		Encoding:    &for_core_protos_go_proto.TensorInfo_Name{Name: name},
		Dtype:       dt,
		TensorShape: shapeProto(shape),
	}
}

// Sparse describes a SparseTensor by the names of its three parts, its type, and its
// shape as a dense tensor.
func Sparse(values, indices, denseShape string, dt dtype.DataType, shape []int64) *graphdef.TensorInfo {
	return &graphdef.TensorInfo{
		Encoding: &for_core_protos_go_proto.TensorInfo_CooSparse_{CooSparse: &for_core_protos_go_proto.TensorInfo_CooSparse{
			ValuesTensorName: values, IndicesTensorName: indices, DenseShapeTensorName: denseShape,
		}},
		Dtype:       dt,
		TensorShape: shapeProto(shape),
	}
}

func shapeProto(dims []int64) *tensor_shape_go_proto.TensorShapeProto {
	if dims == nil {
		return &tensor_shape_go_proto.TensorShapeProto{UnknownRank: true}
	}
	clamped := make([]int64, len(dims))
	for i, d := range dims {
		clamped[i] = max(d, -1)
	}
	return nodedef.ShapeProto(clamped)
}

// New makes a SignatureDef without checking it.
func New(inputs, outputs map[string]*graphdef.TensorInfo, method string) *graphdef.SignatureDef {
	s := &graphdef.SignatureDef{MethodName: method}
	if len(inputs) > 0 {
		s.Inputs = inputs
	}
	if len(outputs) > 0 {
		s.Outputs = outputs
	}
	return s
}

// Predict makes the signature of a model with any inputs and outputs, at least one of
// each.
func Predict(inputs, outputs map[string]*graphdef.TensorInfo) (*graphdef.SignatureDef, error) {
	if len(inputs) == 0 {
		return nil, invalid("a prediction needs at least one input")
	}
	if len(outputs) == 0 {
		return nil, invalid("a prediction needs at least one output")
	}
	return New(inputs, outputs, PredictMethod), nil
}

// Regress makes the signature of a regression: the input is a vector of serialized
// tf.Examples (DT_STRING), the output one number (DT_FLOAT) for each.
func Regress(examples, predictions *graphdef.TensorInfo) (*graphdef.SignatureDef, error) {
	switch {
	case examples == nil || predictions == nil:
		return nil, invalid("a regression needs examples and predictions")
	case examples.Dtype != dtype.String:
		return nil, invalid("the input of a regression must be of type string, not %s", dtype.Name(examples.Dtype))
	case predictions.Dtype != dtype.Float32:
		return nil, invalid("the output of a regression must be of type float32, not %s", dtype.Name(predictions.Dtype))
	}
	return New(map[string]*graphdef.TensorInfo{InputsKey: examples}, map[string]*graphdef.TensorInfo{OutputsKey: predictions}, RegressMethod), nil
}

// Classify makes the signature of a classification: the input is a vector of serialized
// tf.Examples (DT_STRING), the outputs are classes (DT_STRING), scores (DT_FLOAT) or
// both. One of the two may be nil.
func Classify(examples, classes, scores *graphdef.TensorInfo) (*graphdef.SignatureDef, error) {
	switch {
	case examples == nil:
		return nil, invalid("a classification needs examples")
	case classes == nil && scores == nil:
		return nil, invalid("a classification needs classes or scores")
	case examples.Dtype != dtype.String:
		return nil, invalid("the input of a classification must be of type string, not %s", dtype.Name(examples.Dtype))
	case classes != nil && classes.Dtype != dtype.String:
		return nil, invalid("the classes of a classification must be of type string, not %s", dtype.Name(classes.Dtype))
	case scores != nil && scores.Dtype != dtype.Float32:
		return nil, invalid("the scores of a classification must be of type float32, not %s", dtype.Name(scores.Dtype))
	}
	outputs := map[string]*graphdef.TensorInfo{}
	if classes != nil {
		outputs[ClassesKey] = classes
	}
	if scores != nil {
		outputs[ScoresKey] = scores
	}
	return New(map[string]*graphdef.TensorInfo{InputsKey: examples}, outputs, ClassifyMethod), nil
}

// Train makes the signature of a training step. Its outputs are the losses, the
// predictions and the metrics, each of which may be nil.
func Train(inputs, losses, predictions, metrics map[string]*graphdef.TensorInfo) (*graphdef.SignatureDef, error) {
	return supervised("a training", TrainMethod, inputs, losses, predictions, metrics)
}

// Eval makes the signature of an evaluation; see [Train].
func Eval(inputs, losses, predictions, metrics map[string]*graphdef.TensorInfo) (*graphdef.SignatureDef, error) {
	return supervised("an evaluation", EvalMethod, inputs, losses, predictions, metrics)
}

func supervised(what, method string, inputs map[string]*graphdef.TensorInfo, groups ...map[string]*graphdef.TensorInfo) (*graphdef.SignatureDef, error) {
	if len(inputs) == 0 {
		return nil, invalid("%s needs at least one input", what)
	}
	outputs := map[string]*graphdef.TensorInfo{}
	for _, group := range groups {
		for key, t := range group {
			if _, twice := outputs[key]; twice {
				return nil, invalid("%s has two outputs %q", what, key)
			}
			outputs[key] = t
		}
	}
	return New(inputs, outputs, method), nil
}

// ForOperation makes the signature that stands for one operation, such as that with the
// key "__saved_model_init_op". key is the key of its only output.
func ForOperation(op, key string) *graphdef.SignatureDef {
	return New(nil, map[string]*graphdef.TensorInfo{key: Dense(op, 0, nil)}, "")
}
