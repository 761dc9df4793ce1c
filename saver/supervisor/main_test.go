package supervisor_test

import (
	"os"
	"testing"
	"time"

	"github.com/tfkeep/tfkeep/internal/test/leftover"
	"github.com/tfkeep/tfkeep/internal/test/localcluster"
)

// TestMain also runs the processes that the tests start: servers, and chiefs that are
// killed. If C objects outlive the tests, the run fails.
func TestMain(m *testing.M) {
	if code, served := localcluster.Main(); served {
		os.Exit(code)
	}
	if os.Getenv(chiefCluster) != "" {
		os.Exit(chiefMain())
	}
	if dir := os.Getenv(signaled); dir != "" {
		os.Exit(signaledMain(dir))
	}
	if folder := os.Getenv(soaked); folder != "" {
		soakMain(folder)
		os.Exit(1)
	}
	// TensorFlow frees a session whose server is gone only after its timeout.
	os.Exit(leftover.ExitCode(os.Stderr, m.Run(), 200*time.Millisecond))
}
