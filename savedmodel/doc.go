// Package savedmodel exports models for serving and loads them back. It does what
// TensorFlow's SavedModelBuilder and its loader do.
//
// A SavedModel is a folder:
//
//	saved_model.pb   one graph or more, each with tags and signatures
//	variables/       a checkpoint with the values of the variables
//	assets/          files that the graphs read, such as vocabularies
//
// [SimpleSave] exports a trained session for serving, and a [Builder] exports several
// graphs, tags, assets and signatures. [Open] loads a model, in this process or in
// another one, and [Model.Predict] runs one of its signatures. The examples show both.
//
// # One commit
//
// A server that polls the export folder never sees half a model: the Builder writes
// everything into a folder beside it, syncs it, and renames it into place in
// [Builder.Save]. Until then, and after a crash at any point, the folder stays what it
// was. The next Builder for the same folder removes what a crashed one left.
//
// # Safe by default
//
// TensorFlow's loader follows asset paths out of the model's folder, and runs any
// operation that the model names as its initialization. This package refuses paths
// and symbolic links that lead out of the folder, and operations that read or write
// other files or open connections, unless [LoadOptions] allow them. It checks the
// graph before TensorFlow imports it.
//
// Where the documentation does not say otherwise, the behavior is that of
// tensorflow/python/saved_model/builder_impl.py and loader_impl.py.
package savedmodel
