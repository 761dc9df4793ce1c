package modeldir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tfkeep/tfkeep/internal/fingerprint"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// HasFingerprint reports whether a model has a fingerprint.
func HasFingerprint(fsys fs.FS) bool {
	_, err := fs.Stat(fsys, fingerprint.Name)
	return err == nil
}

// maxIndex is the largest index of a checkpoint that is hashed for a fingerprint, in bytes.
const maxIndex = 1 << 30

// WriteFingerprint writes the fingerprint of the model in dir, whose saved_model.pb has the
// content data. A model has none, in TensorFlow too, if the names of its functions do not end
// in different numbers, or if it cannot be read.
func WriteFingerprint(dir string, data []byte) error {
	index, err := vfs.ReadFile(vfs.OS, filepath.Join(dir, VariablesDir, VariablesName+".index"), maxIndex)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	content, err := fingerprint.Of(data, index)
	if err != nil {
		return nil //nolint:nilerr // it has none
	}
	return vfs.WriteFileAtomic(vfs.OS, filepath.Join(dir, fingerprint.Name), content, true)
}

// dropFingerprint removes the fingerprint of a model that changes, and reports whether there
// was one.
func dropFingerprint(dir string) (bool, error) {
	err := vfs.OS.Remove(filepath.Join(dir, fingerprint.Name))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
