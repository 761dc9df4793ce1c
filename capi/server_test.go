package capi_test

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/internal/live"
	"github.com/tfkeep/tfkeep/status"
)

// serverDef returns the ServerDef of the only worker of a cluster.
func serverDef(t *testing.T, address string) *for_core_protos_go_proto.ServerDef {
	t.Helper()
	return &for_core_protos_go_proto.ServerDef{
		Cluster: &for_core_protos_go_proto.ClusterDef{Job: []*for_core_protos_go_proto.JobDef{
			{Name: "worker", Tasks: map[int32]string{0: address}},
		}},
		JobName:  "worker",
		Protocol: "grpc",
	}
}

func newServer(t *testing.T, def *for_core_protos_go_proto.ServerDef) (*capi.Server, error) {
	t.Helper()
	raw, err := proto.Marshal(def)
	require.NoError(t, err)
	return capi.NewServer(raw)
}

func TestCloseFreesPort(t *testing.T) {
	before := live.Now().Servers
	s, err := newServer(t, serverDef(t, "localhost:0"))
	require.NoError(t, err)
	assert.Equal(t, before+1, live.Now().Servers)
	assert.ErrorIs(t, s.Join(), status.FailedPrecondition, "the server was not started")
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.Target, "grpc://"))
	require.NoError(t, err)
	number, err := strconv.Atoi(port)
	require.NoError(t, err)
	assert.Positive(t, number, "the port that the system chose")
	_, err = newServer(t, serverDef(t, "localhost:"+port))
	require.ErrorIs(t, err, status.Unknown, "the port is taken")

	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	assert.Equal(t, before, live.Now().Servers)
	assert.ErrorIs(t, s.Start(), status.FailedPrecondition)
	again, err := newServer(t, serverDef(t, "localhost:"+port))
	require.NoError(t, err)
	require.NoError(t, again.Close())
}

func TestStartedServerCannotBeClosed(t *testing.T) {
	before := live.Now().Servers
	s, err := newServer(t, serverDef(t, "localhost:0"))
	require.NoError(t, err)
	require.NoError(t, s.Start())
	require.NoError(t, s.Start(), "once is enough")
	assert.Equal(t, before, live.Now().Servers, "a started server is not counted")
	assert.ErrorIs(t, s.Close(), status.Unimplemented)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.Target, "grpc://"))
	require.NoError(t, err, "the server still serves")
	require.NoError(t, conn.Close())
}

func TestNewServerRefusesBadDefs(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*for_core_protos_go_proto.ServerDef)
		want   string
	}{
		{"unknown task", func(d *for_core_protos_go_proto.ServerDef) { d.TaskIndex = 3 }, "Task 3 was not defined"},
		{"unknown job", func(d *for_core_protos_go_proto.ServerDef) { d.JobName = "ps" }, `Job "ps" was not defined`},
		{"address without port", func(d *for_core_protos_go_proto.ServerDef) { d.Cluster.Job[0].Tasks[0] = "localhost" }, "Could not parse port"},
		{"unknown protocol", func(d *for_core_protos_go_proto.ServerDef) { d.Protocol = "pigeon" }, "No server factory"},
		{"bad address of another task", func(d *for_core_protos_go_proto.ServerDef) { d.Cluster.Job[0].Tasks[1] = "nowhere" }, "nowhere"},
	} {
		t.Run(c.name, func(t *testing.T) {
			def := serverDef(t, "localhost:0")
			c.change(def)
			_, err := newServer(t, def)
			require.ErrorContains(t, err, c.want)
			var e *status.Error
			require.ErrorAs(t, err, &e)
		})
	}
	_, err := capi.NewServer(nil)
	require.ErrorIs(t, err, status.InvalidArgument)
	_, err = capi.NewServer([]byte{0xff, 0xff})
	require.ErrorIs(t, err, status.InvalidArgument)
}
