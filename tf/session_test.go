package tf_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
)

func tensor(t testing.TB, value any) *tf.Tensor {
	t.Helper()
	v, err := tf.NewTensor(value)
	require.NoError(t, err)
	t.Cleanup(func() { tf.Release(v) })
	return v
}

func TestRunFeedsAndFetches(t *testing.T) {
	g, x, y := plusOne(t)
	s := tfgraph.Session(t, g, nil)
	out, err := s.Run(t.Context(), map[tf.Output]*tf.Tensor{x: tensor(t, [][]float32{{1, 2}, {3, 4}})}, []tf.Output{y, y}, nil, nil)
	require.NoError(t, err)
	defer tf.Release(out...)
	assert.Equal(t, [][]float32{{2, 3}, {4, 5}}, out[0].Value())
	assert.Equal(t, [][]float32{{2, 3}, {4, 5}}, out[1].Value())
}

// badRun is a mistake in the arguments of a run, and what the error must contain.
type badRun struct {
	name    string
	feeds   map[tf.Output]*tf.Tensor
	fetches []tf.Output
	targets []*tf.Operation
	want    []string
}

// badRuns returns mistakes for the graph of plusOne.
func badRuns(t *testing.T, x, y tf.Output) []badRun {
	t.Helper()
	other, _, otherY := plusOne(t)
	good := tensor(t, [][]float32{{1, 2}})
	gone := tensor(t, [][]float32{{1, 2}})
	tf.Release(gone)
	feed := func(o tf.Output, v *tf.Tensor) map[tf.Output]*tf.Tensor { return map[tf.Output]*tf.Tensor{o: v} }
	return []badRun{
		{"wrong type", feed(x, tensor(t, [][]float64{{1, 2}})), []tf.Output{y}, nil, []string{`x:0`, "float64", "float32"}},
		{"wrong rank", feed(x, tensor(t, []float32{1, 2})), []tf.Output{y}, nil, []string{`x:0`, "[2]", "[?, 2]"}},
		{"wrong dimension", feed(x, tensor(t, [][]float32{{1, 2, 3}})), []tf.Output{y}, nil, []string{`x:0`, "[1 3]", "[?, 2]"}},
		{"nil tensor", feed(x, nil), []tf.Output{y}, nil, []string{`x:0`, "nil"}},
		{"released tensor", feed(x, gone), []tf.Output{y}, nil, []string{`x:0`, "released"}},
		{"feed without op", feed(tf.Output{}, good), []tf.Output{y}, nil, []string{"nil"}},
		{"fetch without op", feed(x, good), []tf.Output{{}}, nil, []string{"nil"}},
		{"fetch out of range", feed(x, good), []tf.Output{{Op: y.Op, Index: 1}}, nil, []string{`"y"`, "1 output"}},
		{"negative output", feed(x, good), []tf.Output{{Op: y.Op, Index: -1}}, nil, []string{`"y"`}},
		{"nil target", feed(x, good), nil, []*tf.Operation{nil}, []string{"nil"}},
		{"empty target", feed(x, good), nil, []*tf.Operation{new(tf.Operation)}, []string{"nil"}},
		{"fetch of other graph", feed(x, good), []tf.Output{otherY}, nil, []string{`"y"`, "another graph"}},
		{"feed of other graph", feed(otherY, good), []tf.Output{y}, nil, []string{`"y"`, "another graph"}},
		{"target elsewhere", nil, nil, []*tf.Operation{other.Operation("y")}, []string{`"y"`, "another graph"}},
		{"unfed placeholder", nil, []tf.Output{y}, nil, []string{"x", "float"}},
	}
}

func TestBadRunsNameTheFault(t *testing.T) {
	g, x, y := plusOne(t)
	s := tfgraph.Session(t, g, nil)
	for _, c := range badRuns(t, x, y) {
		t.Run(c.name, func(t *testing.T) {
			_, err := s.Run(t.Context(), c.feeds, c.fetches, c.targets, nil)
			require.ErrorIs(t, err, status.InvalidArgument)
			for _, want := range c.want {
				assert.ErrorContains(t, err, want)
			}
		})
	}
}

