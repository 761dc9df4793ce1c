//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package checkpoint

import (
	"os"
	"sync"
	"syscall"
)

const canMap = true

// mapFile maps a range of a file for reading.
func mapFile(f *os.File, off, size int64) (data []byte, release func() error, err error) {
	page := int64(os.Getpagesize())
	start := off / page * page
	mem, err := syscall.Mmap(int(f.Fd()), start, int(off-start+size), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, os.NewSyscallError("mmap", err)
	}
	release = sync.OnceValue(func() error { return os.NewSyscallError("munmap", syscall.Munmap(mem)) })
	return mem[off-start:][:size:size], release, nil
}
