package syscalls

import (
	"fmt"
	"time"
)

// Kind is what happens to a system call.
type Kind int

// The kinds of faults.
const (
	// Kill ends the process before the call.
	Kill Kind = iota + 1
	// IOError lets the call fail with EIO.
	IOError
	// NoSpaceOnce lets the call fail with ENOSPC.
	NoSpaceOnce
	// NoSpaceFrom lets the call and every later one that needs space fail with ENOSPC.
	NoSpaceFrom
)

// Kinds returns all kinds.
func Kinds() []Kind { return []Kind{Kill, IOError, NoSpaceOnce, NoSpaceFrom} }

func (k Kind) String() string {
	switch k {
	case Kill:
		return "kill"
	case IOError:
		return "EIO"
	case NoSpaceOnce:
		return "ENOSPC once"
	case NoSpaceFrom:
		return "ENOSPC from there on"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// Fault is a fault at one call.
type Fault struct {
	Kind Kind
	// At is the number of the call, counted from 1.
	At int
}

// Program is a program to run.
type Program struct {
	// Args is the command line; Args[0] is the path of the program.
	Args []string
	// Env is added to the environment.
	Env []string
	// Folder is the folder whose changes count, as an absolute path without links.
	Folder string
	// Limit is the time after which the program is killed; 0 means a minute.
	Limit time.Duration
}

// Result is what a run did.
type Result struct {
	// Calls are the calls that changed the folder, in order. The last one of a killed
	// process did not happen.
	Calls []Call
	// Stdout and Stderr are what the program printed.
	Stdout, Stderr string
	// Code is the exit status, or -1 if a signal ended the process.
	Code int
	// Killed is set if the fault, and not the time limit, killed the process.
	Killed bool
	// TimedOut is set if the process was killed at the time limit.
	TimedOut bool
}
