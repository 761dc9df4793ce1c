// Package procmem reads how much memory a process uses, memory of C code included. It
// works on Linux only. Tests and benchmarks use it.
package procmem

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// Resident returns the memory that a process has now, in bytes.
func Resident(pid int) (int64, error) { return field(pid, "VmRSS:") }

// Peak returns the most memory that a process has had since its start or since the last
// [ForgetPeak], in bytes.
func Peak(pid int) (int64, error) { return field(pid, "VmHWM:") }

// ForgetPeak sets the peak of a process to the memory that it has now.
func ForgetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// Growth returns the most memory that this process has while f runs, beyond what it has
// before, in bytes. It measures everything that the process does meanwhile, so call it in a
// process that does nothing else. The rusage of a child process does not show this: its peak
// begins with the memory of the process that started it.
func Growth(f func()) (int64, error) {
	debug.FreeOSMemory()
	self := os.Getpid()
	if err := ForgetPeak(self); err != nil {
		return 0, err
	}
	before, err := Resident(self)
	if err != nil {
		return 0, err
	}
	f()
	peak, err := Peak(self)
	return peak - before, err
}

// field reads a size in the status of a process.
func field(pid int, name string) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), name)
	words := strings.Fields(rest)
	if len(words) == 0 {
		return 0, fmt.Errorf("the status of process %d has no %s %w", pid, name, errors.ErrUnsupported)
	}
	kB, err := strconv.ParseInt(words[0], 10, 64)
	return kB << 10, err
}
