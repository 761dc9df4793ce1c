// Package tfkeep has the kinds of errors that all packages of the module share, and the
// type for the place of an error.
//
// The module saves, resumes, freezes and serves TensorFlow graph-mode models from Go. Start
// with one of these packages:
//
//   - tf: graphs, variables and sessions; tf/train: optimizers; tf/cluster: servers
//   - saver: save a session's variables, and resume from them
//   - savedmodel: build and load SavedModels
//   - freeze: turn a graph and its variables into one frozen graph
//   - checkpoint and checkpoint/dir: read, write and list checkpoint files without TensorFlow
//   - graphdef: read, write and change graph files without TensorFlow
//   - verify: check all of these files
//
// # Errors
//
// Test for a kind with errors.Is, whichever package returned the error:
//
//	r, err := dir.Open(ctx, "train", nil)
//	if errors.Is(err, tfkeep.ErrNotFound) {
//		return nil // the folder has no checkpoint yet
//	}
//
// Get the place with errors.As and [Error]:
//
//	var e *tfkeep.Error
//	if errors.As(err, &e) {
//		log.Printf("cannot %s %s", e.Op, e.Path)
//	}
//
// # Arguments
//
// A nil context, session, graph, reader or writer, an Output of no operation, and the zero
// value of a type that a function of its package makes, such as tf.Graph, are ErrArgument; a
// closed object is ErrClosed. Options may be nil, and a nil message is an empty one. Lists in
// messages have no nil elements. Methods of a nil pointer or of such a zero value that return
// no error panic.
//
// Errors that list several findings, such as saver.RestoreError, have types of their own.
package tfkeep
