// Package sources reads tensors of any checkpoint.Source into memory, and has the errors of
// sources that cannot read everything.
package sources
