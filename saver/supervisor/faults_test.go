package supervisor_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/tf"
)

// trainWithFault returns a body that trains to the step last. Its first call goes on
// until a step fails, and calls hurt in a goroutine after the step at. The channel is
// closed when hurt has returned.
func trainWithFault(m *model, last, at int64, hurt func()) (body func(context.Context, *supervisor.Running) error, hurtDone <-chan struct{}) {
	calls := 0
	done := make(chan struct{})
	return func(ctx context.Context, r *supervisor.Running) error {
		calls++
		hurting := false
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		for step := r.Step; step < last || calls == 1; {
			var err error
			if step, err = m.step(ctx, r.Session); err != nil {
				return err
			}
			if err := r.StepDone(ctx, step); err != nil {
				return err
			}
			if calls == 1 && step >= at && !hurting {
				hurting = true
				go func() {
					defer close(done)
					hurt()
				}()
			}
		}
		return nil
	}, done
}

func TestKilledParameterServer(t *testing.T) {
	repeated(t, "ps killed, started again", func(t *testing.T, f *figures) {
		dir := t.TempDir()
		c := startCluster(t, 2, 1)
		m := modelOn(t, 2, 1000, &saver.Options{Sharded: true})
		log := new(events)
		o := options(c, dir, log)
		o.SaveSteps = 20
		var killed, back time.Time
		train, hurtDone := trainWithFault(m, 120, 70, func() {
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
				// The values of the other server were newer; now all are the checkpoint's.
				assert.Equal(t, []int64{r.Step, r.Step}, values)
				assert.Zero(t, r.Step%20, "the step of a checkpoint")
			}
			return train(ctx, r)
		})
		require.NoError(t, err, log)
		<-hurtDone
		assert.True(t, checked, "resumed after the loss:%v", log)
		lost := log.of(supervisor.Lost)
		require.NotEmpty(t, lost)
		assert.Equal(t, []supervisor.Task{task(t, c, "ps", 1)}, lost[0].Tasks, log)
		f.add("noticed after", log.when(t, supervisor.Lost, killed).Sub(killed))
		f.add("training again after the kill", log.when(t, supervisor.Ready, killed).Sub(killed))
		f.add("training again after the server was back", log.when(t, supervisor.Ready, killed).Sub(back))
	})
}

func TestKilledMasterCostsNoSteps(t *testing.T) {
	repeated(t, "master killed, started again", func(t *testing.T, f *figures) {
		dir := t.TempDir()
		c := startCluster(t, 2, 1)
		m := modelOn(t, 2, 1000, &saver.Options{Sharded: true})
		log := new(events)
		o := options(c, dir, log)
		o.OperationTimeout = time.Second // a run that is under way hangs until then
		o.SaveSteps = 20
		var killed, back time.Time
		train, hurtDone := trainWithFault(m, 120, 70, func() {
			killed = time.Now()
			assert.NoError(t, c.Kill("worker", 0))
			assert.NoError(t, c.Restart(t.Context(), "worker", 0))
			back = time.Now()
		})
		var furthest int64
		err := supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
			assert.GreaterOrEqual(t, r.Step, furthest, "no step is repeated")
			err := train(ctx, r)
			if now, err := m.now(ctx, r.Session); err == nil {
				furthest = now
			} else {
				furthest = 70
			}
			return err
		})
		require.NoError(t, err, log)
		<-hurtDone
		assert.NotEmpty(t, log.of(supervisor.Kept), log)
		assert.Empty(t, log.of(supervisor.Resumed), log)
		f.add("noticed after", log.when(t, supervisor.Lost, killed).Sub(killed))
		f.add("training again after the kill", log.when(t, supervisor.Ready, killed).Sub(killed))
		f.add("training again after the server was back", log.when(t, supervisor.Ready, killed).Sub(back))
	})
}

