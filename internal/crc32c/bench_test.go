package crc32c

import (
	"fmt"
	"testing"
)

func BenchmarkChecksum(b *testing.B) {
	for _, size := range []int{64, 4 << 10, 16 << 20} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			data := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				Checksum(data)
			}
		})
	}
}

func BenchmarkCombine(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Combine(1, 2, 16<<20)
	}
}
