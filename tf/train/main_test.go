package train_test

import (
	"os"
	"testing"
	"time"

	"github.com/tfkeep/tfkeep/internal/test/leftover"
)

// TestMain fails the run if a test leaves C memory that neither a Close nor the garbage
// collector freed.
func TestMain(m *testing.M) {
	os.Exit(leftover.ExitCode(os.Stderr, m.Run(), 10*time.Millisecond))
}
