// Package summary says what is in a GraphDef, a MetaGraphDef or a SavedModel:
// ops, inputs and outputs, variables with their shapes, collections, savers,
// signatures, devices, versions. The result is plain data with JSON names, for
// printing or for programs. It reads nothing but the message it is given.
package summary
