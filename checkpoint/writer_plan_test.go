package checkpoint

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/crc32c"
)

// The checksum takes a length that needs more than four bytes as eight bytes, and
// others as four. The memory is only reserved: no byte of the string is read.
func TestStringsOfFourGibibytesHaveLongLengths(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("reserves 4 GiB of address space")
	}
	huge := make([]byte, 1<<32)
	p, err := newTensorPlan(&Tensor{Name: "s", DType: dtype.String, Shape: []int64{2}, Strings: [][]byte{huge, []byte("x")}})
	require.NoError(t, err)
	lengths := []byte{0x80, 0x80, 0x80, 0x80, 0x10, 0x01}
	summed := []byte{0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0}
	crc := crc32c.Checksum(summed)
	stored := binary.LittleEndian.AppendUint32(nil, crc32c.Mask(crc))
	assert.Equal(t, append(lengths, stored...), p.head)
	assert.Equal(t, crc32c.Checksum(append(summed, stored...)), p.seed)
	assert.Equal(t, int64(10+1<<32+1), p.entry.size)
}

func TestChunksCoverATensorInOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		sizes []int
		want  []int64
	}{
		{"small strings together", []int{5, 0, 7}, []int64{12}},
		{"as many as fit", []int{chunkSize - 1, 1, 1}, []int64{chunkSize, 1}},
		{"a long one alone", []int{3, 2*chunkSize + 1, 4}, []int64{3, chunkSize, chunkSize, 1, 4}},
		{"empty ones have no bytes", []int{0, 0}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := &Tensor{Name: "s", DType: dtype.String, Shape: []int64{int64(len(c.sizes))}}
			var all []byte
			for i, n := range c.sizes {
				s := make([]byte, n)
				for j := range s {
					s[j] = byte(i + j)
				}
				x.Strings = append(x.Strings, s)
				all = append(all, s...)
			}
			p, err := newTensorPlan(x)
			require.NoError(t, err)
			p.entry.offset = 100
			chunks := p.chunks()
			var got []byte
			var sizes []int64
			next := 100 + int64(len(p.head))
			for i := range chunks {
				k := &chunks[i]
				assert.Equal(t, next, k.offset)
				b := k.bytes(nil)
				k.crc = crc32c.Checksum(b)
				got = append(got, b...)
				sizes = append(sizes, k.size)
				next += k.size
			}
			assert.Equal(t, all, got)
			assert.Equal(t, c.want, sizes)
			p.finish(chunks)
			assert.Equal(t, crc32c.Mask(crc32c.Update(p.seed, all)), p.entry.crc)
		})
	}
}
