//go:build !unix

package vfs

import "io/fs"

const (
	openFlags  = 0
	noFollow   = 0
	onlyFolder = 0
)

func isLinkRefused(error) bool { return false }

func names(fs.FileInfo) uint64 { return 1 }
