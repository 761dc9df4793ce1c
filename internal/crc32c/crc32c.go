// Package crc32c computes the checksums of TensorFlow's files: CRC-32 with the
// Castagnoli polynomial, stored in a masked form.
//
// A CRC of bytes that contain their own CRC is weak. Files therefore hold Mask(crc); the
// CRC itself is used in memory.
package crc32c

import (
	"hash/crc32"
	"math/bits"
)

var table = crc32.MakeTable(crc32.Castagnoli)

// Checksum returns the CRC of b.
func Checksum(b []byte) uint32 { return crc32.Update(0, table, b) }

// Update returns the CRC of the bytes whose CRC is crc, followed by b.
func Update(crc uint32, b []byte) uint32 { return crc32.Update(crc, table, b) }

const maskDelta = 0xa282ead8

// Mask returns the form in which files hold the CRC.
func Mask(crc uint32) uint32 { return bits.RotateLeft32(crc, 17) + maskDelta }

// Unmask is the reverse of [Mask].
func Unmask(masked uint32) uint32 { return bits.RotateLeft32(masked-maskDelta, -17) }

// The reflected Castagnoli polynomial: bit 31 stands for x^0, bit 0 for x^31.
const (
	poly = 0x82f63b78
	one  = 1 << 31
)

// Combine returns the CRC of A followed by B from the CRC of A, the CRC of B and the
// length of B. With it, the parts of a tensor are summed in parallel.
//
// Appending n bytes multiplies a CRC, as a polynomial, by x^(8n). The initial and final
// inversions of the two sums cancel each other.
func Combine(a, b uint32, lenB int64) uint32 {
	return multiply(a, Shift(lenB)) ^ b
}

// Shift returns x^(8n) modulo the polynomial. For many parts of the same length,
// [CombineShift] with one Shift is faster than [Combine].
func Shift(n int64) uint32 {
	result := uint32(one)
	square := uint32(one >> 8) // x^8
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			result = multiply(result, square)
		}
		square = multiply(square, square)
	}
	return result
}

// CombineShift is [Combine] with Shift(lenB) in place of lenB.
func CombineShift(a, b, shift uint32) uint32 { return multiply(a, shift) ^ b }

// multiply returns a·b modulo the polynomial.
func multiply(a, b uint32) uint32 {
	var product uint32
	for a != 0 {
		if a&one != 0 {
			product ^= b
		}
		a <<= 1
		carry := b & 1
		b >>= 1
		if carry != 0 {
			b ^= poly
		}
	}
	return product
}