// In a graph without a global step, only the program knows how far it is.
func TestKilledMasterKeepsTheProgramsStep(t *testing.T) {
	c := startCluster(t, 1, 1)
	g := tf.NewGraph()
	var add *tf.Operation
	require.NoError(t, g.WithDevice("/job:ps/task:0", func() error {
		v, err := tf.NewVariable(g, "v", tf.Zeros(1), nil)
		if err != nil {
			return err
		}
		add, err = v.AssignAdd(tfgraph.Const(t, g, "", []float32{1}))
		return err
	}))
	sv := must[*saver.Saver](t)(saver.New(g, nil))
	defer sv.Close()
	log := new(events)
	o := options(c, t.TempDir(), log)
	o.OperationTimeout, o.SaveSteps = time.Second, 100
	var begun []int64
	require.NoError(t, supervisor.Run(t.Context(), g, sv, o, func(ctx context.Context, r *supervisor.Running) error {
		begun = append(begun, r.Step)
		for step := r.Step + 1; step <= 20; step++ {
			if step == 10 && len(begun) == 1 {
				require.NoError(t, c.Kill("worker", 0))
				require.NoError(t, c.Restart(t.Context(), "worker", 0))
			}
			if err := r.Session.RunOps(ctx, add); err != nil {
				return err
			}
			if err := r.StepDone(ctx, step); err != nil {
				return err
			}
		}
		return nil
	}), log)
	assert.NotEmpty(t, log.of(supervisor.Kept), log)
	assert.Equal(t, []int64{0, 9}, begun)
	assert.Equal(t, []string{"model-20"}, saved(log))
}

// If the context ends during a recovery, the error says what a next run resumes from.
func TestEndOfContextDuringRecovery(t *testing.T) {
	c := startCluster(t, 1, 1)
	m := modelOn(t, 1, 10, nil)
	ctx, cancel := context.WithCancel(t.Context())
	log := new(events)
	o := options(c, t.TempDir(), nil)
	o.SaveSteps = 2
	o.OnEvent = func(e supervisor.Event) {
		log.add(e)
		if e.Kind == supervisor.Retrying {
			cancel()
		}
	}
	err := supervisor.Run(ctx, m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
		if err := steps(m, 3)(ctx, r); err != nil {
			return err
		}
		require.NoError(t, c.Kill("ps", 0))
		return steps(m, 1)(ctx, r)
	})
	var stopped *supervisor.StoppedError
	require.ErrorAs(t, err, &stopped, log)
	require.ErrorIs(t, err, context.Canceled)
	newest := filepath.Join(o.Dir, "model-2")
	assert.Equal(t, newest, stopped.Newest)
	assert.EqualValues(t, 3, stopped.Step)
	assert.Empty(t, stopped.Path)
	assert.ErrorContains(t, err, "at step 3, while the model was made ready; this step is not saved, the newest checkpoint is "+newest)
}

func TestLostWorkerDoesNotDisturbChief(t *testing.T) {
	repeated(t, "worker killed, started again", func(t *testing.T, f *figures) {
		c := startCluster(t, 2, 2)
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
		o := worker(c, workerLog)
		o.OperationTimeout = time.Second
		var killed, back time.Time
		train, hurtDone := trainWithFault(second, 0, 20, func() {
			killed = time.Now()
			assert.NoError(t, c.Kill("worker", 1))
			assert.NoError(t, c.Restart(t.Context(), "worker", 1))
			back = time.Now()
		})
		err := supervisor.Run(ctx, second.g, second.sv, o, train)
		close(done)
		require.NoError(t, err, workerLog)
		<-hurtDone
		require.NoError(t, <-chief, chiefLog)
		assert.Empty(t, chiefLog.of(supervisor.Lost), "the chief has lost no server:%v", chiefLog)
		assert.Len(t, chiefLog.of(supervisor.Ready), 1)
		f.add("noticed after", workerLog.when(t, supervisor.Lost, killed).Sub(killed))
		f.add("training again after the server was back", workerLog.when(t, supervisor.Ready, killed).Sub(back))
	})
}

