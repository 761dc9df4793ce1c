// Package stats sums tensors up: is this checkpoint sane?
//
// For every tensor it counts zeros, NaNs and infinities and gives minimum,
// maximum, mean, standard deviation and a histogram of the finite values. What
// stands for "the value" of an element depends on its type: see [Measure].
//
// Tensors are read a piece at a time and several at once, so that a checkpoint
// larger than memory needs a few megabytes a core. Results come in the order
// of the names all the same.
package stats
