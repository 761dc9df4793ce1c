package signature

// The method names, which define how a server calls a signature.
const (
	PredictMethod  = "tensorflow/serving/predict"
	ClassifyMethod = "tensorflow/serving/classify"
	RegressMethod  = "tensorflow/serving/regress"
	TrainMethod    = "tensorflow/supervised/training"
	EvalMethod     = "tensorflow/supervised/eval"
)

// The keys of signatures in a meta graph.
const (
	// DefaultServingKey is the signature that servers use if no key is given.
	DefaultServingKey = "serving_default"
	// InitOpKey and TrainOpKey are signatures of one operation, which SavedModels of
	// TensorFlow 2 run when they are loaded, and offer for training. Users'
	// signatures must not have these keys.
	InitOpKey  = "__saved_model_init_op"
	TrainOpKey = "__saved_model_train_op"
)

// The keys of inputs and outputs in the signatures of regressions and classifications.
const (
	InputsKey  = "inputs"  // the only input of both
	OutputsKey = "outputs" // the only output of a regression
	ClassesKey = "classes" // the outputs of a classification
	ScoresKey  = "scores"
)

// The usual tags of the graphs in a SavedModel.
const (
	ServingTag  = "serve"
	TrainingTag = "train"
	EvalTag     = "eval"
)
