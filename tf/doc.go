// Package tf builds TensorFlow graphs with variables and optimizers, trains them
// in sessions, and takes graphs in and out of GraphDefs and meta graphs. It
// stands on the Go binding, whose types it re-exports, so that a program imports
// one tf beside the binding's op:
//
//	g := tf.NewGraph()
//	s := g.Scope()                                    // for op.MatMul and its like
//	w, err := tf.NewVariable(g, "hidden/w", tf.TruncatedNormal(0, 0.1, 64, 128))
//	…
//	train, err := tf.Adam{LearningRate: 1e-3}.Minimize(g, loss, step)
//	init, err := tf.GlobalVariablesInitializer(g)
//
//	sess, err := tf.NewSession(g, nil)
//	defer sess.Close()
//	err = sess.RunOps(ctx, init)
//	batch, err := sess.MakeCallable([]tf.Output{x, y}, []tf.Output{loss}, []*tf.Operation{train})
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
// # Clusters
//
// A cluster is processes that execute parts of a graph: a ClusterSpec says who they
// are, NewServer makes a process one of them, and a session with a Target runs its
// graph on all that the nodes' devices name. A variable on "/job:ps/task:0" lives in
// that process, whichever session asks for it:
//
//	cluster, job, task, err := tf.ClusterFromEnv() // TF_CONFIG
//	server, err := tf.NewServer(cluster, &tf.ServerOptions{Job: job, Task: task})
//	if job == "ps" {
//		return server.Join(ctx) // a parameter server does no more
//	}
//	g := tf.NewGraph()
//	setter := tf.ReplicaDeviceSetter{Cluster: cluster, WorkerDevice: server.Device()}
//	err = g.WithReplicaDevices(setter, func() error { … }) // variables on the servers, all else here
//	sess, err := tf.NewSession(g, &tf.SessionOptions{
//		Target:           server.Target(),
//		DeviceFilters:    []string{"/job:ps", server.Device()},
//		OperationTimeout: time.Minute,
//	})
//
// Where each worker builds such a graph, they share the variables: that is
// between-graph replication. One of them, the chief, initializes and saves. Package
// saver/supervisor does that, and goes on where a server was lost.
//
// By TensorFlow's defaults a session waits for ever for a server that is gone; set
// OperationTimeout, or give runs a context with a deadline. Servers take orders from
// everybody who reaches their port, which is on every network interface.
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
