package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf/cluster"
)

// Messages of TensorFlow 2.21.
const (
	refusedText = `From /job:ps/replica:0/task:1:
failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:37813: Failed to connect to remote host: Connection refused
Additional GRPC error information from remote target /job:ps/replica:0/task:1 while calling /tensorflow.WorkerService/RunGraph:
:UNKNOWN:Error received from peer  {grpc_status:14, grpc_message:"failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:37813: Failed to connect to remote host: Connection refused"}`
	masterRefusedText = `failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:22222: Failed to connect to remote host: Connection refused`
	updatedText       = "From /job:ps/replica:0/task:1:\nContainer ps does not exist. (Could not find resource: ps/w1)\n\t [[{{node AssignAddVariableOp_1}}]]"
	readText          = "From /job:ps/replica:0/task:1:\nCould not find variable w1. This could mean that the variable has been deleted. In TF1, it can also mean the variable is uninitialized. Debug info: container=ps, status error message=Container ps does not exist. (Could not find resource: ps/w1)\n\t [[{{node w1/Read/ReadVariableOp}}]]"
	referenceText     = "From /job:ps/replica:0/task:1:\nAttempting to use uninitialized value w1\n\t [[{{node w1/read}}]]"
	incarnationText   = "From /job:worker/replica:0/task:0:\nRecvTensor expects a different device incarnation: 1 vs. 2. Your worker job (\"/job:worker/replica:0/task:0\") was probably restarted."
	noKeyText         = "Key w1 not found in checkpoint\n\t [[{{node save/RestoreV2}}]]"
)

func newTask(job string, index int, address string) Task {
	return Task{cluster.Task{Job: job, Index: index}, address}
}

func tfError(code status.Code, message string) error {
	return &status.Error{Code: code, Message: message}
}

func TestRecoverable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"connection refused", tfError(status.Unavailable, refusedText), true},
		{"restarted server", tfError(status.Aborted, incarnationText), true},
		{"no answer", tfError(status.DeadlineExceeded, "Deadline Exceeded"), true},
		{"update of a missing variable", tfError(status.NotFound, updatedText), true},
		{"read of a missing variable", tfError(status.FailedPrecondition, readText), true},
		{"reference variable without a value", tfError(status.FailedPrecondition, referenceText), true},
		{"uninitialized table", tfError(status.FailedPrecondition, "Table not initialized."), true},
		{"wrapped", fmt.Errorf("saving: %w", tfError(status.Unavailable, refusedText)), true},

		{"nil", nil, false},
		{"shape mismatch", tfError(status.InvalidArgument, "shapes"), false},
		{"missing key", tfError(status.NotFound, noKeyText), false},
		{"another precondition", tfError(status.FailedPrecondition, "the session is closed"), false},
		{"deadline of the caller", context.DeadlineExceeded, false},
		{"canceled", tfError(status.Canceled, "canceled"), false},
		{"end of data", tfError(status.OutOfRange, "end of sequence"), false},
		{"text only", errors.New("unavailable"), false},
	} {
		assert.Equal(t, c.want, Recoverable(c.err), c.name)
	}
}

