package savedmodel_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/tfkeep/tfkeep/internal/test/leftover"
)

// loadModels is set on systems where TestHostileModelsDoNothing runs.
var loadModels func(list string) error

// TestMain fails the run if C objects outlive the tests. It is also the process that
// loads hostile models.
func TestMain(m *testing.M) {
	if list := os.Getenv("TFKEEP_HOSTILE_LIST"); list != "" {
		if err := loadModels(list); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(leftover.ExitCode(os.Stderr, m.Run(), 20*time.Millisecond))
}
