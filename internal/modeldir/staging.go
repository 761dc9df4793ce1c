package modeldir

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// The names within a SavedModel.
const (
	FilenamePB    = "saved_model.pb"
	FilenamePBTxt = "saved_model.pbtxt"
	FilenameCPB   = "saved_model.cpb" // of models above 2 GiB, in chunks, of TensorFlow 2.15 and later
	VariablesDir  = "variables"
	VariablesName = "variables" // prefix of the checkpoint within VariablesDir
	AssetsDir     = "assets"
)

// ErrExists is the kind of error for a folder that has something in it.
var ErrExists = errors.New("the export directory is not empty")

// Staging is a model on its way: a folder beside the one it is to become.
type Staging struct {
	dir    string
	lock   io.Closer
	closed bool
}

// Begin makes a staging folder for a model at target, which must not exist or be
// empty. What killed processes left there and beside it is removed; one that is
// still at work on the same model is tfkeep.ErrLocked.
func Begin(target string) (*Staging, error) {
	target = filepath.Clean(target)
	entries, err := os.ReadDir(target)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("export directory: %w", err)
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("%w: Export directory %s already exists, and isn't empty. Please choose a different export directory, or delete all the contents of the specified directory", ErrExists, target)
	}
	if err := vfs.OS.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return nil, fmt.Errorf("export directory: %w", err)
	}
	if err := sweep(filepath.Dir(target)); err != nil {
		return nil, fmt.Errorf("export directory: %w", err)
	}
	s := &Staging{dir: target}
	if s.lock, err = dir.Lock(s.Path()); err != nil {
		return nil, err
	}
	// What lies there belongs to nobody: its owner would hold the lock.
	if err = removeAll(s.Path()); err == nil {
		err = vfs.OS.MkdirAll(s.Path(), 0o755)
	}
	if err != nil {
		s.lock.Close()
		return nil, fmt.Errorf("export directory: %w", err)
	}
	return s, nil
}

// Path is the folder to write into.
func (s *Staging) Path(elem ...string) string {
	return filepath.Join(append([]string{filenames.Temp(s.dir)}, elem...)...)
}

// Dir is where the model will be.
func (s *Staging) Dir() string { return s.dir }

// Commit puts the model in its place and closes the staging. Files that were
// written must be synced already; folders are synced here.
func (s *Staging) Commit() error {
	if s.closed {
		return os.ErrClosed
	}
	for _, dir := range []string{s.Path(), filepath.Dir(s.dir)} {
		if err := vfs.OS.SyncDir(dir); err != nil {
			return err
		}
	}
	// An empty folder makes room; one that got files meanwhile does not go.
	if err := vfs.OS.Remove(s.dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrExists, err)
	}
	if err := vfs.OS.Rename(s.Path(), s.dir); err != nil {
		return fmt.Errorf("export directory: %w", err)
	}
	return errors.Join(vfs.OS.SyncDir(filepath.Dir(s.dir)), s.Close())
}

// Close removes what was not committed. It may be called any number of times.
func (s *Staging) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	return errors.Join(removeAll(s.Path()), s.lock.Close())
}

// sweep removes staging folders and versions on their way out that no process
// is at work on. A staging folder has a lock file as long as it exists.
func sweep(parent string) error {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(parent, e.Name())
		if old, ours := strings.CutSuffix(e.Name(), trashSuffix); ours {
			if _, ok := version(old); ok {
				if err := removeAll(path); err != nil {
					return err
				}
			}
			continue
		}
		staging, isLock := filenames.ParseLock(path)
		if _, isStaging := filenames.ParseTemp(staging); !isLock || !isStaging {
			continue
		}
		lock, err := dir.Lock(staging)
		if errors.Is(err, tfkeep.ErrLocked) {
			continue
		}
		if err == nil {
			err = errors.Join(removeAll(staging), lock.Close())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// removeAll removes a folder with all that is in it; one that is not there is fine.
func removeAll(path string) error {
	err := vfs.OS.Remove(path) // a link is removed and not followed
	if err == nil || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	entries, listErr := vfs.OS.ReadDir(path)
	if listErr != nil {
		return err
	}
	for _, e := range entries {
		if err := removeAll(filepath.Join(path, e.Name())); err != nil {
			return err
		}
	}
	return vfs.OS.Remove(path)
}

// Replace puts a new SavedModel file into a model that exists, in one step:
// the old file is read until the new one is complete and synced. Of the two
// forms, text and binary, only the new one stays.
func Replace(dir, name string, data []byte) error {
	if err := vfs.WriteFileAtomic(vfs.OS, filepath.Join(dir, name), data, true); err != nil {
		return err
	}
	other := FilenamePB
	if name == FilenamePB {
		other = FilenamePBTxt
	}
	if err := vfs.OS.Remove(filepath.Join(dir, other)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return vfs.OS.SyncDir(dir)
}

// IsSavedModel tells whether dir holds a SavedModel: binary, text or chunked.
func IsSavedModel(dir string) bool {
	for _, name := range []string{FilenamePB, FilenamePBTxt, FilenameCPB} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}
