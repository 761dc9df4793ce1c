package tf_test

import (
	"os"
	"testing"
	"time"

	"github.com/tfkeep/tfkeep/internal/test/leftover"
	"github.com/tfkeep/tfkeep/internal/test/localcluster"
)

// TestMain fails if C objects are left that neither a Close nor the garbage collector
// freed.
func TestMain(m *testing.M) {
	if code, served := localcluster.Main(); served {
		os.Exit(code)
	}
	os.Exit(leftover.ExitCode(os.Stderr, m.Run(), 10*time.Millisecond))
}
