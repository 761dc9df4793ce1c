package interop

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/examples/digits/dataset"
	"github.com/tfkeep/tfkeep/examples/digits/model"
	"github.com/tfkeep/tfkeep/examples/digits/training"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// digits is the model of the example in a session.
type digits struct {
	sess *tf.Session
	sv   *saver.Saver
}

// fresh builds the model with its initial weights.
func fresh(t *testing.T) digits {
	t.Helper()
	g, err := model.Build(1)
	require.NoError(t, err)
	sv, err := saver.New(g, nil)
	require.NoError(t, err)
	initialize, err := tf.GlobalVariablesInitializer(g)
	require.NoError(t, err)
	d := start(t, g, sv)
	require.NoError(t, d.sess.RunOps(t.Context(), initialize))
	return d
}

// restored restores a checkpoint with its meta graph.
func restored(t *testing.T, path string) digits {
	t.Helper()
	g := tf.NewGraph()
	sv, err := saver.ImportMetaGraph(t.Context(), g, path+".meta", nil)
	require.NoError(t, err)
	d := start(t, g, sv)
	_, err = sv.Restore(t.Context(), d.sess, path, nil)
	require.NoError(t, err)
	return d
}

func start(t *testing.T, g *tf.Graph, sv *saver.Saver) digits {
	t.Helper()
	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, sess.Close())
		assert.NoError(t, sv.Close())
	})
	return digits{sess: sess, sv: sv}
}

// save saves a checkpoint with the global step.
func (d digits) save(t *testing.T, dir string) string {
	t.Helper()
	path, err := d.sv.Save(t.Context(), d.sess, filepath.Join(dir, "model"), &saver.SaveOptions{
		GlobalStep: saver.Step(d.sess.Graph().Collection(tf.GlobalStep)[0].Variable()),
	})
	require.NoError(t, err)
	return path
}

// train trains to a global step and saves.
func (d digits) train(t *testing.T, dir string, until int64) string {
	t.Helper()
	path, err := training.Run(t.Context(), d.sess, d.sv, training.Options{Dir: dir, Until: until, SaveEvery: until})
	require.NoError(t, err)
	return path
}

// values returns the bytes of every global variable.
func (d digits) values(t *testing.T) map[string][]byte {
	t.Helper()
	variables := d.sess.Graph().GlobalVariables()
	fetches := make([]tf.Output, len(variables))
	for i, v := range variables {
		fetches[i] = v.Value()
	}
	tensors, err := d.sess.Run(context.Background(), nil, fetches, nil, nil)
	require.NoError(t, err)
	defer tf.Release(tensors...)
	values := map[string][]byte{}
	for i, v := range variables {
		var b bytes.Buffer
		_, err := tensors[i].WriteContentsTo(&b)
		require.NoError(t, err)
		values[v.Name()] = b.Bytes()
	}
	require.Len(t, values, 4+1+2*4+2, "weights, global step, Adam's two slots each and its two powers")
	return values
}

// python is the result of inPython: the variables after the restore and at the end, the
// accuracy, and the path of the new checkpoint.
type python struct {
	Before, After map[string][]byte
	Accuracy      float32
	Path          string
}

// inPython restores a checkpoint in Python, trains it to a global step with the batches
// that Go uses, and saves it.
func inPython(t *testing.T, path, dir string, from, until int) python {
	t.Helper()
	train, test, err := dataset.Load()
	require.NoError(t, err)
	batches := [][]int{}
	for n := from; n < until; n++ {
		batches = append(batches, train.Indices(n, training.BatchSize))
	}
	return oracle.Value[python](t, `
		path, directory, images, labels, test_images, test_labels, batches = args
		images, labels = np.array(images, np.float32), np.array(labels, np.int32)
		saver = tf1.train.import_meta_graph(path + ".meta")
		train_op, = tf1.get_collection("train_op")
		step = tf1.train.get_global_step()
		with tf1.Session() as session:
		    saver.restore(session, path)
		    variables = {v.op.name: v for v in tf1.global_variables()}
		    read = lambda: {name: value.tobytes() for name, value in session.run(variables).items()}
		    result = {"Before": read()}
		    for batch in batches:
		        session.run(train_op, {"x:0": images[batch], "labels:0": labels[batch]})
		    result["After"] = read()
		    result["Accuracy"] = session.run("accuracy:0", {"x:0": test_images, "labels:0": test_labels})
		    result["Path"] = saver.save(session, os.path.join(directory, "model"), global_step=step)
	`, path, dir, train.Images, train.Labels, test.Images, test.Labels, batches)
}

func TestGoAndPythonTrainInTurns(t *testing.T) {
	goDir, pythonDir := t.TempDir(), t.TempDir()

	first := fresh(t)
	path := first.train(t, goDir, 40)

	then := inPython(t, path, pythonDir, 40, 80)
	assert.Equal(t, first.values(t), then.Before, "Python restores what Go wrote")
	assert.NotEqual(t, then.Before, then.After)

	second := restored(t, then.Path)
	assert.Equal(t, then.After, second.values(t), "Go restores what Python wrote")
	step, err := training.GlobalStep(t.Context(), second.sess)
	require.NoError(t, err)
	assert.EqualValues(t, 80, step)
	path = second.train(t, goDir, 120)

	last := inPython(t, path, pythonDir, 120, 120)
	assert.Equal(t, second.values(t), last.Before, "Python restores what Go wrote after it")
}

// Go, Go with an interruption, and Python train the same graph from the same start with
// the same batches. They run the same kernels on the same machine, so not only the
// accuracy but every bit of the variables agrees.
func TestGoAndPythonTrainEqually(t *testing.T) {
	const steps = 1500
	dir := t.TempDir()
	straight := fresh(t)
	initial := straight.save(t, dir)
	straight.train(t, dir, steps)

	stopped := restored(t, initial)
	resumed := restored(t, stopped.train(t, dir, steps/3))
	resumed.train(t, dir, steps)

	inPython := inPython(t, initial, t.TempDir(), 0, steps)

	want, err := training.Accuracy(t.Context(), straight.sess)
	require.NoError(t, err)
	got, err := training.Accuracy(t.Context(), resumed.sess)
	require.NoError(t, err)
	t.Logf("accuracy: %v, resumed %v, Python %v", want, got, inPython.Accuracy)
	assert.GreaterOrEqual(t, want, float32(0.95))
	assert.Equal(t, want, got)
	assert.Equal(t, want, inPython.Accuracy)
	assert.Equal(t, straight.values(t), resumed.values(t))
	assert.Equal(t, straight.values(t), inPython.After)
}
