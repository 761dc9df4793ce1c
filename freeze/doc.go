// Package freeze turns a graph with variables into one GraphDef without any:
// what TensorFlow calls freeze_graph, in pure Go, with no session, no
// libtensorflow and no Python.
//
// A frozen graph holds the values of its variables as constants, so one file
// is the whole model. Freezing needs three things: a graph, the values, and
// the names of the nodes that matter:
//
//	plan, err := freeze.New(graph, values, &freeze.Options{Outputs: []string{"y"}})
//	n, err := plan.WriteFile(ctx, "frozen.pb")
//
// [FromCheckpoint], [FromMetaGraph], [FromGraph] and [FromSavedModel] read the
// usual pairs of files and call [New].
//
// # What happens to the graph
//
// Only what the outputs need is kept, in the order of the original graph:
// the nodes reached from them through data inputs, control inputs and
// colocation. Then
//
//   - Variable, VariableV2 and VarHandleOp become Const;
//   - ReadVariableOp becomes Identity, ResourceGather and ResourceGatherNd
//     become GatherV2 and GatherNd, VariableShape becomes Shape;
//   - what merely passes a variable on (Identity, Switch, Merge, Enter, Exit,
//     NextIteration, and their Ref twins) passes its value on instead;
//   - functions that a variable enters (PartitionedCall, While, If, Case, a
//     function called by its own name) are copied, with the argument turned
//     from a handle into a value; the copies are named NAME_frozen_0, …;
//   - a write to a frozen variable (the moving averages of a batch
//     normalisation in training mode, a counter) can't stay: where only the
//     order of execution depends on it, it is dropped; where its result is
//     used, it becomes the arithmetic alone (AssignSub becomes Sub). The
//     [Report] names each.
//
// Names do not change, so feeds and fetches of the live model work on the
// frozen one. The function library and the versions of the graph stay.
//
// # Memory
//
// The plan holds the graph but none of the weights: [Plan.WriteTo] copies each
// from the checkpoint to the output as it goes. A frozen graph is one protobuf
// message and TensorFlow reads none above 2 GiB, so a larger one is refused,
// with [ErrTooLarge], before anything is written; a SavedModel has no such
// limit.
//
// The semantics are those of tensorflow/python/framework/convert_to_constants.py
// and tensorflow/python/tools/freeze_graph.py; where TensorFlow refuses a
// graph or makes one that does not load (partitioned variables, batch
// normalisation on ref variables, resource variables without a SaverDef), this
// package freezes it.
package freeze
