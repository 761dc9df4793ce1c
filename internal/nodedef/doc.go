// Package nodedef reads what the parts of a NodeDef mean: names of inputs and tensors,
// shapes, colocations, and the functions of a graph's library.
package nodedef
