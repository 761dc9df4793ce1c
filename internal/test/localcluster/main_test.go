package localcluster_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/tfkeep/tfkeep/internal/test/localcluster"
)

func TestMain(m *testing.M) {
	if code, served := localcluster.Main(); served {
		os.Exit(code)
	}
	if os.Getenv(asParent) != "" {
		c, err := localcluster.Start(context.Background(), localcluster.Options{Jobs: map[string]int{"ps": 1}})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(c.Pid("ps", 0))
		time.Sleep(time.Hour)
	}
	os.Exit(m.Run())
}
