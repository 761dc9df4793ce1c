// Package fingerprint computes the content of fingerprint.pb, the file by which TensorFlow 2
// tells SavedModels apart. Nothing checks it when a model is loaded, so a wrong one would stay
// unnoticed: [Of] computes each field as TensorFlow 2.21 does, or returns an error.
//
// A fingerprint has five hashes of farmhash's Fingerprint64: of saved_model.pb, of the graph
// without its functions and what differs between machines, of the signatures, of the functions
// of the object graph, and of the checkpoint's index. TensorFlow hashes messages as its C++ code
// writes them, which is not what is in the file: Python sorts maps with numbers as keys in
// another order. So this package writes messages in C++'s order, field by field, without the Go
// types of the messages. See tensorflow/cc/saved_model/fingerprinting.cc.
package fingerprint
