package tf

// Keys of standard collections (tf.compat.v1.GraphKeys). A collection may have any other
// key.
const (
	GlobalVariables    = "variables" // every variable that is saved by default
	LocalVariables     = "local_variables"
	TrainableVariables = "trainable_variables"
	ModelVariables     = "model_variables"
	MetricVariables    = "metric_variables"
	GlobalStep         = "global_step"
	TrainOp            = "train_op"
	TableInitializers  = "table_initializer"
	SaveableObjects    = "saveable_objects"
	Savers             = "savers"
)
