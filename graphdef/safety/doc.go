// Package safety decides what a graph from a stranger may do to the program that reads it.
// It looks at the graph and its functions alone; nothing runs.
//
// A graph is a program, and TensorFlow runs parts of it early: shape inference evaluates
// constant parts of a graph while the graph is imported, the restore operation runs when
// variables are restored, and a SavedModel names an operation that initializes it. Each
// of TensorFlow's ops therefore has a verdict, with a reason, in ops.txt:
//
//   - load: it may run at all of these times. It computes with its inputs, or with what
//     the session holds itself: variables, tables, arrays.
//   - asset: it may run like that, but only with a file that is an asset of the model.
//   - call: it may run when somebody calls a signature.
//   - refuse: it may open files, talk to other machines, wait without end, or end the
//     process.
//
// An op that is not in the table, because TensorFlow or a library of custom ops has added
// it since, is refused until somebody reviews it.
//
// [Run.Check] follows everything that a run would reach: inputs, control inputs, and all
// functions that nodes or attributes name, however deep. [CheckImport] finds what shape
// inference would evaluate. [Plan] knows what a SavedModel runs when, and checks all of it.
package safety
