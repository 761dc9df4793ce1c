package signature

// Method names tell a server how to call a signature.
const (
	PredictMethod  = "tensorflow/serving/predict"
	ClassifyMethod = "tensorflow/serving/classify"
	RegressMethod  = "tensorflow/serving/regress"
	TrainMethod    = "tensorflow/supervised/training"
	EvalMethod     = "tensorflow/supervised/eval"
)

// Keys of signatures in a meta graph.
const (
	// DefaultServingKey is the signature that is used when none is named.
	DefaultServingKey = "serving_default"
	// InitOpKey and TrainOpKey hold operations that SavedModels of TensorFlow 2
	// run at load and offer for training. They are not for users' signatures.
	InitOpKey  = "__saved_model_init_op"
	TrainOpKey = "__saved_model_train_op"
)

// Keys of the inputs and outputs of the methods above.
const (
	PredictInputs  = "inputs"
	PredictOutputs = "outputs"
	ClassifyInputs = "inputs"
	ClassesOutput  = "classes"
	ScoresOutput   = "scores"
	RegressInputs  = "inputs"
	RegressOutputs = "outputs"
)

// Tags of the meta graphs of a SavedModel.
const (
	ServingTag  = "serve"
	TrainingTag = "train"
	EvalTag     = "eval"
	GPUTag      = "gpu"
	TPUTag      = "tpu"
)
