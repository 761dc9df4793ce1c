package dtype

import (
	"math"

	"github.com/tfkeep/tfkeep/dtype/internal/smallfloat"
)

// F16 is an IEEE 754 half-precision number, TensorFlow's float16, as its bits.
type F16 uint16

// BF16 is a bfloat16, the upper half of a float32's bits.
type BF16 uint16

// ToF16 rounds to the nearest float16, ties to even. Numbers beyond its range
// become infinities; any NaN becomes a quiet NaN of the same sign.
func ToF16(f float32) F16 {
	b := math.Float32bits(f)
	sign := F16(b >> 16 & 0x8000)
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000:
		return sign | 0x7e00
	case b >= 0x477ff000: // rounds to 65536 or more
		return sign | 0x7c00
	case b < 0x38800000: // subnormal: let float32 addition round at 2^-24
		return sign | F16(math.Float32bits(math.Float32frombits(b)+0.5)-0x3f000000)
	}
	b += 0xc8000fff + b>>13&1 // exponent bias 127 to 15, and half a unit
	return sign | F16(b>>13)
}

// ToBF16 rounds to the nearest bfloat16, ties to even. A NaN becomes a quiet
// NaN.
func ToBF16(f float32) BF16 {
	b := math.Float32bits(f)
	if b&0x7fffffff > 0x7f800000 {
		return BF16(b>>16) | 0x0040
	}
	return BF16((b + 0x7fff + b>>16&1) >> 16)
}

// Float32 returns the number, exactly.
func (f F16) Float32() float32 { return half.Float32(uint16(f)) }

var half = smallfloat.ByName("float16")

// Float32 returns the number, exactly.
func (f BF16) Float32() float32 { return math.Float32frombits(uint32(f) << 16) }
