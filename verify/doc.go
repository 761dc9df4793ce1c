// Package verify looks for everything that can be wrong with what TensorFlow
// saved, and tells all of it rather than the first.
//
// What there is at a path decides what is looked at:
//
//   - a checkpoint: its index and every byte of its values (checkpoint.Verify),
//     and its ".meta", if there is one;
//   - a directory of checkpoints: all of them, the state file and what it names,
//     and files that unfinished or forgotten saves left behind;
//   - a SavedModel: its graphs, signatures and assets, and the variables;
//   - a directory of SavedModels by version, as TensorFlow Serving reads it;
//   - a graph in a file of its own.
//
// A graph is checked by itself (check.Graph) and against its checkpoint:
// what its saver would restore has to be there, in the right type.
//
// Damage is told from what is merely untidy: a [checkpoint.Fault] that is
// Harmless does not keep the model from working.
package verify
