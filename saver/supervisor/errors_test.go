package supervisor

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/status"
)

// The messages are TensorFlow 2.21's, as they were met.
const (
	refused = `From /job:ps/replica:0/task:1:
failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:37813: Failed to connect to remote host: Connection refused
Additional GRPC error information from remote target /job:ps/replica:0/task:1 while calling /tensorflow.WorkerService/RunGraph:
:UNKNOWN:Error received from peer  {grpc_status:14, grpc_message:"failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:37813: Failed to connect to remote host: Connection refused"}`
	masterRefused = `failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:22222: Failed to connect to remote host: Connection refused`
	updated       = "From /job:ps/replica:0/task:1:\nContainer ps does not exist. (Could not find resource: ps/w1)\n\t [[{{node AssignAddVariableOp_1}}]]"
	read          = "From /job:ps/replica:0/task:1:\nCould not find variable w1. This could mean that the variable has been deleted. In TF1, it can also mean the variable is uninitialized. Debug info: container=ps, status error message=Container ps does not exist. (Could not find resource: ps/w1)\n\t [[{{node w1/Read/ReadVariableOp}}]]"
	reference     = "From /job:ps/replica:0/task:1:\nAttempting to use uninitialized value w1\n\t [[{{node w1/read}}]]"
	incarnation   = "From /job:worker/replica:0/task:0:\nRecvTensor expects a different device incarnation: 1 vs. 2. Your worker job (\"/job:worker/replica:0/task:0\") was probably restarted."
	noKey         = "Key w1 not found in checkpoint\n\t [[{{node save/RestoreV2}}]]"
)

func said(code tf.Code, message string) error { return &tf.Error{Code: code, Message: message} }

func TestLossesAreToldFromOtherErrors(t *testing.T) {
	for name, err := range map[string]error{
		"refused":               said(status.Unavailable, refused),
		"started anew":          said(status.Aborted, incarnation),
		"no answer":             said(status.DeadlineExceeded, "Deadline Exceeded"),
		"an update of no value": said(status.NotFound, updated),
		"a read of no value":    said(status.FailedPrecondition, read),
		"a reference":           said(status.FailedPrecondition, reference),
		"a table":               said(status.FailedPrecondition, "Table not initialized."),
		"wrapped":               fmt.Errorf("saving: %w", said(status.Unavailable, refused)),
	} {
		assert.True(t, Recoverable(err), name)
	}
	for name, err := range map[string]error{
		"none":                      nil,
		"a misfit":                  said(status.InvalidArgument, "shapes"),
		"a key that is missing":     said(status.NotFound, noKey),
		"another precondition":      said(status.FailedPrecondition, "the session is closed"),
		"the caller's own deadline": context.DeadlineExceeded,
		"cancelled":                 said(status.Canceled, "cancelled"),
		"an end of data":            said(status.OutOfRange, "end of sequence"),
		"text alone":                fmt.Errorf("unavailable"),
	} {
		assert.False(t, Recoverable(err), name)
	}
}

func TestErrorsNameTheTaskThatIsGone(t *testing.T) {
	master := Task{"worker", 0, "127.0.0.1:22222"}
	ps1 := Task{Job: "ps", Index: 1}
	for name, c := range map[string]struct {
		err  error
		want []Task
	}{
		"with the address":    {said(status.Unavailable, refused), []Task{{"ps", 1, "127.0.0.1:37813"}}},
		"the master":          {said(status.Unavailable, masterRefused), []Task{master}},
		"no answer of nobody": {said(status.DeadlineExceeded, "Deadline Exceeded"), nil},
		"reset":               {said(status.Unavailable, "From /job:ps/replica:0/task:1:\nSocket closed"), []Task{ps1}},
		"a messenger": {said(status.Unavailable, "From /job:worker/replica:0/task:0:\nSocket closed\nAdditional GRPC error information from remote target /job:ps/replica:0/task:1 while calling /tensorflow.WorkerService/RecvTensor:"),
			[]Task{ps1}},
		"several": {said(status.Unavailable, "\n=====\nUNAVAILABLE: From /job:ps/replica:0/task:1:\nSocket closed\nUNAVAILABLE: From /job:ps/replica:0/task:0:\nSocket closed\nUNAVAILABLE: From /job:ps/replica:0/task:1:\nx"),
			[]Task{ps1, {Job: "ps"}}},
		"an address in IPv6":   {said(status.Unavailable, "From /job:ps/replica:0/task:1:\nlast error: UNKNOWN: ipv6:%5B::1%5D:80: Connection refused"), []Task{{"ps", 1, "[::1]:80"}}},
		"nothing is gone":      {said(status.Aborted, incarnation), nil},
		"nothing of a cluster": {io.EOF, nil},
	} {
		assert.Equal(t, c.want, tasksIn(c.err, master), name)
	}
}

