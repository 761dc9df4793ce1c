package cluster_test

import (
	"context"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/cluster"
)

func TestLocalServerRunsGraphs(t *testing.T) {
	server, err := cluster.NewServer(nil, nil)
	require.NoError(t, err)
	assert.Equal(t, "/job:local/task:0", server.Device())
	g := tf.NewGraph()
	v, err := tf.NewVariable(g, "v", tf.Value([]float32{1, 2}), &tf.VariableOptions{Device: server.Device()})
	require.NoError(t, err)
	sess := tfgraph.Session(t, g, &tf.SessionOptions{Target: server.Target(), OperationTimeout: generous})
	require.NoError(t, sess.RunOps(t.Context(), v.Initializer()))
	assert.Equal(t, []float32{1, 2}, tfgraph.Value(t, sess, v.Value()))

	require.ErrorIs(t, server.Stop(), status.Unimplemented)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, server.Join(ctx), context.DeadlineExceeded)
	require.ErrorIs(t, server.Join(ctx), context.DeadlineExceeded, "a second time")
	assert.Equal(t, []float32{1, 2}, tfgraph.Value(t, sess, v.Value()), "the server continues")
}

func TestServerNoStart(t *testing.T) {
	spec, err := cluster.ParseSpec("worker=localhost:0")
	require.NoError(t, err)
	server, err := cluster.NewServer(spec, &cluster.ServerOptions{NoStart: true, Config: &tf.SessionOptions{InterOpThreads: 1}})
	require.NoError(t, err)
	require.ErrorIs(t, server.Join(t.Context()), status.FailedPrecondition)
	g := tf.NewGraph()
	v, err := tf.NewVariable(g, "v", tf.Value([]float32{1, 2}), nil)
	require.NoError(t, err)
	sess := tfgraph.Session(t, g, &tf.SessionOptions{Target: server.Target(), OperationTimeout: generous})
	require.NoError(t, server.Start())
	require.NoError(t, sess.RunOps(t.Context(), v.Initializer()))

	unused, err := cluster.NewServer(spec, &cluster.ServerOptions{NoStart: true})
	require.NoError(t, err)
	address := strings.TrimPrefix(unused.Target(), "grpc://")
	require.NoError(t, unused.Stop())
	require.ErrorIs(t, unused.Start(), status.FailedPrecondition)
	_, err = net.DialTimeout("tcp", address, time.Second)
	require.Error(t, err, "its port is free again")
}

func TestNewServerRefuses(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	taken := listener.Addr().String()
	for _, c := range []struct {
		name    string
		spec    string
		options cluster.ServerOptions
		kind    error
		want    string
	}{
		{"a port in use", "ps=" + taken, cluster.ServerOptions{}, status.Unavailable, "is in use"},
		{"no such task", "ps=localhost:0", cluster.ServerOptions{Task: cluster.Task{Index: 1}}, tfkeep.ErrNotFound, `job "ps" has no task 1`},
		{"no such job", "ps=localhost:0", cluster.ServerOptions{Task: cluster.Task{Job: "worker"}}, tfkeep.ErrNotFound, `no job "worker"`},
		{"a negative task", "ps=localhost:0", cluster.ServerOptions{Task: cluster.Task{Index: -1}}, tfkeep.ErrNotFound, "no task -1"},
		{"no job given", "ps=localhost:0;worker=localhost:0", cluster.ServerOptions{}, tfkeep.ErrNotFound, `no job ""`},
		{"an unknown protocol", "ps=localhost:0", cluster.ServerOptions{Protocol: "pigeon"}, status.NotFound, "No server factory"},
		{"bad options", "ps=localhost:0", cluster.ServerOptions{Config: &tf.SessionOptions{IntraOpThreads: -1}}, status.InvalidArgument, "IntraOpThreads"},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec, err := cluster.ParseSpec(c.spec)
			require.NoError(t, err)
			_, err = cluster.NewServer(spec, &c.options)
			require.ErrorIs(t, err, c.kind)
			require.ErrorContains(t, err, c.want)
		})
	}
	spec, err := cluster.ParseSpec("ps=" + taken)
	require.NoError(t, err)
	_, err = cluster.NewServer(spec, nil)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	_, err = cluster.NewServer(nil, &cluster.ServerOptions{Task: cluster.Task{Job: "ps"}})
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
}