func TestHungServerCostsOperationTimeout(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	for _, c := range []struct {
		name, job string
		index     int
	}{{"ps", "ps", 1}, {"master", "worker", 0}} {
		t.Run(c.name, func(t *testing.T) {
			repeated(t, c.name+" stops to answer and comes back", func(t *testing.T, f *figures) { hangServer(t, f, c.job, c.index) })
		})
	}
}

// hangServer pauses a server until Run has probed it without success.
func hangServer(t *testing.T, f *figures, job string, index int) {
	servers := startCluster(t, 2, 1)
	m := modelOn(t, 2, 1000, nil)
	log := new(events)
	o := options(servers, t.TempDir(), log)
	o.OperationTimeout = time.Second
	var paused, back time.Time
	train, hurtDone := trainWithFault(m, 60, 30, func() {
		paused = time.Now()
		assert.NoError(t, servers.Pause(job, index))
		assert.Eventually(t, func() bool { return len(log.retriesAfterLoss()) > 0 }, 20*time.Second, 5*time.Millisecond)
		assert.NoError(t, servers.Continue(job, index))
		back = time.Now()
	})
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, train), log)
	<-hurtDone
	require.Len(t, log.of(supervisor.Lost), 1, log)
	noticed := log.when(t, supervisor.Lost, paused).Sub(paused)
	assert.GreaterOrEqual(t, noticed, o.OperationTimeout/2, log)
	assert.Equal(t, []supervisor.Task{task(t, servers, job, index)}, log.retriesAfterLoss()[0].Tasks, "it did not answer the probe:%v", log)
	assert.NotEmpty(t, log.of(supervisor.Kept), "it still held its values:%v", log)
	f.add("noticed after", noticed)
	f.add("training again after it was back", log.when(t, supervisor.Ready, paused).Sub(back))
}

func TestGivingUpNamesTask(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	repeated(t, "ps that stays gone", func(t *testing.T, f *figures) {
		for _, test := range []struct {
			name   string
			probed bool
		}{{"asked by its address", true}, {"named by TensorFlow", false}} {
			name, probed := test.name, test.probed
			c := startCluster(t, 2, 1)
			m := modelOn(t, 2, 10, nil)
			log := new(events)
			o := options(c, t.TempDir(), log)
			o.OperationTimeout = time.Second
			o.RecoveryTimeout = 4 * time.Second
			if !probed {
				o.Cluster = nil
			}
			var killed time.Time
			train, hurtDone := trainWithFault(m, 10, 5, func() {
				killed = time.Now()
				assert.NoError(t, c.Kill("ps", 1))
			})
			err := supervisor.Run(t.Context(), m.g, m.sv, o, train)
			<-hurtDone
			took := time.Since(killed)
			var outage *supervisor.OutageError
			require.ErrorAs(t, err, &outage, "%v:%v", name, log)
			require.ErrorIs(t, err, supervisor.ErrUnreachable, name)
			require.Len(t, outage.Tasks, 1, "%v: %v", name, err)
			assert.Equal(t, "ps", outage.Tasks[0].Job, name)
			assert.Equal(t, 1, outage.Tasks[0].Index, name)
			if probed {
				assert.ErrorContains(t, err, task(t, c, "ps", 1).Address, name)
			}
			assert.ErrorContains(t, err, "/job:ps/task:1", name)
			assert.ErrorContains(t, err, "start it again", name)
			assert.GreaterOrEqual(t, outage.For, o.RecoveryTimeout, name)
			f.add("given up, "+name+", RecoveryTimeout 4s", took)
		}
	})
}