func TestTasksInErrors(t *testing.T) {
	t.Parallel()
	master := newTask("worker", 0, "127.0.0.1:22222")
	ps1 := newTask("ps", 1, "")
	for _, c := range []struct {
		name string
		err  error
		want []Task
	}{
		{"with the address", tfError(status.Unavailable, refusedText), []Task{newTask("ps", 1, "127.0.0.1:37813")}},
		{"the master", tfError(status.Unavailable, masterRefusedText), []Task{master}},
		{"deadline without a task", tfError(status.DeadlineExceeded, "Deadline Exceeded"), nil},
		{"connection reset", tfError(status.Unavailable, "From /job:ps/replica:0/task:1:\nSocket closed"), []Task{ps1}},
		{"reported by another task", tfError(status.Unavailable, "From /job:worker/replica:0/task:0:\nSocket closed\nAdditional GRPC error information from remote target /job:ps/replica:0/task:1 while calling /tensorflow.WorkerService/RecvTensor:"),
			[]Task{ps1}},
		{"several tasks", tfError(status.Unavailable, "\n=====\nUNAVAILABLE: From /job:ps/replica:0/task:1:\nSocket closed\nUNAVAILABLE: From /job:ps/replica:0/task:0:\nSocket closed\nUNAVAILABLE: From /job:ps/replica:0/task:1:\nx"),
			[]Task{ps1, newTask("ps", 0, "")}},
		{"IPv6 address", tfError(status.Unavailable, "From /job:ps/replica:0/task:1:\nlast error: UNKNOWN: ipv6:%5B::1%5D:80: Connection refused"), []Task{newTask("ps", 1, "[::1]:80")}},
		{"no task is gone", tfError(status.Aborted, incarnationText), nil},
		{"not from TensorFlow", io.EOF, nil},
	} {
		assert.Equal(t, c.want, tasksIn(c.err, master), c.name)
	}
}

func TestOutageErrorText(t *testing.T) {
	t.Parallel()
	e := &OutageError{
		Kind: ErrUnreachable, Tasks: []Task{newTask("ps", 1, "a:1"), newTask("ps", 0, "")}, For: 90 * time.Second, Attempts: 7, Err: io.EOF,
	}
	assert.EqualError(t, e, "run training: the cluster is incomplete: /job:ps/task:1 (a:1), /job:ps/task:0 cannot be reached for 1m30s, in 7 attempt(s); "+
		"start it again at the same address, leave it out of DeviceFilters if it is not needed, or raise RecoveryTimeout: EOF")
	require.ErrorIs(t, e, ErrUnreachable)
	require.ErrorIs(t, e, io.EOF)
	assert.Equal(t, "a:1", Task{Address: "a:1"}.String())
}

func TestPauseGrowsToItsLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		attempts int
		longest  time.Duration
	}{
		{0, 100 * time.Millisecond}, {1, 200 * time.Millisecond}, {2, 400 * time.Millisecond}, {3, 800 * time.Millisecond}, {4, time.Second}, {1e6, time.Second},
	} {
		for range 50 {
			got := pauseAfter(c.attempts, 100*time.Millisecond, time.Second)
			assert.GreaterOrEqual(t, got, c.longest/2, c.attempts)
			assert.LessOrEqual(t, got, c.longest, c.attempts)
		}
	}
}

func TestEventStrings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		event Event
		want  string
	}{
		{Event{Kind: Lost, Err: io.EOF, Tasks: []Task{newTask("ps", 1, "a:1")}}, "lost /job:ps/task:1 (a:1): EOF"},
		{Event{Kind: Lost, Err: errors.New("\n=====\na\n  b")}, "lost: a b"},
		{Event{Kind: Retrying, Err: io.EOF, Attempts: 2, Took: time.Second, Pause: time.Millisecond}, "not ready after 1s and 2 attempt(s), trying again in 1ms: EOF"},
		{Event{Kind: Resumed, Path: "d/model-7", Step: 7, Checkpoint: &saver.Resumed{Skipped: make([]*tfkeep.Error, 1)}}, "resumed from d/model-7 at step 7, skipped 1 damaged file(s)"},
		{Event{Kind: Initialized}, "initialized: no checkpoint was found"},
		{Event{Kind: Kept}, "the servers still hold the model"},
		{Event{Kind: Ready, Step: 3, Took: time.Second, Attempts: 1}, "ready at step 3 after 1s and 1 attempt(s)"},
		{Event{Kind: Saved, Path: "d/model-7", Took: 1500 * time.Microsecond}, "saved d/model-7 in 2ms"},
	} {
		assert.Equal(t, c.want, c.event.String())
	}
}
