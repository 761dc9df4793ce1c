package vfs

import "context"

type contextKey struct{}

// NewContext returns a context that makes the functions of this module work on fsys
// instead of the operating system's file system. Tests use it to let a disk fill up
// or a process die at each step of an operation.
func NewContext(ctx context.Context, fsys FS) context.Context {
	return context.WithValue(ctx, contextKey{}, fsys)
}

// FromContext returns the file system that a function works on: that of [NewContext],
// or the operating system's. So it is without a context.
func FromContext(ctx context.Context) FS {
	if ctx == nil {
		return OS
	}
	if fsys, ok := ctx.Value(contextKey{}).(FS); ok {
		return fsys
	}
	return OS
}
