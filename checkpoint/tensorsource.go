package checkpoint

import (
	"context"
	"io"
)

// Source is a collection of named tensors whose values can be read: a
// checkpoint (see [Reader]), a file of another format, a session's variables, or
// memory. All methods may be called from many goroutines at once.
//
// A source that has tensors of strings is also a [StringSource], and one that
// can read a part of a tensor is also a [SliceSource].
type Source interface {
	// Tensors returns what the source has, sorted by name. The caller must not
	// change it. Name, DType, Shape and Bytes are always set.
	Tensors() []TensorInfo
	// Lookup returns what the source has under a name.
	Lookup(name string) (TensorInfo, bool)
	// OpenTensor streams a tensor of numbers: its elements in row-major order and
	// little-endian, TensorInfo.Bytes in all. Damage that is found only at the
	// end is the error of the last Read, in place of io.EOF. The stream fails
	// once ctx is done.
	OpenTensor(ctx context.Context, name string) (io.ReadCloser, error)
}

// StringSource is a [Source] that may have tensors of strings.
type StringSource interface {
	Source
	// ReadStrings reads the elements of a tensor of strings, in row-major order.
	ReadStrings(ctx context.Context, name string) ([][]byte, error)
}

// SliceSource is a [Source] that can read a part of a tensor.
type SliceSource interface {
	Source
	// OpenSlice is OpenTensor for a part of a tensor.
	OpenSlice(ctx context.Context, name string, s Slice) (io.ReadCloser, error)
	// ReadSliceStrings reads a part of a tensor of strings.
	ReadSliceStrings(ctx context.Context, name string, s Slice) ([][]byte, error)
}

var (
	_ StringSource = (*Reader)(nil)
	_ SliceSource  = (*Reader)(nil)
)
