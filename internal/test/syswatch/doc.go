// Package syswatch runs a process and sees its system calls that open, change or list files,
// use sockets, or start programs. Tests use it to show that a hostile file does nothing.
//
// Go's own system calls do not go through the C library, so that a preloaded library would
// not see them. This package uses ptrace, with a filter (seccomp) that the process installs
// for itself, so that all other calls run at full speed.
package syswatch
