package tf_test

import (
	"os"
	"testing"
	"time"

	"github.com/tfkeep/tfkeep/internal/leftover"
	"github.com/tfkeep/tfkeep/internal/localcluster"
)

// TestMain fails the run where a test leaves C memory behind that neither a
// Close nor the collector freed.
func TestMain(m *testing.M) {
	if code, served := localcluster.Main(); served {
		os.Exit(code)
	}
	os.Exit(leftover.Code(os.Stderr, m.Run(), 10*time.Millisecond))
}
