// Package verify finds everything that is wrong with what TensorFlow saved. It reports
// all faults, not just the first.
//
// What it checks depends on what is at the path:
//
//   - a checkpoint: its index and every byte of its values (checkpoint.Verify), and its
//     ".meta", if it has one;
//   - a directory of checkpoints: all of them, the state file and what it names, and the
//     files that unfinished saves and deletions left;
//   - a SavedModel: its graphs, signatures, assets and variables;
//   - a directory of SavedModels by version, as TensorFlow Serving reads it;
//   - a graph in a file of its own.
//
// A graph is checked by itself (package graphdef/check) and against its checkpoint: what
// its saver restores must be there, in the right type. If the keys of a saver cannot be
// read from the graph, a note says that it was not checked.
//
// A note is a [checkpoint.Fault] that is Harmless: the model works in spite of it.
package verify
