package cluster_test

import (
	"os"
	"testing"
	"time"

	"github.com/tfkeep/tfkeep/internal/test/leftover"
	"github.com/tfkeep/tfkeep/internal/test/localcluster"
)

// TestMain fails the run if a test leaves C memory that neither a Close nor the garbage
// collector freed.
func TestMain(m *testing.M) {
	if code, served := localcluster.Main(); served {
		os.Exit(code)
	}
	os.Exit(leftover.ExitCode(os.Stderr, m.Run(), 10*time.Millisecond))
}
