package modeldir

// Keys of the collections of a SavedModel's graphs.
const (
	AssetsCollection     = "saved_model_assets"   // AssetFileDefs
	MainOpCollection     = "saved_model_main_op"  // the operation to run after loading
	LegacyInitCollection = "legacy_init_op"       // the same, in old models
	TrainOpCollection    = "saved_model_train_op" // the training step
)
