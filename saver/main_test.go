package saver_test

import (
	"os"
	"testing"

	"github.com/tfkeep/tfkeep/internal/localcluster"
)

// TestMain is also the start of the servers of the tests' cluster.
func TestMain(m *testing.M) {
	if code, served := localcluster.Main(); served {
		os.Exit(code)
	}
	code := m.Run()
	if sharedCluster.c != nil {
		sharedCluster.c.Stop()
		os.RemoveAll(sharedCluster.dirs)
	}
	os.Exit(code)
}