func TestOutagesSayWhoForHowLongAndWhatToDo(t *testing.T) {
	e := &OutageError{
		Kind: ErrUnreachable, Tasks: []Task{{"ps", 1, "a:1"}, {"ps", 0, ""}}, For: 90 * time.Second, Attempts: 7, Err: io.EOF,
	}
	assert.EqualError(t, e, "supervisor: the cluster is not complete: /job:ps/task:1 (a:1), /job:ps/task:0 cannot be reached for 1m30s, in 7 attempt(s); "+
		"start it again under the same address, leave it out of DeviceFilters where it is not needed, or raise RecoveryTimeout: EOF")
	require.ErrorIs(t, e, ErrUnreachable)
	require.ErrorIs(t, e, io.EOF)
	assert.Equal(t, "a:1", Task{Address: "a:1"}.String())
}

func TestPausesGrowToTheLongest(t *testing.T) {
	b := Backoff{First: 100 * time.Millisecond, Most: time.Second}
	for attempts, most := range map[int]time.Duration{
		0: 100 * time.Millisecond, 1: 200 * time.Millisecond, 2: 400 * time.Millisecond, 3: 800 * time.Millisecond, 4: time.Second, 1e6: time.Second,
	} {
		for range 50 {
			got := b.after(attempts)
			assert.GreaterOrEqual(t, got, most/2, attempts)
			assert.LessOrEqual(t, got, most, attempts)
		}
	}
}

func TestASessionNeedsTheTasksThatItsFiltersLetIn(t *testing.T) {
	all := []Task{{"ps", 0, "a"}, {"ps", 1, "b"}, {"worker", 0, "c"}, {"worker", 1, "d"}}
	for name, c := range map[string]struct {
		filters []string
		want    []Task
	}{
		"no filters":              {nil, all},
		"a job":                   {[]string{"/job:ps"}, all[:3]},
		"a task":                  {[]string{"/job:ps/task:1"}, all[1:3]},
		"a task by its full name": {[]string{"/job:ps/replica:0/task:0/device:CPU:0"}, []Task{all[0], all[2]}},
		"a kind of device":        {[]string{"/device:CPU:0"}, all},
		"two":                     {[]string{"/job:ps/task:0", "/job:worker/task:1"}, []Task{all[0], all[2], all[3]}},
	} {
		assert.Equal(t, c.want, needed(all, c.filters, "c"), name)
	}
}

// listen serves each connection by serve.
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

func TestServersAreAskedWhetherTheySpeak(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	silent := listen(t, func(net.Conn) { <-hold })
	other := listen(t, func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") })
	closing := listen(t, func(net.Conn) {})
	settings := listen(t, func(c net.Conn) { _, _ = c.Write([]byte("\x00\x00\x00\x04\x00\x00\x00\x00\x00")); <-hold })

	require.NoError(t, answers(t.Context(), settings))
	assert.ErrorContains(t, answers(t.Context(), other), "not a TensorFlow server")
	require.Error(t, answers(t.Context(), closing))
	began := time.Now()
	assert.ErrorContains(t, answers(t.Context(), silent), "no answer within 2s")
	assert.Less(t, time.Since(began), reachTimeout+5*time.Second)

	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	require.ErrorIs(t, reach(ctx, []Task{{"ps", 0, silent}}), context.Canceled)
	err := reach(t.Context(), []Task{{"ps", 0, settings}, {"ps", 1, closing}})
	assert.ErrorContains(t, err, "/job:ps/task:1 ("+closing+")")
	assert.NotContains(t, err.Error(), "task:0")
}
