package tfgraph

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/localcluster"
)

// StartCluster starts a cluster with a number of tasks for each job. It stops at the end
// of the test. The TestMain of the test has to call localcluster.Main.
func StartCluster(t testing.TB, jobs map[string]int) *localcluster.Cluster {
	t.Helper()
	c, err := localcluster.Start(t.Context(), localcluster.Options{Jobs: jobs})
	require.NoError(t, err)
	t.Cleanup(c.Stop)
	return c
}
