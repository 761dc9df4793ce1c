// Package check finds everything in a graph that TensorFlow would refuse, or crash
// on, before TensorFlow sees it:
//
//   - node names that are empty, malformed or used twice
//   - ops that are not known, and too many or too few inputs
//   - inputs that are malformed, missing, or name an output that their node does not
//     have; data inputs after control inputs
//   - cycles other than those of while loops, and functions that call themselves, on
//     which libtensorflow overflows its stack
//   - colocation with missing nodes
//   - graph versions that need a newer TensorFlow
//   - constants, static sizes, chains of nodes and nested functions that would fill
//     memory, overflow TensorFlow's stack or take hours: see [Limits]
//
// [Graph] returns all of these faults at once. It leaves types and shapes to
// TensorFlow.
package check
