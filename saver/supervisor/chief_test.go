package supervisor_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/cluster"
)

// The environment variables of a chief in a process of its own.
const (
	chiefCluster = "TFKEEP_TEST_CHIEF"
	chiefDir     = "TFKEEP_TEST_CHIEF_DIR"
)

// chiefMain trains until its standard input ends, and prints the events to its
// standard output.
func chiefMain() int {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if err := chiefRun(ctx); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func chiefRun(ctx context.Context) error {
	spec, err := cluster.ParseSpec(os.Getenv(chiefCluster))
	if err != nil {
		return err
	}
	m, err := newModel(spec.NumTasks("ps"), 1000, &saver.Options{Sharded: true})
	if err != nil {
		return err
	}
	defer m.sv.Close()
	master, err := spec.Address(cluster.Task{Job: "worker"})
	if err != nil {
		return err
	}
	return supervisor.Run(ctx, m.g, m.sv, &supervisor.Options{
		Session:   &tf.SessionOptions{Target: "grpc://" + master, DeviceFilters: []string{"/job:ps", "/job:worker/task:0"}},
		Cluster:   spec,
		Dir:       os.Getenv(chiefDir),
		SaveSteps: 10,
		MinPause:  50 * time.Millisecond,
		MaxPause:  500 * time.Millisecond,
		OnEvent:   func(e supervisor.Event) { fmt.Printf("%s %v\n", e.Kind, e) },
	}, func(ctx context.Context, r *supervisor.Running) error { return trainUntilError(ctx, m, r) })
}

// chief is a process that runs chiefMain.
type chief struct {
	cmd   *exec.Cmd
	mu    sync.Mutex
	lines []string
	err   bytes.Buffer // may be read once ended is closed
	ended chan struct{}
}

func startChief(t *testing.T, spec *cluster.Spec, dir string) *chief {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	c := &chief{cmd: exec.Command(self), ended: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), chiefCluster+"="+spec.String(), chiefDir+"="+dir, "TF_CPP_MIN_LOG_LEVEL=2")
	c.cmd.Stderr = &c.err
	_, err = c.cmd.StdinPipe() // closed when this process ends
	require.NoError(t, err)
	out, err := c.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.cmd.Start())
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			c.mu.Lock()
			c.lines = append(c.lines, lines.Text())
			c.mu.Unlock()
		}
		_ = c.cmd.Wait()
		close(c.ended)
	}()
	t.Cleanup(func() {
		c.kill()
		if t.Failed() {
			t.Logf("standard error of the chief: %s", c.err.String())
		}
	})
	return c
}

func (c *chief) kill() {
	_ = c.cmd.Process.Kill()
	<-c.ended
}

// line returns the first line about an event of a kind, or "".
func (c *chief) line(kind supervisor.EventKind) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range c.lines {
		if strings.HasPrefix(line, string(kind)+" ") {
			return line
		}
	}
	return ""
}

func (c *chief) waitFor(t *testing.T, kind supervisor.EventKind) string {
	t.Helper()
	require.Eventually(t, func() bool { return c.line(kind) != "" }, 30*time.Second, 2*time.Millisecond, kind)
	return c.line(kind)
}

func TestWorkersWaitForKilledChief(t *testing.T) {
	repeated(t, "chief killed with a ps, started again", func(t *testing.T, f *figures) {
		dir := t.TempDir()
		c := startCluster(t, 2, 2)
		m := modelOn(t, 2, 1000, nil)
		log := new(events)
		o := worker(c, log)
		var again time.Time
		began := make(chan int64, 10)
		ended := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			ended <- supervisor.Run(ctx, m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
				values, err := m.values(ctx, r.Session)
				if err != nil {
					return err
				}
				began <- values[1]
				return trainUntilError(ctx, m, r)
			})
		}()
		require.Eventually(t, func() bool { return len(log.of(supervisor.Retrying)) > 0 }, 20*time.Second, time.Millisecond, "no chief yet")
		first := startChief(t, c.Spec(), dir)
		<-began
		first.waitFor(t, supervisor.Saved)

		// The chief dies, and then a server: no client restores it.
		first.kill()
		require.NoError(t, c.Kill("ps", 1))
		require.NoError(t, c.Restart(t.Context(), "ps", 1))
		lost := time.Now()
		require.Eventually(t, func() bool {
			list := log.of(supervisor.Retrying)
			return len(list) > 0 && strings.Contains(list[len(list)-1].Err.Error(), "no mark on /job:ps/task:1")
		}, 20*time.Second, time.Millisecond, "the worker waits:%v", log)
		assert.Len(t, log.of(supervisor.Ready), 1, log)

		again = time.Now()
		second := startChief(t, c.Spec(), dir)
		value := <-began
		resumed := second.waitFor(t, supervisor.Resumed)
		assert.Contains(t, resumed, dir)
		assert.GreaterOrEqual(t, value, int64(10), "the worker sees the restored values")
		f.add("worker ready after the chief was started", log.when(t, supervisor.Ready, lost).Sub(again))
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
}

// trainUntilError trains until a step fails.
func trainUntilError(ctx context.Context, m *model, r *supervisor.Running) error {
	for {
		step, err := m.step(ctx, r.Session)
		if err != nil {
			return err
		}
		if err := r.StepDone(ctx, step); err != nil {
			return err
		}
		time.Sleep(time.Millisecond) // leave the processors to the other processes
	}
}

// Only the chief's process is lost; the sessions of the workers continue.
func TestWorkersTrainWithoutChief(t *testing.T) {
	repeated(t, "chief killed alone, started again", func(t *testing.T, f *figures) {
		dir := t.TempDir()
		c := startCluster(t, 2, 2)
		first := startChief(t, c.Spec(), dir)
		first.waitFor(t, supervisor.Saved)
		m := modelOn(t, 2, 1000, nil)
		log := new(events)
		var steps atomic.Int64
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() {
			o := worker(c, log)
			ended <- supervisor.Run(ctx, m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
				for {
					if _, err := m.step(ctx, r.Session); err != nil {
						return err
					}
					steps.Add(1)
				}
			})
		}()
		waitForSteps := func() {
			t.Helper()
			from := steps.Load()
			require.Eventually(t, func() bool { return steps.Load() > from+20 }, 20*time.Second, time.Millisecond, log)
		}
		waitForSteps()
		first.kill()
		waitForSteps()
		again := time.Now()
		second := startChief(t, c.Spec(), dir)
		second.waitFor(t, supervisor.Resumed)
		second.waitFor(t, supervisor.Ready)
		f.add("chief trains again after it was started", time.Since(again))
		waitForSteps()
		assert.Empty(t, log.of(supervisor.Lost), log)
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
}
