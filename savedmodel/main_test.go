package savedmodel_test

import (
	"os"
	"testing"
	"time"

	"github.com/tfkeep/tfkeep/internal/test/leftover"
)

// TestMain fails the run if C objects outlive the tests.
func TestMain(m *testing.M) {
	os.Exit(leftover.ExitCode(os.Stderr, m.Run(), 20*time.Millisecond))
}
