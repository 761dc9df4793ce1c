package tf

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
)

// LoadLibrary loads a shared library of ops and their kernels, so that graphs which need
// them can be imported and run, and returns the names of the ops that it defines. It is
// TensorFlow's load_op_library. The library stays loaded until the program ends; loading it
// again does nothing.
//
// The code of the library runs as it is loaded: load only what you trust. Its ops are not
// among those that tfkeep knows to be safe, so loading a model that uses them needs their names
// in AllowOps.
//
// The error is a tfkeep.ErrNotFound, a tfkeep.ErrMismatch if the file is not a shared library
// or has neither ops nor kernels, or a tfkeep.ErrUnsupported if it was built for another
// TensorFlow. It names the file.
func LoadLibrary(path string) ([]string, error) {
	refuse := func(kind, cause error, detail string) error {
		return &tfkeep.Error{Op: "load op library", Path: path, Err: kind, Cause: cause, Detail: detail}
	}
	full, err := filepath.Abs(path) // a name without a slash would be looked for elsewhere
	if err != nil {
		return nil, refuse(nil, err, "")
	}
	switch info, err := os.Stat(full); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, refuse(tfkeep.ErrNotFound, fs.ErrNotExist, "")
	case err != nil:
		return nil, refuse(nil, err, "")
	case info.IsDir():
		return nil, refuse(tfkeep.ErrMismatch, nil, "this is a directory, not a shared library")
	}
	opsOfLibrary.Lock()
	defer opsOfLibrary.Unlock()
	lib, err := capi.LoadLibrary(full)
	if err != nil {
		kind, detail := tfkeep.ErrMismatch, "this is not a shared library of this platform"
		if strings.Contains(err.Error(), "undefined symbol") || strings.Contains(err.Error(), "version `") {
			kind, detail = tfkeep.ErrUnsupported, "the library was built for another TensorFlow than "+Version()+"; build it with the headers of this one"
		}
		return nil, refuse(kind, err, detail)
	}
	opsOfLibrary.ops = nil // read again, with the new ones
	if len(lib.OpList) == 0 && !lib.HasKernels {
		return nil, refuse(tfkeep.ErrMismatch, nil, "the shared library defines neither ops nor kernels of TensorFlow")
	}
	set, err := opdef.Parse(lib.OpList)
	if err != nil {
		return nil, refuse(tfkeep.ErrCorrupt, err, "")
	}
	return set.Names(), nil
}
