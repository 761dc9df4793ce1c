// Package ports counts and types the inputs and outputs of a node according to the
// definition of its op.
package ports
