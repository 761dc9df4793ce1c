package supervisor_test

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/internal/localcluster"
)

// TestMain is also the start of the processes that the tests make: servers, and
// chiefs that are killed. Where a test leaves C memory behind, the run fails.
func TestMain(m *testing.M) {
	if code, served := localcluster.Main(); served {
		os.Exit(code)
	}
	if os.Getenv(chiefProcess) != "" {
		os.Exit(chiefMain())
	}
	code := m.Run()
	var left capi.Counts
	for range 200 {
		runtime.GC()
		if left = capi.Live(); left == (capi.Counts{}) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if left != (capi.Counts{}) && code == 0 {
		fmt.Fprintf(os.Stderr, "C objects outlive the tests: %+v\n", left)
		code = 1
	}
	os.Exit(code)
}
