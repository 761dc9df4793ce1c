package supervisor_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/tf"
)

// until trains to a step, and in its first call, from the step at on, until there
// is an error: hurt is called beside it then. hurting is closed when it is over.
func until(m *model, last, at int64, hurt func()) (body func(context.Context, *supervisor.Running) error, hurting <-chan struct{}) {
	calls := 0
	over := make(chan struct{})
	return func(ctx context.Context, r *supervisor.Running) error {
		calls++
		begun := false
		start := time.Now()
		for step := r.Step; step < last || calls == 1; {
			if time.Since(start) > time.Minute {
				return errors.New("nothing was lost")
			}
			var err error
			if step, err = m.step(ctx, r.Session); err != nil {
				return err
			}
			if err := r.StepDone(ctx, step); err != nil {
				return err
			}
			if calls == 1 && step >= at && !begun {
				begun = true
				go func() {
					defer close(over)
					hurt()
				}()
			}
		}
		return nil
	}, over
}

func TestAKilledParameterServerCostsTheStepsSinceTheLastCheckpoint(t *testing.T) {
	repeated(t, "ps killed, started again", func(t *testing.T, f *figures) {
		dir := t.TempDir()
		c := cluster(t, 2, 1)
		m := modelOn(t, 2, 1000, &saver.Options{Sharded: true})
		log := new(events)
		o := options(c, dir, log)
		o.SaveSteps = 20
		var killed, back time.Time
		train, hurting := until(m, 120, 70, func() {
			killed = time.Now()
			assert.NoError(t, c.Kill("ps", 1))
			assert.NoError(t, c.Restart(t.Context(), "ps", 1))
			back = time.Now()
		})
		checked := false
		err := supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
			if r.Resumed != nil && !r.Resumed.Fresh {
				checked = true
				values, err := m.values(ctx, r.Session)
				if err != nil {
					return err
				}
				// The other server's values were newer: all are the checkpoint's now.
				assert.Equal(t, []int64{r.Step, r.Step}, values)
				assert.Zero(t, r.Step%20, "a checkpoint's step")
			}
			return train(ctx, r)
		})
		require.NoError(t, err, log)
		<-hurting
		assert.True(t, checked, "resumed after the loss:%v", log)
		lost := of[supervisor.Lost](log)
		require.NotEmpty(t, lost)
		assert.Equal(t, []supervisor.Task{task(t, c, "ps", 1)}, lost[0].Tasks, log)
		f.add("noticed after", when[supervisor.Lost](t, log, killed).Sub(killed))
		f.add("training again after the kill", when[supervisor.Ready](t, log, killed).Sub(killed))
		f.add("training again after the server was back", when[supervisor.Ready](t, log, killed).Sub(back))
	})
}

func TestAKilledMasterCostsNoSteps(t *testing.T) {
	repeated(t, "master killed, started again", func(t *testing.T, f *figures) {
		dir := t.TempDir()
		c := cluster(t, 2, 1)
		m := modelOn(t, 2, 1000, &saver.Options{Sharded: true})
		log := new(events)
		o := options(c, dir, log)
		o.OperationTimeout = time.Second // a run under way hangs until then
		o.SaveSteps = 20
		var killed, back time.Time
		train, hurting := until(m, 120, 70, func() {
			killed = time.Now()
			assert.NoError(t, c.Kill("worker", 0))
			assert.NoError(t, c.Restart(t.Context(), "worker", 0))
			back = time.Now()
		})
		var furthest int64
		err := supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
			assert.GreaterOrEqual(t, r.Step, furthest, "no step is done again")
			err := train(ctx, r)
			if now, err := m.now(ctx, r.Session); err == nil {
				furthest = now
			} else {
				furthest = 70
			}
			return err
		})
		require.NoError(t, err, log)
		<-hurting
		assert.NotEmpty(t, of[supervisor.Kept](log), log)
		assert.Empty(t, of[supervisor.Resumed](log), log)
		f.add("noticed after", when[supervisor.Lost](t, log, killed).Sub(killed))
		f.add("training again after the kill", when[supervisor.Ready](t, log, killed).Sub(killed))
		f.add("training again after the server was back", when[supervisor.Ready](t, log, killed).Sub(back))
	})
}

