// Package signature makes and checks SignatureDefs, which describe the inputs and
// outputs that a SavedModel offers to a server. Example shows how to make one.
//
// It works on protobufs only; package savedmodel makes the TensorInfos from the outputs
// of a live graph. The rules are those of
// tensorflow/python/saved_model/signature_def_utils_impl.py. A signature that breaks
// them is a tfkeep.ErrArgument.
package signature