func TestMissingServerAtStartIsNamed(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	for _, gone := range []struct {
		name, job string
		index     int
		probed    bool
	}{
		{"the master, probed", "worker", 0, true},
		{"the master, not probed", "worker", 0, false},
		{"a ps, probed", "ps", 1, true},
		{"a ps, not probed", "ps", 1, false},
	} {
		t.Run(gone.name, func(t *testing.T) {
			repeated(t, gone.name+", is not there at the start", func(t *testing.T, f *figures) {
				startWithout(t, f, gone.job, gone.index, gone.probed)
			})
		})
	}
}

// startWithout runs a training whose server is gone. With probed, Run knows its address.
func startWithout(t *testing.T, f *figures, job string, index int, probed bool) {
	c := startCluster(t, 2, 1)
	require.NoError(t, c.Kill(job, index))
	m := modelOn(t, 2, 10, nil)
	o := options(c, t.TempDir(), new(events))
	o.OperationTimeout = time.Second
	o.RecoveryTimeout = 1500 * time.Millisecond
	if !probed {
		o.Cluster = nil
	}
	began := time.Now()
	err := supervisor.Run(t.Context(), m.g, m.sv, o, func(context.Context, *supervisor.Running) error {
		assert.Fail(t, "the body was called")
		return nil
	})
	require.ErrorIs(t, err, supervisor.ErrUnreachable)
	if probed {
		assert.ErrorContains(t, err, task(t, c, job, index).String())
	} else {
		assert.ErrorContains(t, err, "Options.Cluster", "the option that would name it")
	}
	f.add("given up, RecoveryTimeout 1.5s", time.Since(began))
}

func TestCancelEndsRun(t *testing.T) {
	// A step, followed by an operation that waits forever.
	addStuckStep := func(m *model) *tf.Operation {
		types := map[string]any{"component_types": []dtype.DataType{dtype.Float32}}
		queue, err := m.g.AddOp(tf.OpSpec{Type: "FIFOQueueV2", Attrs: types, Device: "/job:ps/task:1"})
		require.NoError(t, err)
		op, err := m.g.AddOp(tf.OpSpec{Type: "QueueDequeueV2", Attrs: types, Input: []tf.Input{queue.Output(0)}, ControlDependencies: []*tf.Operation{m.train}, Device: "/job:ps/task:1"})
		require.NoError(t, err)
		return op
	}
	repeated(t, "canceled", func(t *testing.T, f *figures) {
		c := startCluster(t, 2, 1)
		m := modelOn(t, 2, 10, nil)
		stuck := addStuckStep(m)
		for _, name := range []string{"in a run", "waiting for a chief", "waiting for a server"} {
			log := new(events)
			o := options(c, "", log)
			o.OperationTimeout, o.RecoveryTimeout = time.Minute, time.Hour
			switch name {
			case "waiting for a chief":
				o.Worker = true
				require.NoError(t, c.Restart(t.Context(), "ps", 0), "it has no mark then")
			case "waiting for a server":
				require.NoError(t, c.Kill("ps", 1))
			}
			o.GracePeriod = -1
			ctx, cancel := context.WithCancel(t.Context())
			in := make(chan struct{})
			ended := make(chan error, 1)
			go func() {
				ended <- supervisor.Run(ctx, m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
					go func() {
						defer close(in)
						assert.Eventually(t, func() bool {
							now, err := m.now(ctx, r.Session)
							return err != nil || now > r.Step
						}, 20*time.Second, time.Millisecond, "the step is under way")
					}()
					return r.Session.RunOps(ctx, stuck)
				})
			}()
			if name == "in a run" {
				<-in
			} else {
				require.Eventually(t, func() bool { return len(log.of(supervisor.Retrying)) > 0 }, 20*time.Second, time.Millisecond, name)
			}
			start := time.Now()
			cancel()
			select {
			case err := <-ended:
				require.ErrorIs(t, err, context.Canceled, name)
				f.add("ended "+name+" after", time.Since(start))
			case <-time.After(20 * time.Second):
				require.Fail(t, "Run did not return", name)
			}
		}
	})
}
