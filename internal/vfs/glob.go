package vfs

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep/internal/filenames"
)

// Glob returns the names that match a pattern, sorted. As in TensorFlow, a pattern that
// matches nothing, or whose folder cannot be read, is not an error: the result is
// empty. A malformed pattern, such as one with a single "[", matches the file of
// exactly that name.
func Glob(fsys FS, pattern string) []string {
	if !strings.ContainsAny(pattern, `*?[\`) {
		if _, err := fsys.Stat(pattern); err != nil {
			return nil
		}
		return []string{pattern}
	}
	dir, base := filepath.Split(pattern)
	if _, err := filepath.Match(base, ""); errors.Is(err, filepath.ErrBadPattern) {
		if _, err := fsys.Stat(pattern); err == nil {
			return []string{pattern}
		}
		return nil
	}
	var out []string
	for _, d := range globDirs(fsys, dir) {
		entries, err := fsys.ReadDir(dirOrDot(d))
		if err != nil {
			continue
		}
		for _, e := range entries {
			if ok, _ := filepath.Match(base, e.Name()); ok {
				out = append(out, d+e.Name())
			}
		}
	}
	slices.Sort(out)
	return out
}

// globDirs expands the folder part of a pattern. Each result ends in the same way as
// dir.
func globDirs(fsys FS, dir string) []string {
	if !strings.ContainsAny(dir, `*?[\`) {
		return []string{dir}
	}
	var out []string
	for _, d := range Glob(fsys, strings.TrimRight(dir, string(filepath.Separator))) {
		out = append(out, d+string(filepath.Separator))
	}
	return out
}

func dirOrDot(dir string) string {
	if dir == "" {
		return "."
	}
	return dir
}

// V1Files returns the files of the V1 checkpoint with a prefix, sorted: the file of that
// very name, or the shards if the prefix ends in a pattern that a saver has returned. Other
// characters of patterns in the prefix stand for themselves.
func V1Files(fsys FS, prefix string) []string {
	if _, err := fsys.Stat(prefix); err == nil {
		return []string{prefix}
	}
	dir, base := filepath.Split(prefix)
	if !strings.Contains(base, "?") {
		return nil
	}
	entries, err := fsys.ReadDir(dirOrDot(dir))
	if err != nil {
		return nil
	}
	var files []string
	for _, e := range entries {
		if filenames.IsV1File(e.Name(), base) {
			files = append(files, dir+e.Name())
		}
	}
	return files
}

// IOFS returns the files below a folder as an fs.FS.
func IOFS(fsys FS, dir string) fs.FS { return ioFS{fsys, dir} }

type ioFS struct {
	fsys FS
	dir  string
}

// Path returns the name of a file in the FS.
func (f ioFS) Path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

func (f ioFS) Open(name string) (fs.File, error) { return f.fsys.Open(f.Path(name)) }

func (f ioFS) Stat(name string) (fs.FileInfo, error) { return f.fsys.Stat(f.Path(name)) }

// SameFile reports whether two descriptions are of the same file.
func (f ioFS) SameFile(a, b fs.FileInfo) bool { return f.fsys.SameFile(a, b) }

func (f ioFS) ReadDir(name string) ([]fs.DirEntry, error) { return f.fsys.ReadDir(f.Path(name)) }
