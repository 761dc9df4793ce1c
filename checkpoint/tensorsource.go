package checkpoint

import (
	"context"
	"io"
	"iter"
)

// Source is a collection of named tensors whose values can be read: a checkpoint (see
// [Reader]), a file of another format, the variables of a session, or memory. Several
// goroutines may call its methods at the same time.
type Source interface {
	// Tensors returns the tensors of the source, sorted by name. Name, DType, Shape and
	// Bytes are set in all of them.
	Tensors() iter.Seq[TensorInfo]
	// Lookup returns the tensor that has a name.
	Lookup(name string) (TensorInfo, bool)
	// OpenTensor returns a stream of the elements of a tensor of numbers in row-major
	// order, little-endian. If the end of the stream shows that the tensor is damaged,
	// the last Read returns the error in place of io.EOF. The stream fails once ctx is
	// done. A nil part is the whole tensor; a source that cannot read another part
	// returns tfkeep.ErrUnsupported.
	OpenTensor(ctx context.Context, name string, part Slice) (io.ReadCloser, error)
	// ReadStrings returns the elements of a tensor of strings in row-major order. A nil
	// part is the whole tensor. A source that has no strings, or cannot read a part,
	// returns tfkeep.ErrUnsupported.
	ReadStrings(ctx context.Context, name string, part Slice) ([][]byte, error)
}

var _ Source = (*Reader)(nil)
