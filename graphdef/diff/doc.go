// Package diff compares two graphs node by node: [Graphs] returns every way in which
// they differ. Package checkpoint/diff compares the values of variables.
package diff
