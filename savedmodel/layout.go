package savedmodel

import "github.com/tfkeep/tfkeep/internal/modeldir"

// The names within a SavedModel, and those of its collections.
const (
	FilenamePB    = modeldir.FilenamePB
	FilenamePBTxt = modeldir.FilenamePBTxt
	VariablesDir  = modeldir.VariablesDir
	VariablesName = modeldir.VariablesName // prefix of the checkpoint within VariablesDir
	AssetsDir     = modeldir.AssetsDir

	AssetsKey     = "saved_model_assets"   // collection of AssetFileDefs
	MainOpKey     = "saved_model_main_op"  // collection with the operation to run after loading
	LegacyInitKey = "legacy_init_op"       // the same, of old models
	TrainOpKey    = "saved_model_train_op" // collection with the training step

	schemaVersion = 1 // of SavedModel.saved_model_schema_version
	anyAssetURL   = "type.googleapis.com/tensorflow.AssetFileDef"
)

// IsSavedModel tells whether dir holds a SavedModel: binary, text or in chunks. It is
// TensorFlow's maybe_saved_model_directory.
func IsSavedModel(dir string) bool { return modeldir.IsSavedModel(dir) }

// Versions lists the versions of a model: the numbered folders of base that
// hold one, in order.
func Versions(base string) ([]int64, error) { return modeldir.Versions(base) }
