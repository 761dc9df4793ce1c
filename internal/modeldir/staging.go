package modeldir

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/fingerprint"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// The names of files and folders in a SavedModel.
const (
	FilenamePB     = "saved_model.pb"
	FilenamePBText = "saved_model.pbtxt"
	FilenameCPB    = "saved_model.cpb" // a model above 2 GiB in chunks, TensorFlow 2.15 and later
	VariablesDir   = "variables"
	VariablesName  = "variables" // the prefix of the checkpoint in VariablesDir
	AssetsDir      = "assets"
	ExtraAssetsDir = "assets.extra" // files for servers; TensorFlow does not read them
)

// Staging is a model that is being made, in a folder beside its final one.
type Staging struct {
	dir    string
	lock   io.Closer
	closed bool
}

// Begin creates a staging folder for a model in target. It removes what killed processes
// left there and beside it. The error is tfkeep.ErrExists if target exists and is not
// empty, and tfkeep.ErrLocked if another Staging for the same model is open.
func Begin(target string) (*Staging, error) {
	target = filepath.Clean(target)
	entries, err := vfs.OS.ReadDir(target)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, createError(target, err)
	}
	if len(entries) > 0 {
		return nil, existsError(target, nil)
	}
	if err := vfs.OS.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return nil, createError(target, err)
	}
	if err := sweep(filepath.Dir(target)); err != nil {
		return nil, createError(target, err)
	}
	s := &Staging{dir: target}
	if s.lock, err = vfs.Hold(s.Path()); err != nil {
		return nil, err
	}
	// A staging folder that exists has no owner: the owner would hold the lock.
	if err = os.RemoveAll(s.Path()); err == nil {
		err = os.Mkdir(s.Path(), 0o755) // fails if somebody has put a link there meanwhile
	}
	if err != nil {
		s.lock.Close()
		return nil, createError(target, err)
	}
	return s, nil
}

func createError(dir string, cause error) error {
	return &tfkeep.Error{Op: "create", Path: dir, Cause: cause}
}

func existsError(dir string, cause error) error {
	return &tfkeep.Error{
		Op: "create", Path: dir, Err: tfkeep.ErrExists, Cause: cause,
		Detail: "the export folder is not empty; choose another one, or remove what is in it",
	}
}

// Path returns the path of a file in the staging folder.
func (s *Staging) Path(elem ...string) string {
	return filepath.Join(append([]string{filenames.Temp(s.dir)}, elem...)...)
}

// Dir returns the final folder of the model.
func (s *Staging) Dir() string { return s.dir }

// Commit renames the staging folder to its final name and closes the Staging. The files
// must be synced already, and so must folders inside; Commit syncs the folder itself.
func (s *Staging) Commit() error {
	if s.closed {
		return os.ErrClosed
	}
	for _, dir := range []string{s.Path(), filepath.Dir(s.dir)} {
		if err := vfs.OS.SyncDir(dir); err != nil {
			return createError(s.dir, err)
		}
	}
	// Remove deletes an empty folder, but not one that other files were put into.
	if err := vfs.OS.Remove(s.dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return existsError(s.dir, err)
	}
	if err := vfs.OS.Rename(s.Path(), s.dir); err != nil {
		return createError(s.dir, err)
	}
	if err := vfs.OS.SyncDir(filepath.Dir(s.dir)); err != nil {
		return errors.Join(&tfkeep.Error{
			Op: "create", Path: s.dir, Cause: err,
			Detail: "the model is whole and in its place; only the folder could not be synced, so that a power cut may undo the export",
		}, s.Close())
	}
	return s.Close()
}

// Close removes a staging folder that was not committed. It may be called more than once.
func (s *Staging) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	return errors.Join(os.RemoveAll(s.Path()), s.lock.Close())
}

// sweep removes staging folders and half-removed versions that no process uses. A staging
// folder has a lock file as long as it exists.
func sweep(parent string) error {
	entries, err := vfs.OS.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(parent, e.Name())
		if old, ours := strings.CutSuffix(e.Name(), trashSuffix); ours {
			if _, ok := version(old); ok {
				if err := os.RemoveAll(path); err != nil {
					return err
				}
			}
			continue
		}
		staging, isLock := filenames.ParseLock(path)
		if _, isStaging := filenames.ParseTemp(staging); !isLock || !isStaging {
			continue
		}
		lock, err := vfs.Hold(staging)
		if errors.Is(err, tfkeep.ErrLocked) {
			continue
		}
		if err == nil {
			err = errors.Join(os.RemoveAll(staging), lock.Close())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Replace replaces the SavedModel file of an existing model in one step: readers get the
// old file until the new one is complete and synced. If the form changes from text to
// binary or back, Replace removes the file of the old form. The fingerprint of a model that
// has one is made anew.
func Replace(dir, name string, data []byte) error {
	other := FilenamePB
	if name == FilenamePB {
		other = FilenamePBText
	}
	if info, err := os.Lstat(filepath.Join(dir, other)); err == nil && info.IsDir() {
		return &tfkeep.Error{Op: "write", Path: filepath.Join(dir, other), Err: tfkeep.ErrExists, Detail: "a folder has the name of the model's other graph file; remove it"}
	}
	var print []byte // what can fail comes before the first change
	_, err := os.Lstat(filepath.Join(dir, fingerprint.Name))
	if err == nil && name == FilenamePB {
		if print, err = fingerprintOf(dir, data); err != nil {
			return err
		}
	}
	if err := dropFingerprint(dir); err != nil {
		return err
	}
	if err := vfs.WriteFileAtomic(vfs.OS, filepath.Join(dir, name), data, true); err != nil {
		return err
	}
	if err := vfs.OS.Remove(filepath.Join(dir, other)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if print != nil {
		if err := vfs.WriteFileAtomic(vfs.OS, filepath.Join(dir, fingerprint.Name), print, true); err != nil {
			return err
		}
	}
	return vfs.OS.SyncDir(dir)
}

// IsSavedModel reports whether dir holds a SavedModel: binary, text or chunked.
func IsSavedModel(dir string) bool { return isModel(vfs.IOFS(vfs.OS, dir), ".") }
