// Package diff compares two checkpoints: which tensors were added, removed,
// reshaped or retyped, and by how much the values of the others changed.
//
// Two elements are the same when their bytes are, when they are equal as
// numbers (0 and -0), when both are NaN, or when they are no further apart
// than the tolerance. Files do not matter: a V1 and a V2 checkpoint, or one
// that is partitioned and one that is not, are compared by what they hold.
package diff
