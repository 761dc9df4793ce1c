// Package modeldir handles the layout of a SavedModel's folder. It moves a new model into
// place in one step, numbers the versions of a model, and writes and checks manifests. It
// also knows the reserved keys of signatures and writes sets of tags.
//
// It does not read graphs: package savedmodel fills the folder from a session, and
// package savedmodel/offline from files.
package modeldir
