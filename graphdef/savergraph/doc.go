// Package savergraph reads a graph's save and restore nodes: which tensors they save
// and restore, under which keys, as which slices, and on which task of a cluster. It
// runs nothing and needs neither TensorFlow nor a checkpoint.
//
// A Saver is a group of nodes in a graph. SaveV2 nodes take the tensors to save and,
// as constants of strings, a key and a slice for each. RestoreV2 nodes take the same
// constants and return tensors, which Assign nodes store in variables. A SaverDef names
// the two ends: the tensor to fetch for a save, and the operation to run for a restore.
// [Graph.Save] and [Graph.Restore] start there and walk the graph:
//
//	variable ──▶ SaveV2 ──▶ MergeV2Checkpoints ──▶ save tensor
//	RestoreV2 ──▶ Identity, Reshape, Cast ──▶ Assign ──▶ restore operation
//
// All forms since TensorFlow 0.5 are read: SaveV2, SaveSlices and Save; RestoreV2,
// RestoreSlice and Restore; constants written as a list of strings, packed into
// bytes (as the C API writes them), or as one element that repeats.
//
// Keys can also be computed when the graph runs. Then this package cannot know them, and
// returns an error of kind [ErrUnknownForm] that names the node.
//
// Graphs may be hostile: the work is bounded by the size of the graph.
package savergraph
