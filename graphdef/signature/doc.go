// Package signature describes what a model takes and gives: SignatureDefs, the
// contract between a SavedModel and who serves it.
//
//	sig := signature.Predict(
//		map[string]*signature.TensorInfo{"x": signature.Dense("x:0", dtype, []int64{-1, 64})},
//		map[string]*signature.TensorInfo{"y": signature.Dense("y:0", dtype, []int64{-1, 10})})
//
// It works on protobufs alone; package savedmodel makes the TensorInfos from
// the outputs of a live graph. The rules are those of
// tensorflow/python/saved_model/signature_def_utils_impl.py.
package signature
