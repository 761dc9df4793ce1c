package capi_test

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/tfkeep/tfkeep/capi"
)

// TestMain fails the run where a test leaves C memory behind that neither a
// Close nor the collector freed.
func TestMain(m *testing.M) {
	code := m.Run()
	if left := settled(capi.Counts{}); left != (capi.Counts{}) && code == 0 {
		fmt.Fprintf(os.Stderr, "C objects outlive the tests: %+v\n", left)
		code = 1
	}
	os.Exit(code)
}

// settled collects garbage until the counts are want, for half a second at
// most, and says what they are then.
func settled(want capi.Counts) capi.Counts {
	for range 50 {
		runtime.GC()
		if capi.Live() == want {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return capi.Live()
}
