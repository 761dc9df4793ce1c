package smallfloat

import (
	"encoding/binary"
	"math"
	"sync"
)

// Format is the layout of a float: a sign bit, exponent bits and mantissa bits, from the
// top.
type Format struct {
	exponent, mantissa, bias int
	special                  special
	values                   func() []float32         // by bit pattern
	patterns                 func() map[uint32]uint16 // by the bits of the float32
}

// special selects which bit patterns are infinities and NaNs.
type special int

const (
	ieee  special = iota // highest exponent: infinity and NaNs
	fn                   // "finite": all ones but the sign is NaN, no infinity
	fnuz                 // as fn, but the only NaN is the pattern of -0
	plain                // neither infinity nor NaN
)

// formats has the layouts by TensorFlow's names, as the ml_dtypes library that TensorFlow
// uses defines them.
var formats = map[string]*Format{
	"float16":            newFormat(5, 10, 15, ieee),
	"bfloat16":           newFormat(8, 7, 127, ieee),
	"float8_e5m2":        newFormat(5, 2, 15, ieee),
	"float8_e4m3fn":      newFormat(4, 3, 7, fn),
	"float8_e4m3fnuz":    newFormat(4, 3, 8, fnuz),
	"float8_e4m3b11fnuz": newFormat(4, 3, 11, fnuz),
	"float8_e5m2fnuz":    newFormat(5, 2, 16, fnuz),
	"float4_e2m1fn":      newFormat(2, 1, 1, plain),
}

// ByName returns the format with the name that TensorFlow gives it, such as "float16", or
// nil if there is none.
func ByName(name string) *Format { return formats[name] }

func newFormat(exponent, mantissa, bias int, special special) *Format {
	f := &Format{exponent: exponent, mantissa: mantissa, bias: bias, special: special}
	f.values = sync.OnceValue(f.computeValues)
	f.patterns = sync.OnceValue(f.computePatterns)
	return f
}

// Size returns the bytes of one element.
func (f *Format) Size() int { return (1 + f.exponent + f.mantissa + 7) / 8 }

// Float32 returns the value of a bit pattern. Bits above those of the format are ignored.
func (f *Format) Float32(pattern uint16) float32 {
	values := f.values()
	return values[int(pattern)&(len(values)-1)]
}

// Decode decodes len(dst) elements of src into dst.
func (f *Format) Decode(src []byte, dst []float32) {
	if f.exponent == 8 { // bfloat16 is half a float32: faster than the table
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
		return
	}
	values := f.values()
	if f.Size() == 1 {
		for i := range dst {
			dst[i] = values[src[i]]
		}
		return
	}
	for i := range dst {
		dst[i] = values[binary.LittleEndian.Uint16(src[2*i:])]
	}
}

// Encode encodes src into dst, the reverse of [Format.Decode]. It returns the index of the
// first value that the format cannot hold exactly, or -1. Any NaN becomes a NaN.
func (f *Format) Encode(dst []byte, src []float32) int {
	size, patterns := f.Size(), f.patterns()
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

// decode returns the float32 that the bit pattern stands for.
func (f *Format) decode(pattern uint32) float32 {
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

// computeValues returns the values of all 65,536 or 256 bit patterns.
func (f *Format) computeValues() []float32 {
	all := make([]float32, 1<<(8*f.Size()))
	for i := range all {
		all[i] = f.decode(uint32(i) & (1<<(1+f.exponent+f.mantissa) - 1))
	}
	return all
}

// nanKey stands for any NaN among the bits of float32.
const nanKey = 0x7fffffff

// computePatterns returns the bit pattern of each value.
func (f *Format) computePatterns() map[uint32]uint16 {
	width := 1 + f.exponent + f.mantissa
	all := make(map[uint32]uint16, 1<<width)
	for i := range uint32(1) << width {
		v := f.decode(i)
		if v != v {
			if _, have := all[nanKey]; !have {
				all[nanKey] = uint16(i)
			}
		}
		all[math.Float32bits(v)] = uint16(i)
	}
	return all
}
