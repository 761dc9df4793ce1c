// Package summary summarizes a GraphDef, a MetaGraphDef or a SavedModel: ops, inputs and
// outputs, variables with their shapes, collections, savers, signatures, devices and
// versions. The result is plain data with JSON names, for printing or for programs.
package summary
