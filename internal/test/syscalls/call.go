package syscalls

import "strings"

// Call is a system call that a process is about to make.
type Call struct {
	Name string
	// Path is the first path of the call or that of its file descriptor, cleaned, or "".
	Path string
	// Open is set if the call is on a file that is open, and names none.
	Open bool
	// Change is set if the call changes something, opens a file in order to, uses a socket or
	// starts a program.
	Change bool
	// Space is set if the call can need space on the disk, and so fail with ENOSPC.
	Space bool
}

func (c Call) String() string { return strings.TrimSpace(c.Name + " " + c.Path) }
