package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/localcluster"
)

// TestMain is the program itself if the launcher under test starts it.
func TestMain(m *testing.M) {
	if os.Getenv("TF_CONFIG") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// output collects what the program prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func TestTrainingSurvivesKilledServer(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out output
	watched := make(chan error, 1)
	done := make(chan struct{})
	go func() { watched <- watchTraffic(done) }()
	err := options{dir: t.TempDir(), ps: 2, workers: 2, steps: 900, kill: true}.run(ctx, &out)
	close(done)
	require.NoError(t, err, out.String())
	assert.NoError(t, <-watched)

	text := out.String()
	accuracy := regexp.MustCompile(`worker/task:0: accuracy (0\.\d+)`).FindStringSubmatch(text)
	require.NotNil(t, accuracy, text)
	share, err := strconv.ParseFloat(accuracy[1], 64)
	require.NoError(t, err)
	assert.Greater(t, share, 0.95, text)

	before, after, killed := strings.Cut(text, "killing ps 1\n")
	require.True(t, killed, text)
	assert.Contains(t, before, "worker/task:0: initialized")
	assert.Contains(t, text, "worker/task:0: saved") // perhaps printed after the kill
	assert.Contains(t, after, "worker/task:0: resumed from")
	assert.Contains(t, before, "worker/task:0: ready")
	assert.Contains(t, after, "worker/task:0: ready")
	assert.Contains(t, after, "worker/task:1: ready")
	left, err := children()
	require.NoError(t, err)
	assert.Empty(t, left, "nothing outlives the program")
}

// children returns the processes that this one started.
func children() ([]int, error) {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, task := range tasks {
		text, err := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		if err != nil {
			continue // the thread has ended
		}
		for _, word := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(word)
			if err != nil {
				return nil, err
			}
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// watchTraffic fails if a connection leaves this machine before done is closed.
func watchTraffic(done <-chan struct{}) error {
	seen := 0
	for {
		pids, err := children()
		if err != nil {
			return err
		}
		for _, pid := range pids {
			remotes, err := localcluster.Connections(pid)
			if err != nil {
				continue // it has ended since
			}
			for _, addr := range remotes {
				if seen++; !addr.IsLoopback() {
					return fmt.Errorf("process %d talks to %s", pid, addr)
				}
			}
		}
		select {
		case <-done:
			if seen == 0 {
				return fmt.Errorf("no connections were seen at all")
			}
			return nil
		case <-time.After(300 * time.Millisecond):
		}
	}
}

func TestUnknownRoleIsRefused(t *testing.T) {
	require.ErrorContains(t, options{role: "boss"}.run(t.Context(), &output{}), "boss")
}

func TestRoleNeedsTFConfig(t *testing.T) {
	require.ErrorContains(t, options{role: "ps"}.run(t.Context(), &output{}), "TF_CONFIG")
}
