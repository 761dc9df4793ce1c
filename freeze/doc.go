// Package freeze turns a graph with variables into one GraphDef without variables, which
// TensorFlow calls freeze_graph. It is pure Go and needs no session, no libtensorflow and
// no Python.
//
// A frozen graph holds the values of its variables as constants, so that one file is the
// whole model. Freezing needs a graph, the values, and the names of the output nodes:
// [New] takes them and returns a [Plan], which writes the frozen graph. [FromCheckpoint],
// [FromMetaGraph], [FromGraph] and [FromSavedModel] read the usual pairs of files first.
// The example of FromCheckpoint shows a whole program.
//
// # What happens to the graph
//
// Only what the outputs need is kept, in the order of the original graph: the nodes that
// are reached from the outputs through data inputs, control inputs and colocation. Then
//
//   - Variable, VariableV2 and VarHandleOp become Const;
//   - ReadVariableOp becomes Identity, ResourceGather and ResourceGatherNd become GatherV2
//     and GatherNd, VariableShape becomes Shape;
//   - an operation that only passes a variable on (Identity, Switch, Merge, Enter, Exit,
//     NextIteration, and their Ref twins) passes its value on instead;
//   - functions that a variable enters (PartitionedCall, While, If, Case, a function called
//     by its own name) are copied, and the argument of the copy is a value instead of a
//     handle; the copies are called NAME_frozen_0, NAME_frozen_1, …;
//   - writes to variables become arithmetic, and reads take the value of the write that
//     they follow. Branches and functions return new values, and loops carry them. A
//     write whose value nothing needs is removed. Where the graph does not say in which order
//     a read and a write happen, freezing is refused. The [Report] lists these changes.
//
// docs/freeze.md says for each kind of node what becomes of it.
//
// Names do not change, so the feeds and fetches of the live model work on the frozen graph.
// The versions of the graph stay, and so do the functions that are still called.
//
// # Where values come from
//
// Values come from any checkpoint.Source: a checkpoint.Reader, or a session by
// saver.Freeze. A variable is looked up under the keys under which the savers in the graph
// restore it, then under the name of its node.
//
// # Memory
//
// The plan holds the graph but no weights: [Plan.Write] copies each weight from the
// checkpoint to the output. A frozen graph is one protobuf message, and TensorFlow reads
// none above 2 GiB, so New refuses a larger one with a tfkeep.ErrTooLarge. A SavedModel has
// no such limit.
//
// # TensorFlow's own tool
//
// The semantics are those of tensorflow/python/framework/convert_to_constants.py and
// tensorflow/python/tools/freeze_graph.py. Some graphs that TensorFlow refuses, or turns
// into graphs that do not load, are frozen here: partitioned variables, batch normalization
// on ref variables, resource variables without a SaverDef.
package freeze
