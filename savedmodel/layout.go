package savedmodel

import (
	"os"
	"path/filepath"
)

// The names within a SavedModel, and those of its collections.
const (
	FilenamePB    = "saved_model.pb"
	FilenamePBTxt = "saved_model.pbtxt"
	VariablesDir  = "variables"
	VariablesName = "variables" // prefix of the checkpoint within VariablesDir
	AssetsDir     = "assets"
	AssetsKey     = "saved_model_assets"   // collection of AssetFileDefs
	MainOpKey     = "saved_model_main_op"  // collection with the operation to run after loading
	LegacyInitKey = "legacy_init_op"       // the same, of old models
	TrainOpKey    = "saved_model_train_op" // collection with the training step
	schemaVersion = 1                      // of SavedModel.saved_model_schema_version
	anyAssetURL   = "type.googleapis.com/tensorflow.AssetFileDef"
)

// IsSavedModel tells whether dir holds a SavedModel, binary or text. It is
// TensorFlow's maybe_saved_model_directory.
func IsSavedModel(dir string) bool {
	for _, name := range []string{FilenamePB, FilenamePBTxt} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}
