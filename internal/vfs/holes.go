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
// its maker nothing. f is at its beginning, and stays there. The file system must say that
// there is a hole, because some count the bytes on the disk late, or compress them.
func CheckHoles(name string, f any, info fs.FileInfo) error {
	stored := Allocated(info)
	if info.Size() <= 64<<20+2*stored {
		return nil
	}
	whence, known := seekHole[runtime.GOOS]
	s, ok := f.(io.Seeker)
	if !known || !ok {
		return nil
	}
	first, err := s.Seek(0, whence)
	if _, back := s.Seek(0, io.SeekStart); back != nil {
		return back
	}
	if err != nil || first >= info.Size() {
		return nil
	}
	return &tfkeep.Error{Op: "read", Path: name, Err: tfkeep.ErrTooLarge,
		Detail: fmt.Sprintf("it has %d bytes, but holes leave %d on the disk; if you trust it, copy it with cp --sparse=never", info.Size(), stored)}
}
