//go:build unix

package vfs

import (
	"errors"
	"io/fs"
	"syscall"
)

const (
	openFlags  = syscall.O_NONBLOCK | syscall.O_NOCTTY
	noFollow   = syscall.O_NOFOLLOW
	onlyFolder = syscall.O_DIRECTORY
)

// isLinkRefused reports whether an open failed because of noFollow.
func isLinkRefused(err error) bool {
	return errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.EMLINK)
}

// names returns how many names a file has, as far as the system says.
func names(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink) //nolint:unconvert // the type differs from system to system
	}
	return 1
}