func TestRunOfClosedSession(t *testing.T) {
	g, x, y := plusOne(t)
	s, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	step, err := s.MakeCallable([]tf.Output{x}, []tf.Output{y}, nil, nil)
	require.NoError(t, err)
	defer step.Close()
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "a second Close does nothing")

	in := tensor(t, [][]float32{{1, 2}})
	_, err = s.Run(t.Context(), map[tf.Output]*tf.Tensor{x: in}, []tf.Output{y}, nil, nil)
	require.ErrorIs(t, err, status.FailedPrecondition)
	assert.ErrorContains(t, err, "closed")
	_, err = step.Run(t.Context(), in)
	require.ErrorIs(t, err, status.FailedPrecondition)
	_, err = s.Devices(t.Context())
	require.ErrorIs(t, err, status.FailedPrecondition)
	_, err = s.MakeCallable([]tf.Output{x}, []tf.Output{y}, nil, nil)
	require.ErrorIs(t, err, status.FailedPrecondition)
}

func TestCloseWaitsForRuns(t *testing.T) {
	g, x, y := plusOne(t)
	s, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	step, err := s.MakeCallable([]tf.Output{x}, []tf.Output{y}, nil, nil)
	require.NoError(t, err)
	defer step.Close()
	in := tensor(t, [][]float32{{1, 2}})
	var started, runs sync.WaitGroup
	for range 4 {
		started.Add(1)
		runs.Go(func() {
			first := sync.OnceFunc(started.Done)
			defer first()
			for {
				out, err := step.Run(context.Background(), in)
				if err != nil {
					assert.ErrorIs(t, err, status.FailedPrecondition)
					return
				}
				tf.Release(out...)
				first()
			}
		})
	}
	started.Wait()
	require.NoError(t, s.Close())
	runs.Wait()
}

func TestErrorsCarryCodeAndNode(t *testing.T) {
	g := tf.NewGraph()
	a := tfgraph.Const(t, g, "a", []float32{1, 2})
	x, err := g.AddOp(tf.OpSpec{Type: "Placeholder", Name: "x", Attrs: map[string]any{"dtype": dtype.Int32}})
	require.NoError(t, err)
	reshape, err := g.AddOp(tf.OpSpec{Type: "Reshape", Name: "net/reshape", Input: []tf.Input{a, x.Output(0)}})
	require.NoError(t, err)
	s := tfgraph.Session(t, g, nil)
	_, err = s.Run(t.Context(), map[tf.Output]*tf.Tensor{x.Output(0): tensor(t, []int32{3})}, []tf.Output{reshape.Output(0)}, nil, nil)
	var e *status.Error
	require.ErrorAs(t, err, &e)
	assert.ErrorIs(t, err, status.InvalidArgument)
	assert.NotErrorIs(t, err, status.NotFound)
	assert.Equal(t, "net/reshape", e.Node)
}

func TestUninitializedVariablesAreNamed(t *testing.T) {
	g := tf.NewGraph()
	w, err := tf.NewVariable(g, "net/w", tf.Zeros(2), nil)
	require.NoError(t, err)
	r, err := tf.NewVariable(g, "net/r", tf.Zeros(2), &tf.VariableOptions{Ref: true})
	require.NoError(t, err)
	_, err = tf.NewVariable(g, "net/local", tf.Zeros(2), &tf.VariableOptions{Local: true})
	require.NoError(t, err)
	s := tfgraph.Session(t, g, nil)

	for _, v := range []*tf.Variable{w, r} {
		_, err := s.Run(t.Context(), nil, []tf.Output{v.Value()}, nil, nil)
		var uninitialized *tf.UninitializedError
		require.ErrorAs(t, err, &uninitialized)
		assert.Equal(t, []string{v.Name()}, uninitialized.Variables)
		assert.ErrorIs(t, err, status.FailedPrecondition)
	}

	names, err := tf.UninitializedVariables(t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, []string{"net/w", "net/r", "net/local"}, names)
	require.NoError(t, s.RunOps(t.Context(), w.Initializer()))
	names, err = tf.UninitializedVariables(t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, []string{"net/r", "net/local"}, names)
	names, err = tf.UninitializedVariables(t.Context(), s, w)
	require.NoError(t, err)
	assert.Empty(t, names)
}

// addStuckOp adds an operation that never returns: it waits for an item of an empty queue.
func addStuckOp(t *testing.T, g *tf.Graph) *tf.Operation {
	t.Helper()
	add := func(typ, name string, attrs map[string]any, inputs ...tf.Input) *tf.Operation {
		op, err := g.AddOp(tf.OpSpec{Type: typ, Name: name, Attrs: attrs, Input: inputs})
		require.NoError(t, err)
		return op
	}
	queue := add("FIFOQueueV2", "queue", map[string]any{"component_types": []dtype.DataType{dtype.Float32}})
	return add("QueueDequeueV2", "dequeue", map[string]any{"component_types": []dtype.DataType{dtype.Float32}}, queue.Output(0))
}

