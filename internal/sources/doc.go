// Package sources reads tensors from any checkpoint.Source into memory. It also has the
// errors that a source returns for reads that it does not support.
package sources
