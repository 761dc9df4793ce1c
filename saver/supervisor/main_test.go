package supervisor_test

import (
	"os"
	"testing"
	"time"

	"github.com/tfkeep/tfkeep/internal/leftover"
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
	// TensorFlow lets go of a session whose server is gone when its time is over.
	os.Exit(leftover.Code(os.Stderr, m.Run(), 200*time.Millisecond))
}
