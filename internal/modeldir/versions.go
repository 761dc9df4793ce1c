package modeldir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"

	"github.com/tfkeep/tfkeep/internal/vfs"
)

// Versions lists the numbered folders of base that hold a model, in order.
func Versions(base string) ([]int64, error) {
	folders, err := versions(base)
	numbers := make([]int64, len(folders))
	for i, f := range folders {
		numbers[i] = f.number
	}
	return numbers, err
}

// folder is a version by its number and its name, which may begin with zeros.
type folder struct {
	number int64
	name   string
}

func versions(base string) ([]folder, error) {
	entries, err := os.ReadDir(base)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var folders []folder
	for _, e := range entries {
		if n, ok := version(e.Name()); ok && e.IsDir() && IsSavedModel(filepath.Join(base, e.Name())) {
			folders = append(folders, folder{n, e.Name()})
		}
	}
	sort.SliceStable(folders, func(i, j int) bool { return folders[i].number < folders[j].number })
	return folders, nil
}

// Next is the number after the greatest that is in use for anything.
func Next(base string) (int64, error) {
	entries, err := os.ReadDir(base)
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

// version reads a folder's name as TensorFlow Serving does: digits only.
func version(name string) (int64, bool) {
	n, err := strconv.ParseInt(name, 10, 63)
	return n, err == nil && name[0] != '+' && name[0] != '-'
}

// Prune removes all but the newest keep versions, the oldest first, and
// returns the numbers of those removed. A version is renamed before it is
// deleted, so that no reader finds half of it; what a killed Prune leaves under
// the other name, the next Begin sweeps.
func Prune(base string, keep int) ([]int64, error) {
	folders, err := versions(base)
	if err != nil || keep <= 0 {
		return nil, err
	}
	var gone []int64
	for len(folders) > keep {
		oldest := folders[0]
		folders = folders[1:]
		dir := filepath.Join(base, oldest.name)
		if err := vfs.OS.Rename(dir, dir+trashSuffix); err != nil {
			return gone, fmt.Errorf("removing version %d: %w", oldest.number, err)
		}
		if err := errors.Join(vfs.OS.SyncDir(base), removeAll(dir+trashSuffix)); err != nil {
			return gone, fmt.Errorf("removing version %d: %w", oldest.number, err)
		}
		gone = append(gone, oldest.number)
	}
	return gone, nil
}

// trashSuffix marks a version that is being removed.
const trashSuffix = ".tfkeep-old"
