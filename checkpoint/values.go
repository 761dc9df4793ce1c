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
	t, end, err := r.begin(ctx, name)
	if err != nil {
		return nil, err
	}
	defer end()
	var zero T
	if !holds[T](t.DType) {
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

// holds reports whether T is the Go type for elements of type dt.
func holds[T dtype.Element](dt dtype.DataType) bool {
	var zero T
	switch any(zero).(type) {
	case float32:
		return dt == dtype.Float32
	case float64:
		return dt == dtype.Float64
	case int8:
		return dt == dtype.Int8 || dt == dtype.QInt8 || dt == dtype.Int4 || dt == dtype.Int2
	case int16:
		return dt == dtype.Int16 || dt == dtype.QInt16
	case int32:
		return dt == dtype.Int32 || dt == dtype.QInt32
	case int64:
		return dt == dtype.Int64
	case uint8:
		return dt == dtype.Uint8 || dt == dtype.QUint8 || dt == dtype.Uint4 || dt == dtype.Uint2 || dtype.IsFloat(dt) && dtype.Size(dt) == 1
	case uint16:
		return dt == dtype.Uint16 || dt == dtype.QUint16
	case uint32:
		return dt == dtype.Uint32
	case uint64:
		return dt == dtype.Uint64
	case bool:
		return dt == dtype.Bool
	case complex64:
		return dt == dtype.Complex64
	case complex128:
		return dt == dtype.Complex128
	case dtype.F16:
		return dt == dtype.Float16
	case dtype.BF16:
		return dt == dtype.BFloat16
	case string:
		return dt == dtype.String
	}
	return false
}

// bytesOf returns the memory of numbers, to read into it without a copy.
func bytesOf[T dtype.Element](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(s[0])))
}

// toNative turns little-endian bytes into Go values.
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
