//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package saver

import (
	"syscall"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/tf"
)

// minOwnMemory is the size from which a tensor gets pages of its own.
const minOwnMemory = 256 << 10

// ownMemory allocates a tensor outside TensorFlow's allocator. The values that a restore reads
// live between those that it keeps, and would leave gaps between them that add up to 7% of
// a model.
func ownMemory(dt dtype.DataType, shape []int64, size int64) (*tf.Tensor, []byte, error) {
	if size >= minOwnMemory {
		memory, err := syscall.Mmap(-1, 0, int(size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
		if err == nil {
			v, err := capi.ForeignTensor(dt, shape, memory, func() { _ = syscall.Munmap(memory) })
			if err != nil {
				_ = syscall.Munmap(memory)
			}
			return v, memory, err
		}
	}
	return allocated(dt, shape, size)
}
