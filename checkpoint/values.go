package checkpoint

import (
	"context"
	"encoding/binary"
	"math"
	"unsafe"
)

// F16 is an IEEE 754 half-precision number, TensorFlow's float16, as its bits.
type F16 uint16

// BF16 is a bfloat16: the upper half of a float32's bits.
type BF16 uint16

// Float32 gives the number, exactly.
func (f F16) Float32() float32 {
	sign := uint32(f>>15) << 31
	exp := uint32(f >> 10 & 0x1f)
	frac := uint32(f & 0x3ff)
	switch {
	case exp == 0x1f: // infinity, not a number
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	case exp != 0:
		return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
	}
	// Zero and the subnormal numbers: frac × 2^-24.
	v := float32(frac) * (1.0 / (1 << 24))
	return math.Float32frombits(sign | math.Float32bits(v))
}

// Float32 gives the number, exactly.
func (f BF16) Float32() float32 { return math.Float32frombits(uint32(f) << 16) }

// Element is a Go type that [Values] gives. Each serves the data type of its
// name and, further:
//
//   - F16 serves float16, BF16 bfloat16;
//   - int8, uint8, int16, uint16 and int32 the quantized types, as their bits;
//   - int8 the types int2 and int4; uint8 uint2, uint4 and, as their bits, the
//     float types of 4 and 8 bits: all of these take a byte an element;
//   - string serves string.
type Element interface {
	float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 |
		bool | complex64 | complex128 | F16 | BF16 | string
}

// Values reads a whole tensor as a Go slice, in row-major order. ErrMismatch
// says that the tensor has another data type.
func Values[T Element](ctx context.Context, r *Reader, name string) ([]T, error) {
	return SliceValues[T](ctx, r, name, nil)
}

// SliceValues is [Values] for a part of a tensor.
func SliceValues[T Element](ctx context.Context, r *Reader, name string, s Slice) ([]T, error) {
	t, end, err := r.begin(name)
	if err != nil {
		return nil, err
	}
	defer end()
	var zero T
	if !servesType(zero, t.DType) {
		return nil, t.errorf(r.prefix, -1, ErrMismatch, "it holds %s, Values was asked for %T", DataTypeName(t.DType), zero)
	}
	sel, err := r.selectParts(t, s)
	if err != nil {
		return nil, err
	}
	if t.DType == String {
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
func bytesOf[T Element](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(s[0])))
}

// toNative makes little-endian bytes valid values of Go's.
func toNative(b []byte, dt DataType) {
	switch dt {
	case Bool:
		// A Go bool must be 0 or 1; C++ takes any other byte for true.
		for i, c := range b {
			if c > 1 {
				b[i] = 1
			}
		}
	case Int4, Uint4, Int2, Uint2:
		// Only the low bits count.
		shift := 4
		if dt == Int2 || dt == Uint2 {
			shift = 6
		}
		for i, c := range b {
			if dt == Int4 || dt == Int2 {
				b[i] = byte(int8(c<<shift) >> shift)
			} else {
				b[i] = c << shift >> shift
			}
		}
	}
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		swapBytes(b, dataTypes[dt].word)
	}
}

func servesType(zero any, dt DataType) bool {
	switch zero.(type) {
	case float32:
		return dt == Float32
	case float64:
		return dt == Float64
	case int8:
		return dt == Int8 || dt == QInt8 || dt == Int4 || dt == Int2
	case int16:
		return dt == Int16 || dt == QInt16
	case int32:
		return dt == Int32 || dt == QInt32
	case int64:
		return dt == Int64
	case uint8:
		switch dt {
		case Uint8, QUint8, Uint4, Uint2, Float8E5M2, Float8E4M3FN, Float8E4M3FNUZ, Float8E4M3B11FNUZ, Float8E5M2FNUZ, Float4E2M1FN:
			return true
		}
	case uint16:
		return dt == Uint16 || dt == QUint16
	case uint32:
		return dt == Uint32
	case uint64:
		return dt == Uint64
	case bool:
		return dt == Bool
	case complex64:
		return dt == Complex64
	case complex128:
		return dt == Complex128
	case F16:
		return dt == Float16
	case BF16:
		return dt == BFloat16
	case string:
		return dt == String
	}
	return false
}
