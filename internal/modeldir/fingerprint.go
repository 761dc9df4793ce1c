package modeldir

import (
	"errors"
	"io/fs"
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
	content, err := fingerprintOf(dir, data)
	if err != nil || content == nil {
		return err
	}
	return vfs.WriteFileAtomic(vfs.OS, filepath.Join(dir, fingerprint.Name), content, true)
}

// fingerprintOf returns the content of the fingerprint, or nil if the model has none.
func fingerprintOf(dir string, data []byte) ([]byte, error) {
	index, err := vfs.ReadFile(vfs.OS, filepath.Join(dir, VariablesDir, VariablesName+".index"), maxIndex)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	content, err := fingerprint.Of(data, index)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // it has none
	}
	return content, nil
}

// dropFingerprint removes the fingerprint of a model that changes.
func dropFingerprint(dir string) error {
	err := vfs.OS.Remove(filepath.Join(dir, fingerprint.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
