package elem

import (
	"encoding/binary"
	"math"

	"github.com/tfkeep/tfkeep/checkpoint"
)

// Float64s decodes len(dst) elements of src into dst: booleans as 0 and 1,
// integers of 64 bits rounded, complex numbers as their magnitude. It reports
// false for a type that is no number.
func Float64s(dt checkpoint.DataType, src []byte, dst []float64) bool {
	le := binary.LittleEndian
	switch dt {
	case checkpoint.Float32:
		for i := range dst {
			dst[i] = float64(math.Float32frombits(le.Uint32(src[4*i:])))
		}
	case checkpoint.Float64:
		for i := range dst {
			dst[i] = math.Float64frombits(le.Uint64(src[8*i:]))
		}
	case checkpoint.Int64:
		for i := range dst {
			dst[i] = float64(int64(le.Uint64(src[8*i:])))
		}
	case checkpoint.Uint64:
		for i := range dst {
			dst[i] = float64(le.Uint64(src[8*i:]))
		}
	case checkpoint.Int32, checkpoint.QInt32:
		for i := range dst {
			dst[i] = float64(int32(le.Uint32(src[4*i:])))
		}
	case checkpoint.Uint32:
		for i := range dst {
			dst[i] = float64(le.Uint32(src[4*i:]))
		}
	case checkpoint.Int16, checkpoint.QInt16:
		for i := range dst {
			dst[i] = float64(int16(le.Uint16(src[2*i:])))
		}
	case checkpoint.Uint16, checkpoint.QUint16:
		for i := range dst {
			dst[i] = float64(le.Uint16(src[2*i:]))
		}
	case checkpoint.Int8, checkpoint.QInt8:
		for i := range dst {
			dst[i] = float64(int8(src[i]))
		}
	case checkpoint.Uint8, checkpoint.QUint8:
		for i := range dst {
			dst[i] = float64(src[i])
		}
	case checkpoint.Bool:
		for i := range dst {
			dst[i] = 0
			if src[i] != 0 {
				dst[i] = 1
			}
		}
	case checkpoint.Int4, checkpoint.Uint4, checkpoint.Int2, checkpoint.Uint2:
		for i := range dst {
			dst[i] = float64(SmallInt(dt, src[i]))
		}
	case checkpoint.Complex64:
		for i := range dst {
			dst[i] = math.Hypot(float64(math.Float32frombits(le.Uint32(src[8*i:]))), float64(math.Float32frombits(le.Uint32(src[8*i+4:]))))
		}
	case checkpoint.Complex128:
		for i := range dst {
			dst[i] = math.Hypot(math.Float64frombits(le.Uint64(src[16*i:])), math.Float64frombits(le.Uint64(src[16*i+8:])))
		}
	default:
		return smallFloat64s(dt, src, dst)
	}
	return true
}

func smallFloat64s(dt checkpoint.DataType, src []byte, dst []float64) bool {
	if !SmallFloat(dt) {
		return false
	}
	size := checkpoint.DataTypeSize(dt)
	var buf [256]float32
	for len(dst) > 0 {
		n := min(len(dst), len(buf))
		Widen(dt, src, buf[:n])
		for i, v := range buf[:n] {
			dst[i] = float64(v)
		}
		src, dst = src[size*n:], dst[n:]
	}
	return true
}

// SmallInt gives the value of an integer of 2 or 4 bits, which has a byte of
// its own and counts by its low bits.
func SmallInt(dt checkpoint.DataType, b byte) int8 {
	switch dt {
	case checkpoint.Int4:
		return int8(b<<4) >> 4
	case checkpoint.Uint4:
		return int8(b & 15)
	case checkpoint.Int2:
		return int8(b<<6) >> 6
	case checkpoint.Uint2:
		return int8(b & 3)
	}
	return int8(b)
}
