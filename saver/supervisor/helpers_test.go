package supervisor_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/localcluster"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/cluster"
	"github.com/tfkeep/tfkeep/tf/train"
)

// model is a training whose variables show whether its state is consistent: a step
// adds one to each variable and to the global step.
type model struct {
	g      *tf.Graph
	sv     *saver.Saver
	global *tf.Variable
	w      []*tf.Variable
	train  *tf.Operation
}

// newModel puts a variable with the given number of float32 elements on each
// parameter server. Without parameter servers everything is in the session's
// process.
func newModel(ps int, elements int64, o *saver.Options) (*model, error) {
	m := &model{g: tf.NewGraph()}
	device := func(i int) string {
		if ps == 0 {
			return ""
		}
		return fmt.Sprintf("/job:ps/task:%d", i)
	}
	one := func(v *tf.Variable) (*tf.Operation, error) {
		add, err := m.g.AddOp(tf.OpSpec{Type: "OnesLike", Input: []tf.Input{v.Value()}, Device: v.Handle().Op.Device()})
		if err != nil {
			return nil, err
		}
		return v.AssignAdd(add.Output(0))
	}
	var updates []*tf.Operation
	for i := range max(ps, 1) {
		err := m.g.WithDevice(device(i), func() error {
			v, err := tf.NewVariable(m.g, fmt.Sprintf("w%d", i), tf.Zeros(elements), nil)
			if err != nil {
				return err
			}
			m.w = append(m.w, v)
			update, err := one(v)
			updates = append(updates, update)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	err := m.g.WithDevice(device(0), func() (err error) {
		if m.global, err = train.GetOrCreateGlobalStep(m.g); err != nil {
			return err
		}
		update, err := one(m.global)
		updates = append(updates, update)
		return err
	})
	if err != nil {
		return nil, err
	}
	if m.train, err = m.g.AddOp(tf.OpSpec{Type: "NoOp", Name: "train", ControlDependencies: updates}); err != nil {
		return nil, err
	}
	m.sv, err = saver.New(m.g, o)
	return m, err
}

// step trains one step and returns the global step after it.
func (m *model) step(ctx context.Context, sess *tf.Session) (int64, error) {
	if err := sess.RunOps(ctx, m.train); err != nil {
		return 0, err
	}
	return m.now(ctx, sess)
}

// now returns the global step.
func (m *model) now(ctx context.Context, sess *tf.Session) (int64, error) {
	got, err := sess.Run(ctx, nil, []tf.Output{m.global.Value()}, nil, nil)
	if err != nil {
		return 0, err
	}
	defer tf.Release(got...)
	return got[0].Value().(int64), nil
}

// values returns the first element of each variable.
func (m *model) values(ctx context.Context, sess *tf.Session) ([]int64, error) {
	var fetches []tf.Output
	for _, v := range m.w {
		fetches = append(fetches, v.Value())
	}
	got, err := sess.Run(ctx, nil, fetches, nil, nil)
	if err != nil {
		return nil, err
	}
	defer tf.Release(got...)
	var values []int64
	for _, t := range got {
		values = append(values, int64(t.Value().([]float32)[0]))
	}
	return values, nil
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		require.NoError(t, err)
		return v
	}
}

// modelOn is newModel for tests. It closes the Saver at the end.
func modelOn(t *testing.T, ps int, elements int64, o *saver.Options) *model {
	t.Helper()
	m := must[*model](t)(newModel(ps, elements, o))
	t.Cleanup(func() { assert.NoError(t, m.sv.Close()) })
	return m
}

// cluster starts a cluster of processes for the test.
func startCluster(t *testing.T, ps, workers int) *localcluster.Cluster {
	t.Helper()
	c, err := localcluster.Start(t.Context(), localcluster.Options{Jobs: map[string]int{"ps": ps, "worker": workers}})
	require.NoError(t, err)
	t.Cleanup(c.Stop)
	return c
}

// options returns a chief's options with limits that let a test end soon.
func options(c *localcluster.Cluster, dir string, log *events) *supervisor.Options {
	return &supervisor.Options{
		Session:          &tf.SessionOptions{Target: c.Target("worker", 0), DeviceFilters: []string{"/job:ps", "/job:worker/task:0"}},
		Cluster:          c.Spec(),
		Dir:              dir,
		OperationTimeout: 5 * time.Second,
		RecoveryTimeout:  30 * time.Second,
		MinPause:         50 * time.Millisecond,
		MaxPause:         500 * time.Millisecond,
		OnEvent:          log.add,
	}
}

// worker returns the options of the client of worker 1, which is not the chief.
func worker(c *localcluster.Cluster, log *events) *supervisor.Options {
	o := options(c, "", log)
	o.Session.Target = c.Target("worker", 1)
	o.Session.DeviceFilters = []string{"/job:ps", "/job:worker/task:1"}
	o.Worker = true
	return o
}

// task returns a task with its address.
func task(t *testing.T, c *localcluster.Cluster, job string, i int) supervisor.Task {
	t.Helper()
	place := cluster.Task{Job: job, Index: i}
	return supervisor.Task{Task: place, Address: must[string](t)(c.Spec().Address(place))}
}

// events collects the events of Run.
type events struct {
	mu   sync.Mutex
	list []supervisor.Event
	at   []time.Time
}

func (e *events) add(event supervisor.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, event)
	e.at = append(e.at, time.Now())
}

func (e *events) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var s string
	for i, event := range e.list {
		s += fmt.Sprintf("\n%s %s: %v", e.at[i].Format("05.000"), event.Kind, event)
	}
	return s
}

// of returns the events of a kind, in order.
func (e *events) of(kind supervisor.EventKind) []supervisor.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []supervisor.Event
	for _, event := range e.list {
		if event.Kind == kind {
			found = append(found, event)
		}
	}
	return found
}

// retriesAfterLoss returns the Retrying events after the first loss.
func (e *events) retriesAfterLoss() []supervisor.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []supervisor.Event
	lost := false
	for _, event := range e.list {
		lost = lost || event.Kind == supervisor.Lost
		if lost && event.Kind == supervisor.Retrying {
			found = append(found, event)
		}
	}
	return found
}

// when returns the time of the first event of a kind after the given time.
func (e *events) when(t *testing.T, kind supervisor.EventKind, after time.Time) time.Time {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, event := range e.list {
		if event.Kind == kind && e.at[i].After(after) {
			return e.at[i]
		}
	}
	require.Fail(t, "no such event", "%s", kind)
	return time.Time{}
}

// repeated runs a fault case TFKEEP_FAULTS times, once by default, and logs the
// times that the case measures.
func repeated(t *testing.T, name string, run func(t *testing.T, f *figures)) {
	n, _ := strconv.Atoi(os.Getenv("TFKEEP_FAULTS"))
	n = max(n, 1)
	f := &figures{times: map[string][]time.Duration{}}
	for i := range n {
		if !t.Run(strconv.Itoa(i), func(t *testing.T) { run(t, f) }) {
			return
		}
	}
	for _, what := range f.order {
		times := f.times[what]
		slices.Sort(times)
		t.Logf("FIGURES %s: %s, of %d: min %v, median %v, max %v", name, what, len(times),
			times[0].Round(time.Millisecond), times[len(times)/2].Round(time.Millisecond), times[len(times)-1].Round(time.Millisecond))
	}
}

// figures collects measured times by what they measure.
type figures struct {
	order []string
	times map[string][]time.Duration
}

func (f *figures) add(what string, d time.Duration) {
	if f.times[what] == nil {
		f.order = append(f.order, what)
	}
	f.times[what] = append(f.times[what], d)
}
