package capi_test

import (
	"os"
	"testing"
	"time"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/internal/leftover"
)

// TestMain fails the run where a test leaves C memory behind that neither a
// Close nor the collector freed.
func TestMain(m *testing.M) { os.Exit(leftover.Code(os.Stderr, m.Run(), 10*time.Millisecond)) }

// settled waits for the collector, where a test left want behind.
func settled(want capi.Counts) capi.Counts { return leftover.Settled(want, 10*time.Millisecond) }
