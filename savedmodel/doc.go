// Package savedmodel exports models for serving and loads them back: what
// TensorFlow calls SavedModelBuilder and its loader.
//
// A SavedModel is a folder:
//
//	saved_model.pb   one graph or several, each with tags and signatures
//	variables/       a checkpoint with the values
//	assets/          files that the graphs read, such as vocabularies
//
// Export a trained session:
//
//	err := savedmodel.SimpleSave(ctx, sess, "export/1",
//		map[string]tf.Output{"x": x}, map[string]tf.Output{"y": y})
//
// or, with more graphs, tags, assets and signatures, a [Builder]. Load it, in
// this process or in another:
//
//	m, err := savedmodel.Open(ctx, "export/1", nil)
//	defer m.Close()
//	out, err := m.Predict(ctx, "serving_default", map[string]*tf.Tensor{"x": images})
//
// # One commit
//
// A server that polls the export folder never sees half a model: everything is
// written into a folder beside it, synced, and renamed into place by
// [Builder.Save]. Until then, and after a crash at any point, the folder is what
// it was. The next builder for the same folder sweeps what a crashed one left.
//
// # Safe by default
//
// TensorFlow's loader follows asset paths out of the model's folder, and runs
// whatever operations the model names for its initialisation. This one refuses
// paths that leave the folder, symbolic links among them, and operations that
// read or write other files or call out, unless [LoadOptions] allow it. It
// checks the graph before C++ sees it.
//
// The behaviour is that of tensorflow/python/saved_model/builder_impl.py and
// loader_impl.py where it is not said otherwise.
package savedmodel
