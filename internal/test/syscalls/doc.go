// Package syscalls runs a program, sees its system calls, and can let one of them fail.
//
// [Watch] reports the calls that open or change files, use sockets or start programs. Tests use
// it to show that a hostile file does nothing. [Run] counts the calls that change one folder,
// and lets one fail as a full disk, a failing disk or a kill does: run it once without a
// [Fault] to learn how many calls there are, then once for each of them.
//
// The process is traced with ptrace. Go programs make system calls without the C library, so
// that replacing the C library's functions would miss them. A filter (seccomp) stops the
// process at the calls of one table only, so that it runs at almost full speed. The traced
// process installs the filter: with [Install], or before it becomes another program with
// [Main], with which TestMain must begin for Run.
package syscalls
