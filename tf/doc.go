// Package tf builds TensorFlow graphs with variables, runs them in sessions, and imports
// and exports GraphDefs and meta graphs. Package tf/op has a function for each of
// TensorFlow's ops. The package example shows a whole program.
//
// # Graphs
//
// What this package adds to a graph is what Python's tf.compat.v1 adds, node by node and
// name by name: variables and their initializers, collections, VariableDefs. So a graph
// that is built here can be trained in Python, and the other way round, and checkpoints
// fit both. The tests compare the graphs with those of Python.
//
// [Graph.AddOp] and the functions of tf/op make names unique by TensorFlow's rules.
// [NewVariable] does not change the name of a variable, because it is its key in
// checkpoints; a name that is taken is an error. The current device ([Graph.WithDevice],
// [Graph.WithDeviceFunc]) applies to all of them.
//
// A [Scope] holds what operations have in common: the beginning of their names, a device,
// control dependencies. If an operation cannot be added, the graph keeps the error
// ([Graph.Err]), with the line of the program that added it, and everything that needs the
// whole graph returns it.
//
// # Element types
//
// The functions of this package take and return the types of package dtype, such as
// dtype.Float32; AddOp and tf/op accept them as attributes. The tensors of the binding have its
// own types, such as tensorflow.Float. A conversion, tf.DataType(dtype.Float32), makes one
// of the other, and tf/op and the functions of package dtype accept both.
//
// # Training and clusters
//
// Package tf/train has optimizers, gradients and the global step. Package tf/cluster makes
// processes the members of a cluster, and places variables on its servers.
//
// # Memory
//
// The garbage collector does not see C memory. Release the tensors that a run returns as
// soon as they are no longer needed, and close sessions and callables. What a program
// forgets is freed with the Go object, which may be gigabytes later.
//
// The value of a resource variable that a run fetches is a snapshot: later steps do not
// change it, and copy the variable once for that. The value of a reference variable
// (VariableOptions.Ref) is the variable's own memory.
//
// # Errors
//
// Errors of TensorFlow are *status.Error values. They have a status code, for errors.Is
// (status.Unavailable), and the node if the message names one. A run that reads a variable
// without a value returns an *[UninitializedError]. Feeds are checked against the graph
// before a run.
//
// # Concurrency
//
// Goroutines may use a session or callable at the same time. They may also use a graph at
// the same time, except for its current device, of which there is one.
package tf
