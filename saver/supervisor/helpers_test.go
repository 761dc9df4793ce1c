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

	"github.com/tfkeep/tfkeep/internal/localcluster"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/tf"
)

// model is a training whose state tells whether it is whole: a step adds one to
// each variable, and to the global step.
type model struct {
	g      *tf.Graph
	sv     *saver.Saver
	global *tf.Variable
	w      []*tf.Variable
	train  *tf.Operation
}

// newModel puts a variable of so many floats on each of the parameter servers;
// without any, everything lies where the session is.
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
			v, err := tf.NewVariable(m.g, fmt.Sprintf("w%d", i), tf.Zeros(elements))
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
		if m.global, err = tf.GetOrCreateGlobalStep(m.g); err != nil {
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

// step trains one step and says which it was.
func (m *model) step(ctx context.Context, sess *tf.Session) (int64, error) {
	if err := sess.RunOps(ctx, m.train); err != nil {
		return 0, err
	}
	return m.now(ctx, sess)
}

func (m *model) now(ctx context.Context, sess *tf.Session) (int64, error) {
	got, err := sess.Run(ctx, nil, []tf.Output{m.global.Value()}, nil)
	if err != nil {
		return 0, err
	}
	defer tf.Release(got...)
	return got[0].Value().(int64), nil
}

// values are the first elements of the variables.
func (m *model) values(ctx context.Context, sess *tf.Session) ([]int64, error) {
	var fetches []tf.Output
	for _, v := range m.w {
		fetches = append(fetches, v.Value())
	}
	got, err := sess.Run(ctx, nil, fetches, nil)
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

func modelOn(t *testing.T, ps int, elements int64, o *saver.Options) *model {
	t.Helper()
	m := must[*model](t)(newModel(ps, elements, o))
	t.Cleanup(func() { assert.NoError(t, m.sv.Close()) })
	return m
}

func cluster(t *testing.T, ps, workers int) *localcluster.Cluster {
	t.Helper()
	c, err := localcluster.Start(t.Context(), localcluster.Options{Jobs: map[string]int{"ps": ps, "worker": workers}})
	require.NoError(t, err)
	t.Cleanup(c.Stop)
	return c
}

// options are those of the fault tests: limits that let a test end soon.
func options(c *localcluster.Cluster, dir string, log *events) *supervisor.Options {
	return &supervisor.Options{
		Session:          &tf.SessionOptions{Target: c.Target("worker", 0), DeviceFilters: []string{"/job:ps", "/job:worker/task:0"}},
		Cluster:          c.Spec(),
		Dir:              dir,
		OperationTimeout: 5 * time.Second,
		RecoveryTimeout:  30 * time.Second,
		Backoff:          supervisor.Backoff{First: 50 * time.Millisecond, Most: 500 * time.Millisecond},
		OnEvent:          log.add,
	}
}

// worker are the options of a client that is not the chief.
func worker(c *localcluster.Cluster, i int, log *events) *supervisor.Options {
	o := options(c, "", log)
	o.Session.Target = c.Target("worker", i)
	o.Session.DeviceFilters = []string{"/job:ps", fmt.Sprintf("/job:worker/task:%d", i)}
	o.Worker = true
	return o
}

// task is a task with its address.
func task(t *testing.T, c *localcluster.Cluster, job string, i int) supervisor.Task {
	t.Helper()
	return supervisor.Task{Job: job, Index: i, Address: must[string](t)(c.Spec().TaskAddress(job, i))}
}

// events collects what Run tells.
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
		s += fmt.Sprintf("\n%s %T: %v", e.at[i].Format("05.000"), event, event)
	}
	return s
}

// of are the events of a type, in order.
func of[E supervisor.Event](e *events) []E {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []E
	for _, event := range e.list {
		if event, ok := event.(E); ok {
			found = append(found, event)
		}
	}
	return found
}

// retried are the attempts that failed after a loss.
func retried(e *events) []supervisor.Retrying {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []supervisor.Retrying
	lost := false
	for _, event := range e.list {
		switch event := event.(type) {
		case supervisor.Lost:
			lost = true
		case supervisor.Retrying:
			if lost {
				found = append(found, event)
			}
		}
	}
	return found
}

// when is the time of the first event of a type after a time.
func when[E supervisor.Event](t *testing.T, e *events, after time.Time) time.Time {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, event := range e.list {
		if _, ok := event.(E); ok && e.at[i].After(after) {
			return e.at[i]
		}
	}
	require.Fail(t, "no such event")
	return time.Time{}
}

// repeated runs a fault case, as often as TFKEEP_FAULTS says, and shows the times
// that it took.
func repeated(t *testing.T, name string, once func(t *testing.T, f *figures)) {
	n, _ := strconv.Atoi(os.Getenv("TFKEEP_FAULTS"))
	n = max(n, 1)
	f := &figures{times: map[string][]time.Duration{}}
	for i := range n {
		ok := t.Run(strconv.Itoa(i), func(t *testing.T) { once(t, f) })
		if !ok {
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
