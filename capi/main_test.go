package capi_test

import (
	"os"
	"testing"
	"time"

	"github.com/tfkeep/tfkeep/internal/live"
	"github.com/tfkeep/tfkeep/internal/test/leftover"
)

// TestMain fails if C objects are left that neither a Close nor the garbage collector
// freed.
func TestMain(m *testing.M) { os.Exit(leftover.ExitCode(os.Stderr, m.Run(), 10*time.Millisecond)) }

// settled collects garbage until the counts are want or do not change any more.
func settled(want live.Counts) live.Counts {
	return leftover.Collect(want, 10*time.Millisecond)
}
