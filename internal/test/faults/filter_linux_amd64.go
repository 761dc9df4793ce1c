package faults

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// launcher is the environment variable that makes this binary install the filter and then
// become another program.
const launcher = "TFKEEP_FAULTS_LAUNCH"

// Main installs the filter and becomes the program to run, if this is the process that Run
// has started: then it returns only if that fails. In other processes it does nothing.
// TestMain calls it before anything else.
func Main() error {
	if os.Getenv(launcher) == "" {
		return nil
	}
	return fmt.Errorf("launch: %w", launch(os.Args[1:]))
}

func launch(args []string) error {
	if err := os.Unsetenv(launcher); err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	filter := seccompFilter()
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
		return err
	}
	return syscall.Exec(args[0], args, os.Environ())
}

// seccompFilter stops the process for its tracer at every call of the table, and lets all
// others pass.
func seccompFilter() []unix.SockFilter {
	const load, jumpEqual, ret = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	numbers := make([]uint32, 0, len(calls))
	for n := range calls {
		numbers = append(numbers, uint32(n))
	}
	filter := []unix.SockFilter{{Code: load, K: 0}}
	for i, n := range numbers {
		// The trace instruction is behind the rest of the comparisons and the allow.
		filter = append(filter, unix.SockFilter{Code: jumpEqual, Jt: uint8(len(numbers) - i), K: n})
	}
	return append(filter,
		unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_TRACE},
	)
}