func TestAWorkerThatIsLostDoesNotDisturbTheChief(t *testing.T) {
	repeated(t, "worker killed, started again", func(t *testing.T, f *figures) {
		c := cluster(t, 2, 2)
		m := modelOn(t, 2, 1000, nil)
		chiefLog, workerLog := new(events), new(events)
		done := make(chan struct{})
		chief := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			o := options(c, t.TempDir(), chiefLog)
			chief <- supervisor.Run(ctx, m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
				for step := r.Step; ; step++ {
					if err := r.StepDone(ctx, step); err != nil {
						return err
					}
					if _, err := m.step(ctx, r.Session); err != nil {
						return err
					}
					select {
					case <-done:
						return nil
					default:
					}
				}
			})
		}()
		second := modelOn(t, 2, 1000, nil)
		o := worker(c, 1, workerLog)
		o.OperationTimeout = time.Second
		var killed, back time.Time
		train, hurting := until(second, 0, 20, func() {
			killed = time.Now()
			assert.NoError(t, c.Kill("worker", 1))
			assert.NoError(t, c.Restart(t.Context(), "worker", 1))
			back = time.Now()
		})
		err := supervisor.Run(ctx, second.g, second.sv, o, train)
		close(done)
		require.NoError(t, err, workerLog)
		<-hurting
		require.NoError(t, <-chief, chiefLog)
		assert.Empty(t, of[supervisor.Lost](chiefLog), "the chief has lost nothing:%v", chiefLog)
		assert.Len(t, of[supervisor.Ready](chiefLog), 1)
		f.add("noticed after", when[supervisor.Lost](t, workerLog, killed).Sub(killed))
		f.add("training again after the server was back", when[supervisor.Ready](t, workerLog, killed).Sub(back))
	})
}

func TestAServerThatDoesNotAnswerCostsTheOperationTimeout(t *testing.T) {
	for name, c := range map[string]struct {
		job  string
		task int
	}{"ps": {"ps", 1}, "master": {"worker", 0}} {
		t.Run(name, func(t *testing.T) {
			repeated(t, name+" stops to answer and comes back", func(t *testing.T, f *figures) {
				servers := cluster(t, 2, 1)
				m := modelOn(t, 2, 1000, nil)
				log := new(events)
				o := options(servers, t.TempDir(), log)
				o.OperationTimeout = time.Second
				var paused, back time.Time
				train, hurting := until(m, 60, 30, func() {
					paused = time.Now()
					assert.NoError(t, servers.Pause(c.job, c.task))
					assert.Eventually(t, func() bool { return len(retried(log)) > 0 }, 20*time.Second, 5*time.Millisecond)
					assert.NoError(t, servers.Continue(c.job, c.task))
					back = time.Now()
				})
				require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, train), log)
				<-hurting
				require.Len(t, of[supervisor.Lost](log), 1, log)
				noticed := when[supervisor.Lost](t, log, paused).Sub(paused)
				assert.GreaterOrEqual(t, noticed, o.OperationTimeout/2, log)
				assert.Less(t, noticed, o.OperationTimeout+5*time.Second, log)
				assert.Equal(t, []supervisor.Task{task(t, servers, c.job, c.task)}, retried(log)[0].Tasks, "asked, it did not answer:%v", log)
				assert.NotEmpty(t, of[supervisor.Kept](log), "it still held its values:%v", log)
				f.add("noticed after", noticed)
				f.add("training again after it was back", when[supervisor.Ready](t, log, paused).Sub(back))
			})
		})
	}
}

func TestATaskThatStaysGoneIsNamed(t *testing.T) {
	repeated(t, "ps that stays gone", func(t *testing.T, f *figures) {
		for name, asked := range map[string]bool{"asked by its address": true, "named by TensorFlow": false} {
			c := cluster(t, 2, 1)
			m := modelOn(t, 2, 10, nil)
			log := new(events)
			o := options(c, t.TempDir(), log)
			o.OperationTimeout = time.Second
			o.RecoveryTimeout = 4 * time.Second
			if !asked {
				o.Cluster = nil
			}
			var killed time.Time
			train, hurting := until(m, 10, 5, func() {
				killed = time.Now()
				assert.NoError(t, c.Kill("ps", 1))
			})
			err := supervisor.Run(t.Context(), m.g, m.sv, o, train)
			<-hurting
			took := time.Since(killed)
			var outage *supervisor.OutageError
			require.ErrorAs(t, err, &outage, "%v:%v", name, log)
			require.ErrorIs(t, err, supervisor.ErrUnreachable, name)
			require.Len(t, outage.Tasks, 1, "%v: %v", name, err)
			assert.Equal(t, "ps", outage.Tasks[0].Job, name)
			assert.Equal(t, 1, outage.Tasks[0].Index, name)
			if asked {
				assert.ErrorContains(t, err, task(t, c, "ps", 1).Address, name)
			}
			assert.ErrorContains(t, err, "/job:ps/task:1", name)
			assert.ErrorContains(t, err, "start it again", name)
			assert.GreaterOrEqual(t, outage.For, o.RecoveryTimeout, name)
			assert.Less(t, took, o.RecoveryTimeout+o.OperationTimeout+5*time.Second, name)
			f.add("given up, "+name+", RecoveryTimeout 4s", took)
		}
	})
}

