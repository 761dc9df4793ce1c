package saver_test

import (
	"os"
	"testing"
	"time"

	"github.com/tfkeep/tfkeep/internal/test/leftover"
	"github.com/tfkeep/tfkeep/internal/test/localcluster"
)

// TestMain starts the servers of the tests' cluster where it is called in their
// processes, and fails the run if C objects outlive the tests.
func TestMain(m *testing.M) {
	if code, served := localcluster.Main(); served {
		os.Exit(code)
	}
	code := m.Run()
	if sharedCluster.c != nil {
		sharedCluster.c.Stop()
		os.RemoveAll(sharedCluster.dirs)
	}
	os.Exit(leftover.ExitCode(os.Stderr, code, 20*time.Millisecond))
}
