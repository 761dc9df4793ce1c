package interop

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
	"github.com/tfkeep/tfkeep/tf/train"
)

// monitored trains args[1] steps with MonitoredTrainingSession in the directory args[0], and
// returns the losses. The batch depends on the global step.
const monitored = `
step = tf1.train.get_or_create_global_step()
w = tf1.get_variable('w', initializer=tf1.constant([1., 2., 3.]), use_resource=True)
x = tf1.cast(step + [1, 2, 3], tf1.float32)
loss = tf1.reduce_sum(tf1.square(w - tf1.sin(x)), name='loss')
train = tf1.train.AdamOptimizer(0.1).minimize(loss, global_step=step, name='train')
result = []
hooks = [tf1.train.StopAtStepHook(num_steps=args[1])]
with tf1.train.MonitoredTrainingSession(checkpoint_dir=args[0], save_checkpoint_steps=1000, hooks=hooks,
                                        save_summaries_steps=None, save_summaries_secs=None, log_step_count_steps=None) as sess:
    while not sess.should_stop():
        result.append(float(sess.run([loss, train])[0]))
`

// monitoredGo continues the training of the meta graph in the directory with the Go loop.
func monitoredGo(t *testing.T, folder string, n int64) (losses []float64) {
	t.Helper()
	newest, err := dir.Latest(t.Context(), folder, nil)
	require.NoError(t, err)
	g := tf.NewGraph()
	sv, err := saver.ImportMetaGraph(t.Context(), g, newest+".meta", nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, sv.Close()) }()
	loss, err := g.OutputByName("loss:0")
	require.NoError(t, err)
	return goLoop(t, g, sv, loss, g.Operation("train"), folder, n)
}

// goLoop trains n steps.
func goLoop(t *testing.T, g *tf.Graph, sv *saver.Saver, loss tf.Output, train *tf.Operation, folder string, n int64) (losses []float64) {
	t.Helper()
	o := &supervisor.Options{Dir: folder, SaveName: "model.ckpt", SaveSteps: 1000, Steps: n, GraphText: true}
	require.NoError(t, supervisor.Run(t.Context(), g, sv, o, func(ctx context.Context, r *supervisor.Running) error {
		for step := r.Step; !r.ShouldStop(); {
			out, err := r.Session.Run(ctx, nil, []tf.Output{loss}, []*tf.Operation{train}, nil)
			if err != nil {
				return err
			}
			losses = append(losses, float64(out[0].Value().(float32)))
			tf.Release(out...)
			step++
			if err := r.StepDone(ctx, step); err != nil {
				return err
			}
		}
		return nil
	}))
	assert.FileExists(t, filepath.Join(folder, "graph.pbtxt"))
	return losses
}

// Python and Go train in one directory by turns. The losses are those of a training that
// ran through.
func TestTurnsWithMonitoredTrainingSession(t *testing.T) {
	const turns, n = 10, 7
	want := oracle.Value[[]float64](t, monitored, t.TempDir(), turns*n)
	require.Len(t, want, turns*n)
	folder := t.TempDir()
	var got []float64
	for turn := range turns {
		if turn%2 == 0 {
			got = append(got, oracle.Value[[]float64](t, monitored, folder, n)...)
		} else {
			got = append(got, monitoredGo(t, folder, n)...)
		}
		newest, err := dir.Latest(t.Context(), folder, nil)
		require.NoError(t, err)
		c, err := dir.List(t.Context(), folder, nil)
		require.NoError(t, err)
		assert.Equal(t, "model.ckpt", filepath.Base(newest)[:len("model.ckpt")])
		assert.EqualValues(t, (turn+1)*n, c[0].Step)
	}
	assert.Equal(t, want, got)
	// Python reads the graph that Go wrote.
	names := oracle.Value[[]string](t, `
from google.protobuf import text_format
import tensorflow.compat.v1 as tf1
graph = tf1.GraphDef()
text_format.Parse(open(args[0]).read(), graph)
result = [n.name for n in graph.node if n.name in ('w', 'global_step', 'train')]
`, filepath.Join(folder, "graph.pbtxt"))
	assert.ElementsMatch(t, []string{"w", "global_step", "train"}, names)
}

// monitoredImported continues the training of the newest meta graph in the directory args[0],
// which Go built, for args[1] steps with MonitoredTrainingSession, and returns the losses.
const monitoredImported = `
newest = tf1.train.latest_checkpoint(args[0])
saver = tf1.train.import_meta_graph(newest + '.meta')
graph = tf1.get_default_graph()
assert tf1.train.get_global_step() is not None
assert [v.op.name for v in tf1.trainable_variables()] == ['w'], tf1.trainable_variables()
loss, train = graph.get_tensor_by_name('Sum:0'), graph.get_operation_by_name('train')
result = []
hooks = [tf1.train.StopAtStepHook(num_steps=args[1])]
with tf1.train.MonitoredTrainingSession(checkpoint_dir=args[0], save_checkpoint_steps=1000, hooks=hooks, scaffold=tf1.train.Scaffold(saver=saver),
                                        save_summaries_steps=None, save_summaries_secs=None, log_step_count_steps=None) as sess:
    while not sess.should_stop():
        result.append(float(sess.run([loss, train])[0]))
`

// goProgram trains n steps with the Go loop in a graph that it builds, the model of monitored.
func goProgram(t *testing.T, folder string, n int64) (losses []float64) {
	t.Helper()
	g := tf.NewGraph()
	step, err := train.GetOrCreateGlobalStep(g)
	require.NoError(t, err)
	w, err := tf.NewVariable(g, "w", tf.Value([]float32{1, 2, 3}), nil)
	require.NoError(t, err)
	s := g.Scope()
	x := op.Cast(s, op.Add(s, step.Value(), op.Const(s, []int64{1, 2, 3})), dtype.Float32)
	loss := op.Sum(s, op.Square(s, op.Sub(s, w.Value(), op.Sin(s, x))), op.Const(s, int32(0)))
	trainOp, err := train.Minimize(g, train.NewAdam(0.1), loss, &train.MinimizeOptions{GlobalStep: step, Name: "train"})
	require.NoError(t, err)
	sv, err := saver.New(g, nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, sv.Close()) }()
	return goLoop(t, g, sv, loss, trainOp, folder, n)
}

// A graph that Go built is continued by MonitoredTrainingSession from the files alone, and back.
// The losses are those of a training that ran through.
func TestMonitoredTrainingSessionContinuesGo(t *testing.T) {
	const turns, n = 10, 7
	want := goProgram(t, t.TempDir(), turns*n)
	require.Len(t, want, turns*n)
	folder := t.TempDir()
	var got []float64
	for turn := range turns {
		if turn%2 == 0 {
			got = append(got, goProgram(t, folder, n)...)
		} else {
			got = append(got, oracle.Value[[]float64](t, monitoredImported, folder, n)...)
		}
		newest, err := dir.Latest(t.Context(), folder, nil)
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf("model.ckpt-%d", (turn+1)*n), filepath.Base(newest))
	}
	assert.Equal(t, want, got)
}
