// Package diff compares two checkpoints: which tensors were added, removed, reshaped or
// retyped, and by how much the values of the others changed.
//
// Two elements are the same if their bytes are the same, if they are equal numbers (0 and
// -0), if both are NaN, or if they differ by no more than the tolerance. How the values
// are stored does not matter: a V1 checkpoint can be compared with a V2 checkpoint, and a
// partitioned checkpoint with one that is not partitioned.
package diff
