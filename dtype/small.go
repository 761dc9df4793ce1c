package dtype

import (
	"encoding/binary"
	"math"
	"sync"
)

// smallFloat describes a float of up to 16 bits: a sign bit, exponent bits and
// mantissa bits, from the top.
type smallFloat struct {
	exponent, mantissa, bias int
	special                  special
}

// special selects which bit patterns are infinities and NaNs.
type special int

const (
	ieee  special = iota // highest exponent: infinity and NaNs
	fn                   // "finite": all ones but the sign is NaN, no infinity
	fnuz                 // as fn, but the one NaN is what would be -0
	plain                // neither infinity nor NaN
)

// The layouts, as the ml_dtypes library that TensorFlow uses defines them.
var smallFloats = map[DataType]smallFloat{
	Float16:           {5, 10, 15, ieee},
	BFloat16:          {8, 7, 127, ieee},
	Float8E5M2:        {5, 2, 15, ieee},
	Float8E4M3FN:      {4, 3, 7, fn},
	Float8E4M3FNUZ:    {4, 3, 8, fnuz},
	Float8E4M3B11FNUZ: {4, 3, 11, fnuz},
	Float8E5M2FNUZ:    {5, 2, 16, fnuz},
	Float4E2M1FN:      {2, 1, 1, plain},
}

// decode returns the float32 that the bit pattern stands for.
func (f smallFloat) decode(pattern uint32) float32 {
	width := f.exponent + f.mantissa
	sign := pattern >> width & 1
	e := int(pattern >> f.mantissa & (1<<f.exponent - 1))
	m := pattern & (1<<f.mantissa - 1)
	highest := e == 1<<f.exponent-1
	negative := func(v float32) float32 {
		if sign == 1 {
			return float32(math.Copysign(float64(v), -1))
		}
		return v
	}
	nan := math.Float32frombits(sign<<31 | 0x7fc00000)
	switch {
	case f.special == ieee && highest && m == 0:
		return negative(float32(math.Inf(1)))
	case f.special == ieee && highest:
		// Payload bits move to the top of the float32's, so that the way back
		// yields the same NaN.
		return math.Float32frombits(sign<<31 | 0x7f800000 | m<<(23-f.mantissa))
	case f.special == fn && highest && m == 1<<f.mantissa-1:
		return nan
	case f.special == fnuz && sign == 1 && e == 0 && m == 0:
		return nan
	case e == 0:
		return negative(float32(math.Ldexp(float64(m), 1-f.bias-f.mantissa)))
	}
	return negative(float32(math.Ldexp(float64(1<<f.mantissa|m), e-f.bias-f.mantissa)))
}

// tables holds all 65,536 or 256 values of each small type. Each is computed on
// first use.
var tables = func() map[DataType]func() []float32 {
	m := make(map[DataType]func() []float32, len(smallFloats))
	for dt, f := range smallFloats {
		m[dt] = sync.OnceValue(func() []float32 {
			t := make([]float32, 1<<(8*Size(dt)))
			for i := range t {
				t[i] = f.decode(uint32(i) & (1<<(1+f.exponent+f.mantissa) - 1))
			}
			return t
		})
	}
	return m
}()

// Float32s decodes len(dst) elements of src into dst. dt is a float of 16 or
// fewer bits, each of which is exactly a float32; for any other type it returns
// false.
func Float32s(dt DataType, src []byte, dst []float32) bool {
	if dt == BFloat16 {
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
		return true
	}
	values, ok := tables[dt]
	if !ok {
		return false
	}
	table := values()
	if Size(dt) == 1 {
		for i := range dst {
			dst[i] = table[src[i]]
		}
		return true
	}
	for i := range dst {
		dst[i] = table[binary.LittleEndian.Uint16(src[2*i:])]
	}
	return true
}

// PutFloat32s encodes src into dst, the reverse of [Float32s]. It returns the
// index of the first value that the type cannot hold exactly, or -1. Any NaN
// becomes a NaN. A type that [Float32s] does not decode holds no value.
func PutFloat32s(dt DataType, dst []byte, src []float32) int {
	size := Size(dt)
	table, ok := patterns[dt]
	if !ok {
		return min(0, len(src)-1)
	}
	bits := table()
	for i, v := range src {
		p, ok := bits[math.Float32bits(v)]
		if !ok && v != v {
			p, ok = bits[nanKey]
		}
		if !ok {
			return i
		}
		if dst[size*i] = byte(p); size == 2 {
			dst[2*i+1] = byte(p >> 8)
		}
	}
	return -1
}

// nanKey stands for "some NaN" among the bit patterns of float32.
const nanKey = 0x7fffffff

// patterns holds the bit pattern of each value, by the bits of its float32.
var patterns = func() map[DataType]func() map[uint32]uint16 {
	m := make(map[DataType]func() map[uint32]uint16, len(smallFloats))
	for dt, f := range smallFloats {
		m[dt] = sync.OnceValue(func() map[uint32]uint16 {
			width := 1 + f.exponent + f.mantissa
			r := make(map[uint32]uint16, 1<<width)
			for i := range uint32(1) << width {
				v := f.decode(i)
				if v != v {
					if _, have := r[nanKey]; !have {
						r[nanKey] = uint16(i)
					}
				}
				r[math.Float32bits(v)] = uint16(i)
			}
			return r
		})
	}
	return m
}()
