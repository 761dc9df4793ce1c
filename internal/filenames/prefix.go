package filenames

import (
	"os"
	"path/filepath"
)

// A prefix may end in a slash: the checkpoint "train/" has the files "train/.index" and
// "train/.data-00000-of-00001". Package filepath takes that slash away and so names
// another checkpoint, so these functions stand in for it.

const separator = string(filepath.Separator)

// EndsInSlash reports whether a prefix is that of files whose names begin with their
// suffix.
func EndsInSlash(prefix string) bool {
	return prefix != "" && os.IsPathSeparator(prefix[len(prefix)-1])
}

// Base returns the part of a prefix behind its last slash: with what the names of its files
// begin. It is empty for a prefix that ends in a slash.
func Base(prefix string) string {
	_, base := filepath.Split(prefix)
	return base
}

// Clean returns the shortest path of a prefix. A prefix that ends in a slash still does, and
// one that ends in "/." then does: that is how state files write it.
func Clean(prefix string) string {
	if base := Base(prefix); prefix != "" && (base == "" || base == ".") {
		return Join(prefix, "")
	}
	return filepath.Clean(prefix)
}

// Join returns the prefix with a base in a folder.
func Join(folder, base string) string {
	if base != "" {
		return filepath.Join(folder, base)
	}
	if folder = filepath.Clean(folder); EndsInSlash(folder) {
		return folder // the root
	}
	return folder + separator
}
