// Package nodedef reads and makes the parts of a NodeDef: attributes, names of inputs and tensors,
// shapes, colocations, and the functions of a graph's library.
package nodedef
