package fingerprint

import (
	"encoding/binary"
	"math/bits"
)

// The constants of farmhash and of TensorFlow's FingerprintCat64.
const (
	k0 = 0xc3a5c85c97cb3127
	k1 = 0xb492b66fbe98f273
	k2 = 0x9ae16a3b2f90404f
	kc = 0xc6a4a7935bd1e995
)

func fetch(s []byte) uint64        { return binary.LittleEndian.Uint64(s) }
func shiftMix(v uint64) uint64     { return v ^ v>>47 }
func right(v uint64, n int) uint64 { return bits.RotateLeft64(v, -n) }

// combine is FingerprintCat64.
func combine(a, b uint64) uint64 {
	r := (a ^ kc ^ shiftMix(b*kc)*kc) * kc
	return shiftMix(shiftMix(r) * kc)
}

func mix(u, v, mul uint64) uint64 {
	a := shiftMix((u ^ v) * mul)
	return shiftMix((v^a)*mul) * mul
}

// hash64 is farmhash's Fingerprint64.
func hash64(s []byte) uint64 {
	n := uint64(len(s))
	switch {
	case n <= 16:
		return hashTo16(s)
	case n <= 32:
		mul := k2 + n*2
		a, b, c, d := fetch(s)*k1, fetch(s[8:]), fetch(s[n-8:])*mul, fetch(s[n-16:])*k2
		return mix(right(a+b, 43)+right(c, 30)+d, a+right(b+k2, 18)+c, mul)
	case n <= 64:
		return hashTo64(s)
	}
	return hashLong(s)
}

func hashTo16(s []byte) uint64 {
	n := uint64(len(s))
	mul := k2 + n*2
	switch {
	case n >= 8:
		a, b := fetch(s)+k2, fetch(s[n-8:])
		return mix(right(b, 37)*mul+a, (right(a, 25)+b)*mul, mul)
	case n >= 4:
		first, last := uint64(binary.LittleEndian.Uint32(s)), uint64(binary.LittleEndian.Uint32(s[n-4:]))
		return mix(n+first<<3, last, mul)
	case n > 0:
		y, z := uint64(s[0])+uint64(s[n>>1])<<8, n+uint64(s[n-1])<<2
		return shiftMix(y*k2^z*k0) * k2
	}
	return k2
}

func hashTo64(s []byte) uint64 {
	n := uint64(len(s))
	mul := k2 + n*2
	a, b, c, d := fetch(s)*k2, fetch(s[8:]), fetch(s[n-8:])*mul, fetch(s[n-16:])*k2
	y := right(a+b, 43) + right(c, 30) + d
	z := mix(y, a+right(b+k2, 18)+c, mul)
	e, f := fetch(s[16:])*mul, fetch(s[24:])
	g, h := (y+fetch(s[n-32:]))*mul, (z+fetch(s[n-24:]))*mul
	return mix(right(e+f, 43)+right(g, 30)+h, e+right(f+a, 18)+g, mul)
}

// state is what hashLong carries from one 64 bytes to the next.
type state struct{ x, y, z, v0, v1, w0, w1 uint64 }

func (t *state) add(s []byte, mul, times uint64) {
	t.x = right(t.x+t.y+t.v0+fetch(s[8:]), 37) * mul
	t.y = right(t.y+t.v1+fetch(s[48:]), 42) * mul
	t.x ^= t.w1 * times
	t.y += t.v0*times + fetch(s[40:])
	t.z = right(t.z+t.w0, 33) * mul
	t.v0, t.v1 = weak(s, t.v1*mul, t.x+t.w0)
	t.w0, t.w1 = weak(s[32:], t.z+t.w1, t.y+fetch(s[16:]))
	t.z, t.x = t.x, t.z
}

func weak(s []byte, a, b uint64) (first, second uint64) {
	z := fetch(s[24:])
	a += fetch(s)
	b = right(b+a+z, 21)
	c := a
	a += fetch(s[8:]) + fetch(s[16:])
	return a + z, b + right(a, 44) + c
}

func hashLong(s []byte) uint64 {
	seed := uint64(81) // not a constant, which must not overflow
	t := state{x: seed*k2 + fetch(s), y: seed*k1 + 113}
	t.z = shiftMix(t.y*k2+113) * k2
	last := s[len(s)-64:]
	rest := uint64(len(s)-1) & 63
	for ; len(s) > 64; s = s[64:] {
		t.add(s, k1, 1)
	}
	mul := k1 + t.z&0xff<<1
	t.w0 += rest
	t.v0 += t.w0
	t.w0 += t.v0
	t.add(last, mul, 9)
	return mix(mix(t.v0, t.w0, mul)+shiftMix(t.y)*k0+t.z, mix(t.v1, t.w1, mul)+t.x, mul)
}
