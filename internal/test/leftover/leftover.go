// Package leftover finds C objects of package capi that still exist after the tests.
package leftover

import (
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/tfkeep/tfkeep/internal/live"
)

// tries is the largest number of garbage collections.
const tries = 50

// Collect collects garbage until the counts of C objects are want, up to tries times with
// a pause in between, and returns the counts.
func Collect(want live.Counts, pause time.Duration) live.Counts {
	for range tries {
		runtime.GC()
		if live.Now() == want {
			break
		}
		time.Sleep(pause)
	}
	return live.Now()
}

// ExitCode returns the exit code of a test binary whose tests returned code. It is 1 if
// they passed and C objects still exist, whose counts it then prints to w. pause is that of [Collect].
func ExitCode(w io.Writer, code int, pause time.Duration) int {
	if left := Collect(live.Counts{}, pause); left != (live.Counts{}) && code == 0 {
		fmt.Fprintf(w, "C objects still exist after the tests: %+v\n", left)
		return 1
	}
	return code
}
