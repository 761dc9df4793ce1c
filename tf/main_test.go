package tf_test

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/internal/localcluster"
)

// TestMain fails the run where a test leaves C memory behind that neither a
// Close nor the collector freed.
func TestMain(m *testing.M) {
	if code, served := localcluster.Main(); served {
		os.Exit(code)
	}
	code := m.Run()
	var left capi.Counts
	for range 50 {
		runtime.GC()
		if left = capi.Live(); left == (capi.Counts{}) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if left != (capi.Counts{}) && code == 0 {
		fmt.Fprintf(os.Stderr, "C objects outlive the tests: %+v\n", left)
		code = 1
	}
	os.Exit(code)
}
