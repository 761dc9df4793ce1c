package supervisor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tfkeep/tfkeep/internal/device"
	"github.com/tfkeep/tfkeep/tf"
)

// A model may look ready when it is not: after one server of several was lost,
// the chief restores all of them, and in the middle of that every variable has a
// value already, some from the checkpoint and some newer. Therefore the chief
// sets a mark when it is done: a variable on each server that holds a part of
// the model, all with the same number, which is another one after each restore.
// A server that was started again has no mark, and while the chief restores they
// are 0. The same number on all of them says that the model is whole and that no
// server was lost since: then the chief itself needs no restore either.
//
// The marks are in a graph and sessions of their own, so that the model's graph
// stays as it is.

// markName begins the names of the variables.
const markName = "tfkeep/ready"

type marks struct {
	g     *tf.Graph
	tasks []string // their devices; "" is the master's
	is    []tf.Output
	value []tf.Output
	next  tf.Output
	set   []*tf.Operation
}

// newMarks makes the marks for g's global variables. Variables without a device
// are the master's: their mark is for the chief alone, for another worker has
// another master. Nil is returned where nothing is to be marked.
func newMarks(g *tf.Graph, chief bool) (*marks, error) {
	m := &marks{g: tf.NewGraph()}
	for _, v := range g.GlobalVariables() {
		var task string
		if d, _ := device.Parse(v.Handle().Op.Device()); d.Job != "" {
			task = device.Spec{Job: d.Job, Task: d.Task}.String()
		}
		if !slices.Contains(m.tasks, task) && (task != "" || chief) {
			m.tasks = append(m.tasks, task)
		}
	}
	if len(m.tasks) == 0 {
		return nil, nil
	}
	slices.Sort(m.tasks)
	op, err := m.g.AddOp(tf.OpSpec{Type: "Placeholder", Name: "next", Attrs: map[string]any{"dtype": tf.Int64, "shape": tf.ScalarShape()}})
	if err != nil {
		return nil, err
	}
	m.next = op.Output(0)
	for i, task := range m.tasks {
		if err := m.add(i, task); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *marks) add(i int, task string) error {
	add := func(typ string, attrs map[string]any, inputs ...tf.Input) (*tf.Operation, error) {
		return m.g.AddOp(tf.OpSpec{
			Type: typ, Name: fmt.Sprintf("%s_%d", typ, i), Input: inputs, Attrs: attrs,
			Device: task + "/device:CPU:0",
		})
	}
	handle, err := add("VarHandleOp", map[string]any{
		"dtype": tf.Int64, "shape": tf.ScalarShape(), "shared_name": markName + task,
	})
	if err != nil {
		return err
	}
	is, err := add("VarIsInitializedOp", nil, handle.Output(0))
	if err != nil {
		return err
	}
	value, err := add("ReadVariableOp", map[string]any{"dtype": tf.Int64}, handle.Output(0))
	if err != nil {
		return err
	}
	set, err := add("AssignVariableOp", map[string]any{"dtype": tf.Int64}, handle.Output(0), m.next)
	if err != nil {
		return err
	}
	m.is = append(m.is, is.Output(0))
	m.value = append(m.value, value.Output(0))
	m.set = append(m.set, set)
	return nil
}

// generation is the number on all the marks, or 0, with an error of the type
// *notReady that names the servers that lack it.
func (m *marks) generation(ctx context.Context, sess *tf.Session) (int64, error) {
	is, err := sess.Run(ctx, nil, m.is, nil)
	if err != nil {
		return 0, err
	}
	defer tf.Release(is...)
	missing := new(notReady)
	for i, t := range is {
		if ok, _ := t.Value().(bool); !ok {
			missing.marks = append(missing.marks, m.task(i))
		}
	}
	if len(missing.marks) > 0 {
		return 0, missing
	}
	values, err := sess.Run(ctx, nil, m.value, nil)
	if err != nil {
		return 0, err
	}
	defer tf.Release(values...)
	first, _ := values[0].Value().(int64)
	for i, t := range values {
		if n, _ := t.Value().(int64); n == 0 || n != first {
			missing.marks = append(missing.marks, m.task(i))
		}
	}
	if len(missing.marks) > 0 {
		return 0, missing
	}
	return first, nil
}

func (m *marks) task(i int) string {
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
	_, err = sess.Run(ctx, map[tf.Output]*tf.Tensor{m.next: t}, nil, m.set)
	return err
}

// newGeneration is a number that no other is likely to be.
func newGeneration() int64 { return 1 + rand.Int64N(1<<62) }

func (s *supervisor) readMarks(ctx context.Context) (int64, error) {
	return s.withMarks(ctx, s.marks.generation)
}

func (s *supervisor) setMarks(ctx context.Context, generation int64) error {
	if s.marks == nil {
		return nil
	}
	_, err := s.withMarks(ctx, func(ctx context.Context, sess *tf.Session) (int64, error) {
		return 0, s.marks.assign(ctx, sess, generation)
	})
	return err
}

// markTimeout bounds the small runs that concern the marks.
const markTimeout = 10 * time.Second

// withMarks calls f with a session on the marks. It is the first to be opened in
// an attempt, and so the one to hang where a server is gone: when ctx is done, it
// is left to end by itself.
func (s *supervisor) withMarks(ctx context.Context, f func(context.Context, *tf.Session) (int64, error)) (int64, error) {
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