func TestDeadlineEndsRun(t *testing.T) {
	g := tf.NewGraph()
	stuck := addStuckOp(t, g)
	s := tfgraph.Session(t, g, nil)
	step, err := s.MakeCallable(nil, nil, []*tf.Operation{stuck}, nil)
	require.NoError(t, err)
	defer step.Close()
	for _, c := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"Run", func(ctx context.Context) error { return s.RunOps(ctx, stuck) }},
		{"Callable", func(ctx context.Context) error { _, err := step.Run(ctx); return err }},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			err := c.run(ctx)
			require.ErrorIs(t, err, status.DeadlineExceeded)
			require.ErrorIs(t, err, context.DeadlineExceeded)

			canceled, stop := context.WithCancel(t.Context())
			stop()
			require.ErrorIs(t, c.run(canceled), context.Canceled)
		})
	}
}

func TestOperationTimeoutEndsRun(t *testing.T) {
	g := tf.NewGraph()
	stuck := addStuckOp(t, g)
	s := tfgraph.Session(t, g, &tf.SessionOptions{OperationTimeout: 50 * time.Millisecond})
	step, err := s.MakeCallable(nil, nil, []*tf.Operation{stuck}, nil)
	require.NoError(t, err)
	defer step.Close()
	later, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
	}{
		{"no deadline", t.Context()},
		{"later deadline", later},
		{"WithOperationTimeout", tf.WithOperationTimeout(t.Context(), 100*time.Millisecond)},
	} {
		require.ErrorIs(t, s.RunOps(c.ctx, stuck), status.DeadlineExceeded, c.name)
		_, err = step.Run(c.ctx)
		require.ErrorIs(t, err, status.DeadlineExceeded, c.name)
	}
}

func TestInterruptEndsRuns(t *testing.T) {
	g := tf.NewGraph()
	stuck := addStuckOp(t, g)
	s := tfgraph.Session(t, g, nil)
	stopped := make(chan error, 1)
	go func() { stopped <- s.RunOps(context.Background(), stuck) }()
	// Interrupting before the run has begun is as good: it then fails too.
	require.NoError(t, s.Interrupt(t.Context()))
	select {
	case err := <-stopped:
		require.Error(t, err)
	case <-time.After(20 * time.Second):
		require.Fail(t, "the run does not end")
	}
	require.Error(t, s.RunOps(t.Context(), stuck), "runs after Interrupt fail")
	require.NoError(t, s.Close())
}

func TestRunOptionsTrace(t *testing.T) {
	g, x, y := plusOne(t)
	s := tfgraph.Session(t, g, nil)
	metadata := new(for_core_protos_go_proto.RunMetadata)
	out, err := s.Run(t.Context(), map[tf.Output]*tf.Tensor{x: tensor(t, [][]float32{{1, 2}})}, []tf.Output{y}, nil,
		&tf.RunOptions{Proto: &for_core_protos_go_proto.RunOptions{TraceLevel: 3}, Metadata: metadata})
	require.NoError(t, err)
	tf.Release(out...)
	assert.NotEmpty(t, metadata.GetStepStats().GetDevStats())
}

func TestCallableRunsLikeRun(t *testing.T) {
	g, x, y := plusOne(t)
	s := tfgraph.Session(t, g, nil)
	for _, o := range []*tf.CallableOptions{nil, {RunInCaller: true}, {Proto: &for_core_protos_go_proto.RunOptions{TimeoutInMs: 10000}}} {
		step, err := s.MakeCallable([]tf.Output{x}, []tf.Output{y}, nil, o)
		require.NoError(t, err)
		for range 3 {
			out, err := step.Run(t.Context(), tensor(t, [][]float32{{1, 2}}))
			require.NoError(t, err)
			assert.Equal(t, [][]float32{{2, 3}}, out[0].Value())
			tf.Release(out...)
		}
		require.NoError(t, step.Close())
		require.NoError(t, step.Close())
		_, err = step.Run(t.Context(), tensor(t, [][]float32{{1, 2}}))
		require.ErrorIs(t, err, status.FailedPrecondition)
	}
}

