package savedmodel

import "github.com/tfkeep/tfkeep/internal/modeldir"

// IsSavedModel reports whether dir holds a SavedModel: binary, text or in chunks. It is
// TensorFlow's maybe_saved_model_directory.
func IsSavedModel(dir string) bool { return modeldir.IsSavedModel(dir) }

// Versions returns the versions of a model in ascending order: the numbered folders of
// base that hold a SavedModel.
func Versions(base string) ([]int64, error) { return modeldir.Versions(base) }
