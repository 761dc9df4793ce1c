package syscalls

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
const launcher = "TFKEEP_SYSCALLS_LAUNCH"

// Main installs the filter and becomes the program to run, if this is the process that Run
// has started: then it returns only if that fails. In other processes it does nothing.
// TestMain calls it before anything else.
func Main() error {
	if os.Getenv(launcher) == "" {
		return nil
	}
	if err := os.Unsetenv(launcher); err != nil {
		return err
	}
	if err := Install(); err != nil {
		return fmt.Errorf("launch: %w", err)
	}
	return fmt.Errorf("launch: %w", syscall.Exec(os.Args[1], os.Args[1:], os.Environ()))
}

// Install stops this process at each call of the table, for the process that traces it. The
// calls fail if none does. It holds for all threads, and cannot be undone.
func Install() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	filter := seccompFilter()
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program))) //nolint:gosec // the kernel reads it
	if errno != 0 {
		return fmt.Errorf("install the filter: %w", errno)
	}
	return nil
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