func TestCallableRefusesBadFeeds(t *testing.T) {
	g, x, y := plusOne(t)
	s := tfgraph.Session(t, g, nil)
	step, err := s.MakeCallable([]tf.Output{x}, []tf.Output{y}, nil, nil)
	require.NoError(t, err)
	defer step.Close()
	good := tensor(t, [][]float32{{1, 2}})
	gone := tensor(t, [][]float32{{1, 2}})
	tf.Release(gone)
	for _, feeds := range [][]*tf.Tensor{
		nil, {good, good}, {nil}, {gone}, {tensor(t, [][]float64{{1, 2}})}, {tensor(t, [][]float32{{1}})}, {tensor(t, float32(1))},
	} {
		_, err := step.Run(t.Context(), feeds...)
		require.ErrorIs(t, err, status.InvalidArgument)
	}
	out, err := step.Run(t.Context(), good)
	require.NoError(t, err)
	tf.Release(out...)

	_, err = s.MakeCallable([]tf.Output{x, x}, nil, nil, nil)
	require.ErrorIs(t, err, status.InvalidArgument)
	_, err = s.MakeCallable([]tf.Output{{}}, nil, nil, nil)
	require.ErrorIs(t, err, status.InvalidArgument)
}

func TestCallableRunsFromManyGoroutines(t *testing.T) {
	g, x, y := plusOne(t)
	s := tfgraph.Session(t, g, nil)
	step, err := s.MakeCallable([]tf.Output{x}, []tf.Output{y}, nil, nil)
	require.NoError(t, err)
	defer step.Close()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			in, err := tf.NewTensor([][]float32{{float32(i), 0}})
			if !assert.NoError(t, err) {
				return
			}
			defer tf.Release(in)
			for range 100 {
				out, err := step.Run(t.Context(), in)
				if !assert.NoError(t, err) {
					return
				}
				assert.Equal(t, [][]float32{{float32(i) + 1, 1}}, out[0].Value())
				tf.Release(out...)
			}
		})
	}
	wg.Wait()
}

func TestSessionOptionsAreChecked(t *testing.T) {
	for _, o := range []*tf.SessionOptions{
		{GPU: tf.GPUOptions{MemoryFraction: 1.5}},
		{GPU: tf.GPUOptions{MemoryFraction: -1}},
		{OperationTimeout: -time.Second},
		{IntraOpThreads: -1},
	} {
		_, err := tf.NewSession(tf.NewGraph(), o)
		require.ErrorIs(t, err, status.InvalidArgument, "%+v", o)
	}
}

func TestSessionDevices(t *testing.T) {
	s := tfgraph.Session(t, tf.NewGraph(), &tf.SessionOptions{DeviceCount: map[string]int32{"CPU": 3}})
	devices, err := s.Devices(t.Context())
	require.NoError(t, err)
	assert.Len(t, devices, 3)
}

// As in Python, a fetch that is fed returns what is fed.
func TestFetchOfAFedOutput(t *testing.T) {
	g := tf.NewGraph()
	s := g.Scope()
	x := op.Placeholder(s, dtype.Float32)
	words := op.Placeholder(s, dtype.String)
	y := op.Neg(s, x)
	require.NoError(t, g.Err())
	sess := tfgraph.Session(t, g, nil)
	value, err := tf.NewTensor([]float32{1, 2})
	require.NoError(t, err)
	text, err := tf.NewTensor([]string{"a", ""})
	require.NoError(t, err)
	defer tf.Release(value, text)
	check := func(results []*tf.Tensor, err error) {
		t.Helper()
		require.NoError(t, err)
		require.Len(t, results, 4)
		assert.Equal(t, []float32{1, 2}, results[0].Value())
		assert.Equal(t, []float32{-1, -2}, results[1].Value())
		assert.Equal(t, []string{"a", ""}, results[2].Value())
		assert.Equal(t, []float32{1, 2}, results[3].Value())
		tf.Release(results...)
	}
	fetches := []tf.Output{x, y, words, x}
	for range 2 {
		check(sess.Run(t.Context(), map[tf.Output]*tf.Tensor{x: value, words: text}, fetches, nil, nil))
	}
	call, err := sess.MakeCallable([]tf.Output{x, words}, fetches, nil, nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, call.Close()) }()
	for range 2 {
		check(call.Run(t.Context(), value, text))
	}
}
