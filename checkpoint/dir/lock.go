package dir

import (
	"io"

	"github.com/tfkeep/tfkeep/internal/vfs"
)

// Lock takes the lock that belongs to a path, such as that of a state file, for a
// program that wants to be the only one to write there. It does not wait: if another
// writer holds the lock, in this process or another one, the error is an ErrLocked.
// Close releases the lock, and so does the end of the process.
//
// The lock is an advisory one (flock) on the file path+".tfkeep-lock", which Close
// removes. File systems without locks always grant it.
func Lock(path string) (io.Closer, error) { return vfs.Hold(path) }
