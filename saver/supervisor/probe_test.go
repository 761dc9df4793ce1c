package supervisor

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Run probes the tasks that a session waits for, and no others.
func TestNeededTasksByFilter(t *testing.T) {
	t.Parallel()
	ps0, ps1 := newTask("ps", 0, "a:1"), newTask("ps", 1, "b:1")
	master, worker1 := newTask("worker", 0, "c:1"), newTask("worker", 1, "d:1")
	all := []Task{ps0, ps1, master, worker1}
	for _, c := range []struct {
		filters []string
		want    []Task
	}{
		{nil, all},
		{[]string{"/job:ps"}, []Task{ps0, ps1, master}},
		{[]string{"/job:ps/task:1"}, []Task{ps1, master}},
		{[]string{"/job:ps/task:1/device:CPU:0"}, []Task{ps1, master}},
		{[]string{"/job:ps/replica:0/task:0/device:CPU:0"}, []Task{ps0, master}},
		{[]string{"/job:ps/task:0", "/job:worker/task:1"}, []Task{ps0, master, worker1}},
		{[]string{"/job:worker"}, []Task{master, worker1}},
		{[]string{"/device:CPU:0"}, all},
		{[]string{"/job:*"}, all},
		{[]string{"/job:*/task:0"}, []Task{ps0, master}},
		{[]string{"/job:ps/task:*"}, []Task{ps0, ps1, master}},
	} {
		assert.Equal(t, c.want, neededTasks(all, c.filters, master.Address), c.filters)
	}
}

// listen calls serve for each connection and returns its address.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return l.Addr().String()
}

func TestProbe(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	defer close(hold)
	silent := listen(t, func(net.Conn) { <-hold })
	other := listen(t, func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") })
	closing := listen(t, func(net.Conn) {})
	settings := listen(t, func(c net.Conn) { _, _ = c.Write([]byte("\x00\x00\x00\x04\x00\x00\x00\x00\x00")); <-hold })

	require.NoError(t, probe(t.Context(), settings))
	assert.ErrorContains(t, probe(t.Context(), other), "not a TensorFlow server")
	require.Error(t, probe(t.Context(), closing))
	assert.ErrorContains(t, probe(t.Context(), silent), "no answer within 2s")

	err := probeTasks(t.Context(), []Task{newTask("ps", 0, settings), newTask("ps", 1, closing)})
	assert.ErrorContains(t, err, "/job:ps/task:1 ("+closing+")")
	assert.NotContains(t, err.Error(), "task:0")
}

func TestProbeStopsWhenCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	silent := listen(t, func(c net.Conn) {
		_, _ = io.ReadFull(c, make([]byte, len(clientPreface))) // the probe waits for its answer now
		cancel()
		<-ctx.Done()
		_, _ = io.Copy(io.Discard, c) // until the probe closes the connection
	})
	require.ErrorIs(t, probeTasks(ctx, []Task{newTask("ps", 0, silent)}), context.Canceled)
}
