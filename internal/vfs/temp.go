package vfs

import (
	"errors"
	"io/fs"
	"os"

	"github.com/tfkeep/tfkeep/internal/filenames"
)

// CreateTemp opens filenames.Temp(path), empty and locked, and creates it if needed.
// Because the name is fixed, it replaces what an earlier writer of the same path has
// left. If that writer is still running, the error is [ErrLocked].
func CreateTemp(fsys FS, path string) (File, error) {
	f, err := OpenLocked(fsys, filenames.Temp(path))
	if err != nil {
		return nil, err
	}
	return Empty(fsys, f)
}

// Empty makes a file that [OpenLocked] has opened empty; see [Own].
func Empty(fsys FS, f File) (File, error) {
	f, err := Own(fsys, f)
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Own makes sure that a file that [OpenLocked] has opened may be written. If the file has a
// second name, under which it may be anybody's, it stays as it is there: a new, empty file
// takes its place under the name that was opened. Own closes f if it returns another file
// or an error.
func Own(fsys FS, f File) (File, error) {
	for range 3 {
		info, err := f.Stat()
		if err == nil && names(info) <= 1 {
			return f, nil
		}
		if err == nil {
			err = fsys.Remove(f.Name())
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		if f, err = OpenLocked(fsys, f.Name()); err != nil {
			return nil, err
		}
	}
	return nil, errors.Join(&fs.PathError{Op: "open", Path: f.Name(), Err: errors.New("it has other names, which come back")}, f.Close())
}

// OpenLocked opens a file for reading and writing, creates it if needed, and takes its
// lock. It does not wait: if another writer holds the lock, the error is [ErrLocked].
func OpenLocked(fsys FS, name string) (File, error) {
	// The last owner may rename or remove the file after it was opened here and before
	// it is locked. Then the lock is that of a file that has lost its name, and the
	// file has to be opened again.
	for range 100 {
		f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, err
		}
		ours, err := lockAndCheck(fsys, f, name)
		if err == nil && ours {
			return f, nil
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
	}
	return nil, &fs.PathError{Op: "lock", Path: name, Err: ErrLocked}
}

func lockAndCheck(fsys FS, f File, name string) (ours bool, err error) {
	ok, err := f.TryLock()
	if err != nil {
		return false, err
	}
	if !ok {
		return false, &fs.PathError{Op: "lock", Path: name, Err: ErrLocked}
	}
	return IsNamed(fsys, f, name)
}

// IsNamed reports whether an open file is still the one with a name: somebody may have
// removed or replaced it.
func IsNamed(fsys FS, f File, name string) (bool, error) {
	held, err := f.Stat()
	if err != nil {
		return false, err
	}
	named, err := fsys.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return fsys.SameFile(held, named), nil
}
