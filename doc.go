// Package tfkeep names the kinds of errors that every package of the module shares,
// and the one type that says where an error happened.
//
// tfkeep saves, resumes, freezes and serves TensorFlow graph-mode models from Go. Start
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
//	_, err := checkpoint.Open(ctx, "train/model-100", nil)
//	if errors.Is(err, tfkeep.ErrNotFound) {
//		// Start from scratch.
//	}
//
// Get the place with errors.As and [Error]. Errors that list several findings, such as
// saver.RestoreError, have types of their own.
package tfkeep