func TestAServerThatIsNotThereAtTheStartIsNamed(t *testing.T) {
	for name, gone := range map[string]struct {
		job   string
		task  int
		asked bool
	}{
		"the master, asked":        {"worker", 0, true},
		"the master, not asked":    {"worker", 0, false},
		"a ps, asked":              {"ps", 1, true},
		"a ps, which nothing says": {"ps", 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			repeated(t, name+" is not there at the start", func(t *testing.T, f *figures) {
				c := cluster(t, 2, 1)
				require.NoError(t, c.Kill(gone.job, gone.task))
				m := modelOn(t, 2, 10, nil)
				o := options(c, t.TempDir(), new(events))
				o.OperationTimeout = time.Second
				o.RecoveryTimeout = 1500 * time.Millisecond
				if !gone.asked {
					o.Cluster = nil
				}
				began := time.Now()
				err := supervisor.Run(t.Context(), m.g, m.sv, o, func(context.Context, *supervisor.Running) error {
					assert.Fail(t, "the body is called")
					return nil
				})
				require.ErrorIs(t, err, supervisor.ErrUnreachable)
				if gone.asked {
					assert.ErrorContains(t, err, task(t, c, gone.job, gone.task).String())
				} else {
					assert.ErrorContains(t, err, "Options.Cluster", "what would name it")
				}
				took := time.Since(began)
				assert.Less(t, took, o.RecoveryTimeout+o.OperationTimeout+5*time.Second)
				f.add("given up, RecoveryTimeout 1.5s", took)
			})
		})
	}
}

func TestCancellingStopsWhateverIsUnderWay(t *testing.T) {
	stuck := func(m *model) *tf.Operation {
		types := map[string]any{"component_types": []tf.DataType{tf.Float}}
		queue, err := m.g.AddOp(tf.OpSpec{Type: "FIFOQueueV2", Attrs: types, Device: "/job:ps/task:1"})
		require.NoError(t, err)
		op, err := m.g.AddOp(tf.OpSpec{Type: "QueueDequeueV2", Attrs: types, Input: []tf.Input{queue.Output(0)}, Device: "/job:ps/task:1"})
		require.NoError(t, err)
		return op
	}
	repeated(t, "cancelled", func(t *testing.T, f *figures) {
		c := cluster(t, 2, 1)
		m := modelOn(t, 2, 10, nil)
		never := stuck(m)
		for _, name := range []string{"in a run", "waiting for a chief", "waiting for a server"} {
			log := new(events)
			o := options(c, "", log)
			o.OperationTimeout, o.RecoveryTimeout = time.Minute, time.Hour
			switch name {
			case "waiting for a chief":
				o.Worker = true
				require.NoError(t, c.Restart(t.Context(), "ps", 0), "which has no mark then")
			case "waiting for a server":
				require.NoError(t, c.Kill("ps", 1))
			}
			ctx, cancel := context.WithCancel(t.Context())
			in := make(chan struct{})
			ended := make(chan error, 1)
			go func() {
				ended <- supervisor.Run(ctx, m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
					close(in)
					return r.Session.RunOps(ctx, never)
				})
			}()
			if name == "in a run" {
				<-in
				time.Sleep(20 * time.Millisecond) // before or in the run: both must end
			} else {
				require.Eventually(t, func() bool { return len(of[supervisor.Retrying](log)) > 0 }, 20*time.Second, time.Millisecond, name)
			}
			cancelled := time.Now()
			cancel()
			select {
			case err := <-ended:
				require.ErrorIs(t, err, context.Canceled, name)
				f.add("ended "+name+" after", time.Since(cancelled))
			case <-time.After(20 * time.Second):
				require.Fail(t, "it goes on", name)
			}
		}
	})
}
