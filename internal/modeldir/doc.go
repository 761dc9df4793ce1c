// Package modeldir knows how the folder of a SavedModel is laid out, puts one
// in its place in a single step, and keeps the versions of a model apart.
//
// It is pure Go and knows nothing of graphs: package savedmodel fills the
// folder from a session, the tfkeep command from files.
package modeldir
