package modeldir

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// Versions returns the numbered folders of base that hold a model, in ascending order.
func Versions(base string) ([]int64, error) {
	folders, err := versions(base)
	numbers := make([]int64, len(folders))
	for i, f := range folders {
		numbers[i] = f.number
	}
	return numbers, err
}

// folder is the folder of a version. Its name may start with zeros.
type folder struct {
	number int64
	name   string
}

func versions(base string) ([]folder, error) {
	entries, err := vfs.OS.ReadDir(base)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var folders []folder
	for _, e := range entries {
		if n, ok := version(e.Name()); ok && e.IsDir() && IsSavedModel(filepath.Join(base, e.Name())) {
			folders = append(folders, folder{n, e.Name()})
		}
	}
	slices.SortStableFunc(folders, func(a, b folder) int { return cmp.Compare(a.number, b.number) })
	return folders, nil
}

// Next returns the number after the highest one that a file or folder of base has.
func Next(base string) (int64, error) {
	entries, err := vfs.OS.ReadDir(base)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, err
	}
	next := int64(1)
	for _, e := range entries {
		if n, ok := version(e.Name()); ok && n >= next {
			next = n + 1
		}
	}
	return next, nil
}

// version parses a folder's name as TensorFlow Serving does: digits only.
func version(name string) (int64, bool) {
	n, err := strconv.ParseInt(name, 10, 63)
	return n, err == nil && name[0] != '+' && name[0] != '-'
}

// Prune removes all versions except the newest keep ones, the oldest first, and returns
// the numbers of the removed ones. It renames a version before it deletes it, so that no
// reader finds half of it. The next Begin removes what a killed Prune leaves. If keep is
// 0, Prune removes nothing.
func Prune(base string, keep int) ([]int64, error) {
	folders, err := versions(base)
	if err != nil || keep <= 0 {
		return nil, err
	}
	var removed []int64
	for len(folders) > keep {
		oldest := folders[0]
		folders = folders[1:]
		dir := filepath.Join(base, oldest.name)
		if err := vfs.OS.Rename(dir, dir+trashSuffix); err != nil {
			return removed, &tfkeep.Error{Op: "remove", Path: dir, Cause: err}
		}
		if err := errors.Join(vfs.OS.SyncDir(base), os.RemoveAll(dir+trashSuffix)); err != nil {
			return removed, &tfkeep.Error{Op: "remove", Path: dir, Cause: err}
		}
		removed = append(removed, oldest.number)
	}
	return removed, nil
}

// trashSuffix marks a version that is being removed.
const trashSuffix = ".tfkeep-old"
