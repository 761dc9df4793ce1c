package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
)

// Tensor is a value to write: a whole tensor, or a slice of one.
type Tensor struct {
	Name  string
	DType dtype.DataType
	// Shape is the full shape, also if Slice is not nil. Nil is the shape of a scalar.
	Shape []int64
	// Slice is the part to write; nil is the whole tensor. Several slices of one tensor
	// have the same Name, and must not overlap.
	Slice Slice
	// Data has the elements in row-major order, little-endian: elements × [dtype.Size]
	// bytes. The Writer uses it until the call returns, and does not change it.
	Data []byte
	// Strings has the elements of a tensor of strings or of variants, in place of Data.
	// That of a variant is a serialized VariantTensorDataProto; see [Reader.ReadStrings].
	Strings [][]byte
	// Shard is the number of the data file, less than WriterOptions.NumShards.
	Shard int
}

// maxElements is the largest number of elements, so that offsets in data files do not
// overflow.
const maxElements = 1 << 60

// check refuses tensors that TensorFlow could not read back. It returns the shape of the
// slice.
func (t *Tensor) check() (shape []int64, err error) {
	if shape, err = t.checkDescription(); err != nil {
		return nil, err
	}
	return shape, t.checkSize(shape)
}

// checkDescription is check without the elements.
func (t *Tensor) checkDescription() (shape []int64, err error) {
	if t.Name == "" {
		return nil, t.bad("a tensor needs a name; the format uses the empty one itself")
	}
	switch {
	case dtype.Size(t.DType) > 0 || variable(t.DType):
	case t.DType == dtype.Resource:
		return nil, &tfkeep.Error{Op: "write", Item: "tensor", Name: t.Name, Err: tfkeep.ErrUnsupported,
			Detail: "resource tensors have no bytes of their own to write"}
	default:
		return nil, t.bad(fmt.Sprintf("%d is not a data type", int32(t.DType)))
	}
	if len(t.Shape) > maxRank {
		return nil, t.bad(fmt.Sprintf("rank %d; TensorFlow has no more than %d dimensions", len(t.Shape), maxRank))
	}
	if n, ok := dtype.NumElements(t.Shape); !ok || n > maxElements {
		return nil, t.bad(fmt.Sprintf("the shape %v has a negative dimension or too many elements", t.Shape))
	}
	if t.Slice != nil {
		return t.sliceShape()
	}
	return t.Shape, nil
}

func (t *Tensor) sliceShape() ([]int64, error) {
	r, err := t.Slice.resolve(t.Shape)
	if err != nil {
		var e *tfkeep.Error
		if errors.As(err, &e) {
			return nil, t.bad(e.Detail)
		}
		return nil, err
	}
	for i, e := range r {
		if e.Length == 0 && t.Shape[i] > 0 {
			return nil, t.bad(fmt.Sprintf("slice %s is empty in dimension %d", t.Slice, i))
		}
	}
	return r.lengths(), nil
}

func (t *Tensor) checkSize(shape []int64) error {
	n, _ := dtype.NumElements(shape)
	if variable(t.DType) {
		if t.Data != nil {
			return t.bad(fmt.Sprintf("a %s tensor's elements belong in Strings, not in Data", dtype.Name(t.DType)))
		}
		if int64(len(t.Strings)) != n {
			return t.bad(fmt.Sprintf("shape %v takes %d %ss, got %d", shape, n, dtype.Name(t.DType), len(t.Strings)))
		}
		return nil
	}
	if t.Strings != nil {
		return t.bad(fmt.Sprintf("a %s tensor's elements belong in Data, not in Strings", dtype.Name(t.DType)))
	}
	if want := n * int64(dtype.Size(t.DType)); int64(len(t.Data)) != want {
		return t.bad(fmt.Sprintf("%s of shape %v takes %d bytes, got %d", dtype.Name(t.DType), shape, want, len(t.Data)))
	}
	return nil
}

// isWhole reports whether the slice covers the whole tensor, in whatever form.
func (t *Tensor) isWhole() bool {
	if t.Slice == nil || t.Slice.IsFull() {
		return true
	}
	r, err := t.Slice.resolve(t.Shape)
	return err == nil && slices.Equal(r.lengths(), t.Shape)
}

func (t *Tensor) bad(detail string) error {
	return &tfkeep.Error{Op: "write", Item: "tensor", Name: t.Name, Err: tfkeep.ErrMismatch, Detail: detail}
}

// duplicate returns TensorFlow's error for a tensor or slice that was added before.
func (t *Tensor) duplicate() error {
	return &tfkeep.Error{Op: "write", Item: "tensor", Name: t.Name, Err: tfkeep.ErrExists, Detail: "Adding duplicate key: " + t.Name}
}

// readExactly reads the elements of a tensor of size bytes.
func readExactly(ctx context.Context, t *Tensor, r io.Reader, size int64) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	n, err := io.CopyN(&b, r, size)
	if err != nil {
		return nil, t.readError(err, n, size)
	}
	return b.Bytes(), t.checkEnd(r, size)
}

// readError returns the error of a stream that failed or ended after n bytes.
func (t *Tensor) readError(err error, n, size int64) error {
	if isEOF(err) || err == io.ErrUnexpectedEOF { //nolint:errorlint // io.ReadFull's own, not the stream's
		return t.bad(fmt.Sprintf("%s of shape %v takes %d bytes, the stream has %d", dtype.Name(t.DType), t.Shape, size, n))
	}
	return &tfkeep.Error{Op: "write", Item: "tensor", Name: t.Name, Cause: err, Detail: "reading its elements"}
}

// checkEnd checks that a stream has no bytes after the elements, and no error.
func (t *Tensor) checkEnd(r io.Reader, size int64) error {
	switch n, err := io.CopyN(io.Discard, r, 1); {
	case n > 0:
		return t.bad(fmt.Sprintf("%s of shape %v takes %d bytes, the stream has more", dtype.Name(t.DType), t.Shape, size))
	case !isEOF(err):
		return t.readError(err, size, size)
	}
	return nil
}
