// Package leftover looks for C objects that tests leave behind.
package leftover

import (
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/tfkeep/tfkeep/capi"
)

// tries is how often the collector is asked.
const tries = 50

// Settled collects garbage until the counts are want, tries times at most with a
// pause between, and says what they are then.
func Settled(want capi.Counts, pause time.Duration) capi.Counts {
	for range tries {
		runtime.GC()
		if capi.Live() == want {
			break
		}
		time.Sleep(pause)
	}
	return capi.Live()
}

// Code is the exit code of tests that ended with code: where they passed and C
// objects outlive them it is 1, and w is told which. pause is as in Settled.
func Code(w io.Writer, code int, pause time.Duration) int {
	if left := Settled(capi.Counts{}, pause); left != (capi.Counts{}) && code == 0 {
		fmt.Fprintf(w, "C objects outlive the tests: %+v\n", left)
		return 1
	}
	return code
}
