// Package stats summarizes the tensors of a checkpoint, to show whether its values are
// plausible.
//
// For each tensor it counts zeros, NaNs and infinities and computes minimum, maximum,
// mean, standard deviation and a histogram of the finite values. The value of an element
// that is not a real number is its [Measure].
//
// Several tensors are read at once, each piece by piece, so that a checkpoint larger than
// memory takes a few megabytes per goroutine. The results are still in order.
package stats
