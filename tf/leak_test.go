package tf_test

import (
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/live"
	"github.com/tfkeep/tfkeep/internal/test/procmem"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

// residentKiB returns the memory of the process.
func residentKiB(t *testing.T) int {
	t.Helper()
	bytes, err := procmem.Resident(os.Getpid())
	require.NoError(t, err)
	return int(bytes >> 10)
}

// cycle builds, trains and discards a small model, with a megabyte of values. It leaves
// only Go's own memory and graphs to the garbage collector.
func cycle(t *testing.T) {
	g := tf.NewGraph()
	w, err := tf.NewVariable(g, "w", tf.Zeros(256, 256), nil)
	require.NoError(t, err)
	x, err := g.AddOp(tf.OpSpec{Type: "Placeholder", Name: "x", Attrs: map[string]any{"dtype": dtype.Float32, "shape": tf.MakeShape(256, 256)}})
	require.NoError(t, err)
	add, err := w.AssignAdd(x.Output(0))
	require.NoError(t, err)
	init, err := tf.GlobalVariablesInitializer(g)
	require.NoError(t, err)

	s, err := tf.NewSession(g, &tf.SessionOptions{DisableGrappler: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	require.NoError(t, s.RunOps(t.Context(), init))
	flat, err := tf.NewTensor(make([]float32, 256*256))
	require.NoError(t, err)
	defer tf.Release(flat)
	square, err := capi.AllocateTensor(dtype.Float32, []int64{256, 256})
	require.NoError(t, err)
	defer tf.Release(square)
	clear(square.TensorData())

	step, err := s.MakeCallable([]tf.Output{x.Output(0)}, []tf.Output{w.Value()}, []*tf.Operation{add}, nil)
	require.NoError(t, err)
	defer step.Close()
	for range 2 {
		out, err := step.Run(t.Context(), square)
		require.NoError(t, err)
		tf.Release(out...)
	}
	_, err = step.Run(t.Context(), flat)
	require.ErrorIs(t, err, status.InvalidArgument, "errors leak nothing")
}

func TestThousandCyclesLeaveNoMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand graphs and sessions take some seconds; run without -short")
	}
	before := live.Now()
	const cycles, warm = 1000, 200
	var start int
	for i := range cycles {
		cycle(t)
		if i%50 == 0 {
			runtime.GC() // graphs have no Close: the collector frees them
		}
		if i == warm {
			start = residentKiB(t)
		}
	}
	runtime.GC()
	grown := residentKiB(t) - start
	t.Logf("resident memory grew by %d KiB over %d cycles", grown, cycles-warm)
	assert.Equal(t, before, live.Now())
	// Each cycle moves about two megabytes; a leak of one tensor in a cycle would be 200 MiB.
	assert.Less(t, grown, 24<<10)
}

func TestOperationsKeepTheirGraphAlive(t *testing.T) {
	var value tf.Output
	var handle *tf.Operation
	func() {
		g := tf.NewGraph()
		v, err := tf.NewVariable(g, "v", tf.Value([]float32{1, 2}), nil)
		require.NoError(t, err)
		value, handle = v.Value(), v.Initializer()
	}()
	for range 5 {
		runtime.GC()
	}
	assert.Equal(t, "v/Read/ReadVariableOp", value.Op.Name())
	assert.Equal(t, "v/Assign", handle.Name())
	def, err := capi.NodeDef(handle)
	require.NoError(t, err)
	assert.Equal(t, "AssignVariableOp", def.GetOp())
}

func TestSessionRunsDuringCollections(t *testing.T) {
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	defer func() { close(stop); <-done }()

	g, x, y := plusOne(t)
	step := func() *tf.Callable {
		s, err := tf.NewSession(g, nil)
		require.NoError(t, err)
		step, err := s.MakeCallable([]tf.Output{x}, []tf.Output{y}, nil, nil)
		require.NoError(t, err)
		return step // the session is reachable through it alone
	}()
	defer step.Close()
	for i := range 300 {
		in, err := tf.NewTensor([][]float32{{float32(i), 0}})
		require.NoError(t, err)
		out, err := step.Run(t.Context(), in)
		require.NoError(t, err)
		require.Equal(t, [][]float32{{float32(i) + 1, 1}}, out[0].Value())
	}
}

func TestFetchedVariableIsSnapshot(t *testing.T) {
	g := tf.NewGraph()
	v, err := tf.NewVariable(g, "v", tf.Value([]float32{1, 2}), nil)
	require.NoError(t, err)
	add, err := v.AssignAdd(tfgraph.Const(t, g, "delta", []float32{10, 20}))
	require.NoError(t, err)
	s := tfgraph.Session(t, g, nil)
	initialize(t, s)
	out, err := s.Run(t.Context(), nil, []tf.Output{v.Value()}, nil, nil)
	require.NoError(t, err)
	defer tf.Release(out...)
	require.NoError(t, s.RunOps(t.Context(), add))
	assert.Equal(t, []float32{1, 2}, out[0].Value())
	assert.Equal(t, []float32{11, 22}, tfgraph.Value(t, s, v.Value()))
}
