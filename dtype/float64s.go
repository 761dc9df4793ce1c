package dtype

import (
	"encoding/binary"
	"math"
)

// Float64s decodes len(dst) elements of src into dst: booleans as 0 and 1,
// integers of 64 bits rounded, complex numbers as their magnitude. It returns
// false for a type that is not a number.
func Float64s(dt DataType, src []byte, dst []float64) bool {
	le := binary.LittleEndian
	switch dt {
	case Float32:
		for i := range dst {
			dst[i] = float64(math.Float32frombits(le.Uint32(src[4*i:])))
		}
	case Float64:
		for i := range dst {
			dst[i] = math.Float64frombits(le.Uint64(src[8*i:]))
		}
	case Int64:
		for i := range dst {
			dst[i] = float64(int64(le.Uint64(src[8*i:])))
		}
	case Uint64:
		for i := range dst {
			dst[i] = float64(le.Uint64(src[8*i:]))
		}
	case Int32, QInt32:
		for i := range dst {
			dst[i] = float64(int32(le.Uint32(src[4*i:])))
		}
	case Uint32:
		for i := range dst {
			dst[i] = float64(le.Uint32(src[4*i:]))
		}
	case Int16, QInt16:
		for i := range dst {
			dst[i] = float64(int16(le.Uint16(src[2*i:])))
		}
	case Uint16, QUint16:
		for i := range dst {
			dst[i] = float64(le.Uint16(src[2*i:]))
		}
	case Int8, QInt8:
		for i := range dst {
			dst[i] = float64(int8(src[i]))
		}
	case Uint8, QUint8:
		for i := range dst {
			dst[i] = float64(src[i])
		}
	case Bool:
		for i := range dst {
			dst[i] = 0
			if src[i] != 0 {
				dst[i] = 1
			}
		}
	case Int4, Uint4, Int2, Uint2:
		for i := range dst {
			dst[i] = float64(smallInt(dt, src[i]))
		}
	case Complex64:
		for i := range dst {
			dst[i] = math.Hypot(float64(math.Float32frombits(le.Uint32(src[8*i:]))), float64(math.Float32frombits(le.Uint32(src[8*i+4:]))))
		}
	case Complex128:
		for i := range dst {
			dst[i] = math.Hypot(math.Float64frombits(le.Uint64(src[16*i:])), math.Float64frombits(le.Uint64(src[16*i+8:])))
		}
	default:
		return smallFloat64s(dt, src, dst)
	}
	return true
}

func smallFloat64s(dt DataType, src []byte, dst []float64) bool {
	format := smallFormat(dt)
	if format == nil {
		return false
	}
	size := Size(dt)
	var buf [256]float32
	for len(dst) > 0 {
		n := min(len(dst), len(buf))
		format.Decode(src, buf[:n])
		for i, v := range buf[:n] {
			dst[i] = float64(v)
		}
		src, dst = src[size*n:], dst[n:]
	}
	return true
}
