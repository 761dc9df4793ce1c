package vfs

import (
	"fmt"
	"io"
	"io/fs"
	"runtime"

	"github.com/tfkeep/tfkeep"
)

// seekHole is the whence of lseek that finds the first hole of a file (SEEK_HOLE), by
// operating system.
var seekHole = map[string]int{"linux": 4, "darwin": 3}

// CheckHoles returns a tfkeep.ErrTooLarge for a file that is to be read whole, if it has
// holes and more than 64 MiB and twice the bytes that it takes on its disk: such a file costs
// its maker nothing. f is at its beginning, and stays there.
func CheckHoles(name string, f any, info fs.FileInfo) error {
	stored := Stored(f, info)
	if info.Size() <= smallFile+2*stored {
		return nil
	}
	return &tfkeep.Error{Op: "read", Path: name, Err: tfkeep.ErrTooLarge,
		Detail: fmt.Sprintf("it has %d bytes, but holes leave %d on the disk; if you trust it, copy it with cp --sparse=never", info.Size(), stored)}
}

// smallFile is the size up to which holes do not matter.
const smallFile = 64 << 20

// Stored returns the size of a file that is open at its beginning, or, if the file has holes,
// how many bytes it takes on its disk. The file system must say that there is a hole, because
// some count the bytes on the disk late, or compress them. In a small file it does not look
// for holes.
func Stored(f any, info fs.FileInfo) int64 {
	size, stored := info.Size(), Allocated(info)
	whence, known := seekHole[runtime.GOOS]
	s, ok := f.(io.Seeker)
	if size <= smallFile || stored >= size || !known || !ok {
		return size
	}
	first, err := s.Seek(0, whence)
	if _, back := s.Seek(0, io.SeekStart); back != nil || err != nil || first >= size {
		return size
	}
	return stored
}
