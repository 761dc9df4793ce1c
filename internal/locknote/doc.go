// Package locknote reads and writes the note in the lock file of a folder of checkpoints:
// which process holds the lock, and which files are being written or removed. Package
// journal acts on it, and package verify only looks at it.
//
// A lock file may come with a folder that somebody else made, so that nothing in a note is
// to be trusted.
package locknote
