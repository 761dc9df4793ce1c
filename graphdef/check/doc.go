// Package check finds everything in a graph that TensorFlow would refuse, or crash
// on, before TensorFlow sees it:
//
//   - node names that are empty, malformed or used twice
//   - ops that are not known, and too many or too few inputs
//   - attributes that are missing, of another type or not allowed, a Const without value
//     among them; inputs of another type than the output that they come from
//   - inputs that are malformed, missing, or name an output that their node does not
//     have; data inputs after control inputs
//   - cycles other than those of while loops, and functions that call themselves, on
//     which libtensorflow overflows its stack
//   - colocation with missing nodes
//   - devices that are not names of devices
//   - graph versions that need a newer TensorFlow
//   - constants, static sizes, chains of nodes and nested functions that would fill
//     memory, overflow TensorFlow's stack or take hours: see [Limits]
//
// [Graph] returns all of these faults at once. [MetaGraph] also finds what is wrong with the
// collections and the SaverDef of a meta graph: names of nodes and tensors that are gone,
// damaged variables, queue runners, conditionals and loops. Both leave shapes to TensorFlow.
package check
