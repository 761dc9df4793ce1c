package localcluster_test

import (
	"os"
	"testing"

	"github.com/tfkeep/tfkeep/internal/localcluster"
)

func TestMain(m *testing.M) {
	if code, served := localcluster.Main(); served {
		os.Exit(code)
	}
	os.Exit(m.Run())
}
