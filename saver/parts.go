package saver

import (
	"errors"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
)

// TensorFlow's nodes write the shards of a checkpoint into a folder of their own,
// "<path>_temp", before one of them merges them, and leave them there when that
// fails.

var partFile = regexp.MustCompile(`^part-\d{5}-of-\d{5}\.`)

// discardParts removes the shards of a checkpoint that weren't merged, as far as
// this process sees them, and reports whether there were any.
func (s *Saver) discardParts(path string) bool {
	dir := path + "_temp"
	entries, err := s.fs.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	for _, e := range entries {
		if partFile.MatchString(e.Name()) {
			_ = s.fs.Remove(filepath.Join(dir, e.Name()))
		}
	}
	_ = s.fs.Remove(dir)
	return true
}

// discardLater discards the parts of a save that failed, now and again before the
// next one: servers may still be writing them.
func (l *dirLock) discardLater(s *Saver, path string) {
	path = l.relative(path)
	s.discardParts(l.resolve(path))
	if !slices.Contains(l.parts, path) {
		l.parts = append(l.parts, path)
	}
}

// discardAgain forgets what is gone.
func (l *dirLock) discardAgain(s *Saver) {
	l.parts = slices.DeleteFunc(l.parts, func(path string) bool { return !s.discardParts(l.resolve(path)) })
}
