// Package tf builds TensorFlow graphs with variables, runs them in sessions, and takes graphs in and out of GraphDefs and meta graphs. It
// stands on the Go binding, whose types it re-exports, so that a program imports
// one tf beside the binding's op:
//
//	g := tf.NewGraph()
//	s := g.Scope()                                    // for op.MatMul and its like
//	w, err := tf.NewVariable(g, "hidden/w", tf.TruncatedNormal(0, 0.1, 64, 128))
//	…
//	step, err := train.Minimize(g, train.NewAdam(1e-3), loss, nil)
//	init, err := tf.GlobalVariablesInitializer(g)
//
//	sess, err := tf.NewSession(g, nil)
//	defer sess.Close()
//	err = sess.RunOps(ctx, init)
//	batch, err := sess.MakeCallable([]tf.Output{x, y}, []tf.Output{loss}, []*tf.Operation{step})
//	defer batch.Close()
//	for … {
//		out, err := batch.Run(ctx, images, labels)
//		…
//		tf.Release(out...)
//	}
//
// # The same graph as Python's
//
// What this package adds to a graph is what Python's tf.compat.v1 adds, node by
// node and name by name: variables and their initializers, the optimizers' slots
// and update ops, collections, VariableDefs. A graph can therefore be built here
// and trained there, or the other way round, and checkpoints fit both. The tests
// compare with Python TensorFlow itself.
//
// # Names and devices
//
// AddOp makes names unique by TensorFlow's rules; a variable, whose name is its
// key in a checkpoint, keeps the name it was given, and a name that is taken is
// an error. Operations that the binding's wrappers add are seen, but not renamed:
// give each its SubScope. WithDevice and WithDeviceFunc hold for all of them.
//
// # Training and clusters
//
// Package tf/train has the optimizers, gradients and the global step. Package tf/cluster
// makes processes the members of a cluster, and places variables on its servers.
//
// # Memory
//
// The collector does not see C memory. Release the tensors that a run gives, as
// soon as they are done with; Close sessions and callables. What is forgotten is
// freed with the Go object, which may be gigabytes later.
//
// The value of a resource variable, once fetched, is a snapshot: later steps do
// not change it, and copy the variable once for that. The value of a reference
// variable (VariableOptions.Ref) is the variable's own memory.
//
// # Errors
//
// Errors of TensorFlow are *Error values, with a code, which errors.Is compares
// with ErrNotFound and its like, and the node where the message names one. A run
// that reads a variable without a value gives an *UninitializedError. Feeds are
// checked against the graph before a run.
//
// # Concurrency
//
// Sessions and callables may be used from many goroutines at a time. A graph may
// too, but for its Scope and its current device, of which there is one each.
package tf
