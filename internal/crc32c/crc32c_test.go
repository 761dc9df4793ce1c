package crc32c

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The vectors are those of RFC 3720, B.4.
func TestChecksumKnownVectors(t *testing.T) {
	rising := make([]byte, 32)
	for i := range rising {
		rising[i] = byte(i)
	}
	assert.Equal(t, uint32(0x8a9136aa), Checksum(make([]byte, 32)))
	assert.Equal(t, uint32(0x62a8ab43), Checksum(bytes.Repeat([]byte{0xff}, 32)))
	assert.Equal(t, uint32(0x46dd794e), Checksum(rising))
	assert.Equal(t, Checksum([]byte("hello world")), Update(Checksum([]byte("hello ")), []byte("world")))
}

func TestMaskIsReversibleAndChanges(t *testing.T) {
	crc := Checksum([]byte("foo"))
	assert.NotEqual(t, crc, Mask(crc))
	assert.NotEqual(t, crc, Mask(Mask(crc)))
	assert.Equal(t, crc, Unmask(Mask(crc)))
	assert.Equal(t, crc, Unmask(Unmask(Mask(Mask(crc)))))
	assert.Equal(t, uint32(0xa282ead8), Mask(0))
}

func TestCombineEqualsTheChecksumOfTheWhole(t *testing.T) {
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

func TestCombineWithNothing(t *testing.T) {
	a := Checksum([]byte("a"))
	assert.Equal(t, a, Combine(a, 0, 0))
	assert.Equal(t, a, Combine(0, a, 1))
}
