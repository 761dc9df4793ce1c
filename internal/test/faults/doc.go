// Package faults runs a program and lets one of its system calls fail, as a full disk, a
// failing disk or a kill does.
//
// It traces the process with ptrace. Go programs make system calls without the C library,
// so that replacing the C library's functions would miss them. A seccomp filter stops the
// process only at calls that can change files, so the program runs at almost full speed.
//
// [Run] counts the calls that change one folder. Run it once without a [Fault] to learn how
// many there are, then once for each of them with a fault at that call. The test binary
// itself installs the filter: TestMain must begin with [Main].
package faults
