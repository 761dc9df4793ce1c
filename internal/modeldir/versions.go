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
	entries, err := os.ReadDir(base)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var versions []int64
	for _, e := range entries {
		if n, ok := version(e.Name()); ok && e.IsDir() && IsSavedModel(filepath.Join(base, e.Name())) {
			versions = append(versions, n)
		}
	}
	sort.Slice(versions, func(i, j int) bool { return versions[i] < versions[j] })
	return versions, nil
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
// deleted, so that no reader finds half of it.
func Prune(base string, keep int) ([]int64, error) {
	versions, err := Versions(base)
	if err != nil || keep <= 0 {
		return nil, err
	}
	var gone []int64
	for len(versions) > keep {
		dir := filepath.Join(base, strconv.FormatInt(versions[0], 10))
		trash := dir + stagingSuffix
		if err := os.Rename(dir, trash); err != nil {
			return gone, fmt.Errorf("removing version %d: %w", versions[0], err)
		}
		if err := errors.Join(vfs.OS.SyncDir(base), os.RemoveAll(trash)); err != nil {
			return gone, fmt.Errorf("removing version %d: %w", versions[0], err)
		}
		gone = append(gone, versions[0])
		versions = versions[1:]
	}
	return gone, nil
}
