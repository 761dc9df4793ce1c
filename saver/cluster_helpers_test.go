package saver_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/localcluster"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// sharedCluster serves all tests that kill no server: two parameter servers and a worker,
// each in a folder of its own. So they share absolute paths, and a relative path is a
// different folder for each. Variables stay in the servers after a test, and need names of
// their own.
var sharedCluster struct {
	sync.Mutex
	c    *localcluster.Cluster
	dirs string
}

func runningCluster(t testing.TB) *localcluster.Cluster {
	t.Helper()
	sharedCluster.Lock()
	defer sharedCluster.Unlock()
	if sharedCluster.c == nil {
		dirs, err := os.MkdirTemp("", "saver-cluster-")
		require.NoError(t, err)
		sharedCluster.dirs = dirs
		sharedCluster.c = startCluster(t, dirs)
	}
	return sharedCluster.c
}

func startCluster(t testing.TB, dirs string) *localcluster.Cluster {
	t.Helper()
	c, err := localcluster.Start(context.Background(), localcluster.Options{
		Jobs: map[string]int{"ps": 2, "worker": 1},
		Dir: func(job string, task int) string {
			dir := machineDir(dirs, job, task)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				panic(err)
			}
			return dir
		},
	})
	require.NoError(t, err)
	return c
}

func machineDir(dirs, job string, task int) string { return filepath.Join(dirs, fmt.Sprint(job, task)) }

// clusterSession opens a session with the worker as its master.
func clusterSession(t testing.TB, c *localcluster.Cluster, g *tf.Graph) *tf.Session {
	t.Helper()
	return clusterSessionWithin(t, c, g, 20*time.Second)
}

// clusterSessionWithin is clusterSession with a limit for each run.
func clusterSessionWithin(t testing.TB, c *localcluster.Cluster, g *tf.Graph, limit time.Duration) *tf.Session {
	t.Helper()
	return tfgraph.Session(t, g, &tf.SessionOptions{
		Target: c.Target("worker", 0), DisableGrappler: true, OperationTimeout: limit,
	})
}

// clusterDrivers are the ways to save on a cluster.
func clusterDrivers(c *localcluster.Cluster) []named[saver.Options] {
	return []named[saver.Options]{
		{"ops", saver.Options{Driver: saver.Ops}},
		{"files", saver.Options{Driver: saver.Files, Gather: &saver.GatherOptions{BatchBytes: 64}}},
		{"files from each server", saver.Options{Driver: saver.Files, Gather: &saver.GatherOptions{
			Cluster: c.Spec(), BatchBytes: 64,
		}}},
	}
}

// onPS places the nodes that body adds on a parameter server.
func onPS(t testing.TB, g *tf.Graph, task int, body func()) {
	t.Helper()
	require.NoError(t, g.WithDevice(fmt.Sprintf("/job:ps/task:%d", task), func() error { body(); return nil }))
}
