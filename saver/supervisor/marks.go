package supervisor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/devicename"
	"github.com/tfkeep/tfkeep/tf"
)

// A model can look ready before it is: after one server of several was lost, the
// chief restores all of them, and in the middle of that every variable has a value,
// some from the checkpoint and some newer. Therefore the chief sets a mark when it
// is done: a variable on each server that holds a part of the model. All marks get
// the same number, and each restore uses a new one. A server that was restarted has
// no mark, and the marks are 0 while the chief restores. Equal numbers on all servers
// mean that the model is whole and that no server was lost since; then the chief
// itself does not need to restore either.
//
// The marks are in a graph and sessions of their own, so that the model's graph
// does not change.

// markName is the prefix of the names of the marks.
const markName = "tfkeep/ready"

type marks struct {
	g           *tf.Graph
	tasks       []string // the devices of the marks; "" is the master's
	initialized []tf.Output
	values      []tf.Output
	next        tf.Output // the placeholder of assign
	assigns     []*tf.Operation
}

// newMarks builds the marks for the servers of g's global variables. It returns nil
// if there is nothing to mark. Variables without a device are on the master. Only
// the chief checks that mark, because each worker has a master of its own.
func newMarks(g *tf.Graph, chief bool) (*marks, error) {
	m := &marks{g: tf.NewGraph()}
	for _, v := range g.GlobalVariables() {
		var task string
		if d, _ := devicename.Parse(v.Handle().Op.Device()); d.Job != "" {
			task = devicename.Spec{Job: d.Job, Task: d.Task}.String()
		}
		if !slices.Contains(m.tasks, task) && (task != "" || chief) {
			m.tasks = append(m.tasks, task)
		}
	}
	if len(m.tasks) == 0 {
		return nil, nil
	}
	slices.Sort(m.tasks)
	op, err := m.g.AddOp(tf.OpSpec{Type: "Placeholder", Name: "next", Attrs: map[string]any{"dtype": dtype.Int64, "shape": tf.MakeShape()}})
	if err != nil {
		return nil, err
	}
	m.next = op.Output(0)
	for i, task := range m.tasks {
		if err := m.addMark(i, task); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// addMark adds the mark of one task.
func (m *marks) addMark(i int, task string) error {
	add := func(typ string, attrs map[string]any, inputs ...tf.Input) (*tf.Operation, error) {
		return m.g.AddOp(tf.OpSpec{
			Type: typ, Name: fmt.Sprintf("%s_%d", typ, i), Input: inputs, Attrs: attrs,
			Device: task + "/device:CPU:0",
		})
	}
	handle, err := add("VarHandleOp", map[string]any{
		"dtype": dtype.Int64, "shape": tf.MakeShape(), "shared_name": markName + task,
	})
	if err != nil {
		return err
	}
	initialized, err := add("VarIsInitializedOp", nil, handle.Output(0))
	if err != nil {
		return err
	}
	value, err := add("ReadVariableOp", map[string]any{"dtype": dtype.Int64}, handle.Output(0))
	if err != nil {
		return err
	}
	assign, err := add("AssignVariableOp", map[string]any{"dtype": dtype.Int64}, handle.Output(0), m.next)
	if err != nil {
		return err
	}
	m.initialized = append(m.initialized, initialized.Output(0))
	m.values = append(m.values, value.Output(0))
	m.assigns = append(m.assigns, assign)
	return nil
}

// read returns the number on all marks. If servers lack the mark or the numbers
// differ, the error is a *notReadyError that names the servers.
func (m *marks) read(ctx context.Context, sess *tf.Session) (int64, error) {
	initialized, err := sess.Run(ctx, nil, m.initialized, nil, nil)
	if err != nil {
		return 0, err
	}
	defer tf.Release(initialized...)
	missing := new(notReadyError)
	for i, t := range initialized {
		if ok, _ := t.Value().(bool); !ok {
			missing.marks = append(missing.marks, m.taskName(i))
		}
	}
	if len(missing.marks) > 0 {
		return 0, missing
	}
	values, err := sess.Run(ctx, nil, m.values, nil, nil)
	if err != nil {
		return 0, err
	}
	defer tf.Release(values...)
	first, _ := values[0].Value().(int64)
	for i, t := range values {
		if n, _ := t.Value().(int64); n == 0 || n != first {
			missing.marks = append(missing.marks, m.taskName(i))
		}
	}
	if len(missing.marks) > 0 {
		return 0, missing
	}
	return first, nil
}

func (m *marks) taskName(i int) string {
	if m.tasks[i] == "" {
		return "the master"
	}
	return m.tasks[i]
}

// assign sets all marks.
func (m *marks) assign(ctx context.Context, sess *tf.Session, generation int64) error {
	t, err := tf.NewTensor(generation)
	if err != nil {
		return err
	}
	defer tf.Release(t)
	_, err = sess.Run(ctx, map[tf.Output]*tf.Tensor{m.next: t}, nil, m.assigns, nil)
	return err
}

// newGeneration returns a random number above 0.
func newGeneration() int64 { return 1 + rand.Int64N(1<<62) }

func (s *supervisor) readMarks(ctx context.Context) (int64, error) {
	return s.withMarksSession(ctx, s.marks.read)
}

func (s *supervisor) setMarks(ctx context.Context, generation int64) error {
	if s.marks == nil {
		return nil
	}
	_, err := s.withMarksSession(ctx, func(ctx context.Context, sess *tf.Session) (int64, error) {
		return 0, s.marks.assign(ctx, sess, generation)
	})
	return err
}

// markTimeout bounds the small runs that read or set the marks.
const markTimeout = 10 * time.Second

// withMarksSession calls f with a session on the graph of the marks. It is the first
// session that an attempt opens, and so the one that hangs if a server is gone. When
// ctx is done, withMarksSession returns and the session ends in the background.
func (s *supervisor) withMarksSession(ctx context.Context, f func(context.Context, *tf.Session) (int64, error)) (int64, error) {
	o := *s.Session
	limit := markTimeout
	if o.OperationTimeout > 0 {
		limit = min(limit, o.OperationTimeout)
	}
	o.OperationTimeout = limit
	sess, err := tf.NewSession(s.marks.g, &o)
	if err != nil {
		return 0, err
	}
	type result struct {
		n   int64
		err error
	}
	done := make(chan result, 1)
	s.closing.Go(func() {
		n, err := f(ctx, sess)
		done <- result{n, err}
		_ = sess.Close()
	})
	select {
	case r := <-done:
		return r.n, r.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
