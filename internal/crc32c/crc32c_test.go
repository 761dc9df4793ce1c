package crc32c

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The test vectors are from RFC 3720, B.4.
func TestChecksumKnownVectors(t *testing.T) {
	t.Parallel()
	rising := make([]byte, 32)
	for i := range rising {
		rising[i] = byte(i)
	}
	assert.Equal(t, uint32(0x8a9136aa), Checksum(make([]byte, 32)))
	assert.Equal(t, uint32(0x62a8ab43), Checksum(bytes.Repeat([]byte{0xff}, 32)))
	assert.Equal(t, uint32(0x46dd794e), Checksum(rising))
	assert.Equal(t, Checksum([]byte("hello world")), Update(Checksum([]byte("hello ")), []byte("world")))
}

func TestUnmaskReversesMask(t *testing.T) {
	t.Parallel()
	crc := Checksum([]byte("foo"))
	assert.NotEqual(t, crc, Mask(crc))
	assert.NotEqual(t, crc, Mask(Mask(crc)))
	assert.Equal(t, crc, Unmask(Mask(crc)))
	assert.Equal(t, crc, Unmask(Unmask(Mask(Mask(crc)))))
	assert.Equal(t, uint32(0xa282ead8), Mask(0))
}

func TestCombineMatchesChecksum(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 5000)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	for range 500 {
		n := random.IntN(len(data) + 1)
		cut := random.IntN(n + 1)
		a, b := Checksum(data[:cut]), Checksum(data[cut:n])
		whole := Checksum(data[:n])
		assert.Equal(t, whole, Combine(a, b, int64(n-cut)))
		assert.Equal(t, whole, CombineShift(a, b, Shift(int64(n-cut))))
	}
}

func TestCombineEmpty(t *testing.T) {
	t.Parallel()
	a := Checksum([]byte("a"))
	assert.Equal(t, a, Combine(a, 0, 0))
	assert.Equal(t, a, Combine(0, a, 1))
}
