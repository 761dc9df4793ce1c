package signature

import "github.com/tfkeep/tfkeep/internal/modeldir"

// The method names, which define how a server calls a signature.
const (
	PredictMethod  = "tensorflow/serving/predict"
	ClassifyMethod = "tensorflow/serving/classify"
	RegressMethod  = "tensorflow/serving/regress"
	TrainMethod    = "tensorflow/supervised/training"
	EvalMethod     = "tensorflow/supervised/eval"
)

// DefaultServingKey is the key of the signature that servers use if no key is given.
const DefaultServingKey = "serving_default"

// The keys of inputs and outputs in the signatures of regressions and classifications.
const (
	InputsKey  = "inputs"  // the only input of both
	OutputsKey = "outputs" // the only output of a regression
	ClassesKey = "classes" // the outputs of a classification
	ScoresKey  = "scores"
)

// The usual tags of the graphs in a SavedModel.
const (
	ServingTag  = modeldir.ServingTag
	TrainingTag = "train"
	EvalTag     = "eval"
)
