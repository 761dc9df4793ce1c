package elem

import (
	"encoding/binary"
	"math"
	"sync"

	"github.com/tfkeep/tfkeep/checkpoint"
)

// smallFloat describes a float of up to 16 bits: a sign bit, exponent bits and
// mantissa bits, from the top.
type smallFloat struct {
	exponent, mantissa, bias int
	special                  special
}

// special says which bit patterns are infinities and NaNs.
type special int

const (
	ieee  special = iota // highest exponent: infinity and NaNs
	fn                   // "finite": all ones but the sign is NaN, no infinity
	fnuz                 // as fn, but the one NaN is what would be -0
	plain                // neither infinity nor NaN
)

// The layouts, as the ml_dtypes library that TensorFlow uses defines them.
var smallFloats = map[checkpoint.DataType]smallFloat{
	checkpoint.Float16:           {5, 10, 15, ieee},
	checkpoint.BFloat16:          {8, 7, 127, ieee},
	checkpoint.Float8E5M2:        {5, 2, 15, ieee},
	checkpoint.Float8E4M3FN:      {4, 3, 7, fn},
	checkpoint.Float8E4M3FNUZ:    {4, 3, 8, fnuz},
	checkpoint.Float8E4M3B11FNUZ: {4, 3, 11, fnuz},
	checkpoint.Float8E5M2FNUZ:    {5, 2, 16, fnuz},
	checkpoint.Float4E2M1FN:      {2, 1, 1, plain},
}

// decode gives the float32 that the bit pattern stands for.
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
		// gives the same NaN.
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

// tables holds all 65,536 or 256 values of each small type, made when first
// asked for.
var tables = func() map[checkpoint.DataType]func() []float32 {
	m := make(map[checkpoint.DataType]func() []float32, len(smallFloats))
	for dt, f := range smallFloats {
		m[dt] = sync.OnceValue(func() []float32 {
			t := make([]float32, 1<<(8*checkpoint.DataTypeSize(dt)))
			for i := range t {
				t[i] = f.decode(uint32(i) & (1<<(1+f.exponent+f.mantissa) - 1))
			}
			return t
		})
	}
	return m
}()

// SmallFloat reports whether dt is a float of 16 bits or fewer.
func SmallFloat(dt checkpoint.DataType) bool {
	_, ok := smallFloats[dt]
	return ok
}

// Widen decodes small floats from src into dst, which holds as many elements.
func Widen(dt checkpoint.DataType, src []byte, dst []float32) {
	if dt == checkpoint.BFloat16 {
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
		return
	}
	table := tables[dt]()
	if checkpoint.DataTypeSize(dt) == 1 {
		for i := range dst {
			dst[i] = table[src[i]]
		}
		return
	}
	for i := range dst {
		dst[i] = table[binary.LittleEndian.Uint16(src[2*i:])]
	}
}

// Narrow is the reverse of [Widen]. It reports the index of the first value
// that the type cannot hold exactly, or -1. Any NaN becomes a NaN.
func Narrow(dt checkpoint.DataType, src []float32, dst []byte) int {
	size := checkpoint.DataTypeSize(dt)
	patterns := reverse[dt]()
	for i, v := range src {
		p, ok := patterns[math.Float32bits(v)]
		if !ok && v != v {
			p, ok = patterns[nanKey]
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

var reverse = func() map[checkpoint.DataType]func() map[uint32]uint16 {
	m := make(map[checkpoint.DataType]func() map[uint32]uint16, len(smallFloats))
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
