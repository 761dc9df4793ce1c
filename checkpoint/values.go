package checkpoint

import (
	"context"
	"encoding/binary"
	"unsafe"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
)

// Values returns the elements of a tensor, or of the part of it that part selects, in
// row-major order. A nil part is the whole tensor. If the tensor has another type than T,
// the error is a tfkeep.ErrMismatch.
func Values[T dtype.Element](ctx context.Context, r *Reader, name string, part Slice) ([]T, error) {
	t, end, err := r.begin(name)
	if err != nil {
		return nil, err
	}
	defer end()
	var zero T
	if !dtype.Holds[T](t.DType) {
		return nil, t.errorf(r.prefix, -1, tfkeep.ErrMismatch, "it has %s, and Values was called for %T", dtype.Name(t.DType), zero)
	}
	sel, err := r.selectParts(t, part)
	if err != nil {
		return nil, err
	}
	if t.DType == dtype.String {
		elems, err := sel.strings(ctx)
		if err != nil {
			return nil, err
		}
		out := make([]T, len(elems))
		for i, e := range elems {
			*any(&out[i]).(*string) = string(e)
		}
		return out, nil
	}
	out := make([]T, sel.box.volume())
	dst := bytesOf(out)
	if err := sel.readInto(ctx, dst); err != nil {
		return nil, err
	}
	toNative(dst, t.DType)
	return out, nil
}

// bytesOf is the memory of numbers, read into without a copy.
func bytesOf[T dtype.Element](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(s[0])))
}

// toNative turns little-endian bytes into valid Go values.
func toNative(b []byte, dt dtype.DataType) {
	dtype.Normalize(dt, b)
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		swapBytes(b, wordSize(dt))
	}
}

// wordSize returns the bytes of the smallest unit that byte order applies to.
func wordSize(dt dtype.DataType) int {
	if dtype.IsComplex(dt) {
		return dtype.Size(dt) / 2
	}
	return dtype.Size(dt)
}
