// Package cluster makes processes the members of a TensorFlow cluster, and places the
// variables of a graph on its servers.
//
// A [Spec] lists the tasks of a cluster, and [NewServer] makes a process one of
// them. A session whose Target is a server runs its graph on all tasks that the nodes'
// devices name. A variable on "/job:ps/task:0" lives in that process, whichever session
// uses it. The package's Example is a program for both roles, parameter server and worker.
//
// If each worker builds such a graph, the workers share the variables; this is
// between-graph replication. One of them, the chief, initializes and saves. Package
// saver/supervisor does that, and continues after a server was lost.
//
// By default, TensorFlow's sessions wait without limit for a server that is gone. Set
// OperationTimeout, or run with a context that has a deadline. A server executes whatever
// it receives from anyone who can reach its port, which is open on every network interface.
package cluster
