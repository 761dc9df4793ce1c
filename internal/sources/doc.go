// Package sources reads tensors from a checkpoint.Source: whole or in part, numbers or
// strings, with the optional interfaces that the source implements.
package sources
