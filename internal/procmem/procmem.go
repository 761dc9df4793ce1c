// Package procmem tells how much memory processes have, C's included, where the
// system is Linux. Tests and benchmarks ask it.
package procmem

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Resident is what a process has now, in bytes.
func Resident(pid int) (int64, error) { return field(pid, "VmRSS:") }

// Peak is the most that a process has had since its start, or since ForgetPeak.
func Peak(pid int) (int64, error) { return field(pid, "VmHWM:") }

// ForgetPeak makes what a process has now its peak.
func ForgetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// field is a size in the status of a process.
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
