package interop

import (
	_ "embed"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/examples/digits/dataset"
	"github.com/tfkeep/tfkeep/examples/digits/model"
	"github.com/tfkeep/tfkeep/examples/digits/training"
	"github.com/tfkeep/tfkeep/internal/test/localcluster"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/cluster"
)

// pythonMember is the Python program of a cluster's member that localcluster starts. It
// serves, and trains if it is told to.
//
//go:embed cluster_member.py
var pythonMember string

// startCluster starts a cluster. isPython selects the members that run Python.
func startCluster(t *testing.T, jobs map[string]int, isPython func(job string, task int) bool, args ...string) *localcluster.Cluster {
	t.Helper()
	python := oracle.Python(t)
	self, err := os.Executable()
	require.NoError(t, err)
	c, err := localcluster.Start(t.Context(), localcluster.Options{
		Jobs: jobs,
		Command: func(job string, task int) *exec.Cmd {
			if isPython(job, task) {
				return exec.Command(python, append([]string{"-c", pythonMember}, args...)...)
			}
			return exec.Command(self)
		},
		Env:          []string{"CUDA_VISIBLE_DEVICES=-1", "PYTHONDONTWRITEBYTECODE=1"},
		StartTimeout: 2 * time.Minute,
	})
	require.NoError(t, err)
	t.Cleanup(c.Stop)
	return c
}

// digitsOn builds the digits model for the first worker and opens a session there.
func digitsOn(t *testing.T, c *localcluster.Cluster) (*tf.Session, *saver.Saver) {
	t.Helper()
	g := tf.NewGraph()
	const device = "/job:worker/task:0"
	place, err := cluster.ReplicaDeviceSetter(c.Spec(), &cluster.ReplicaOptions{WorkerDevice: device})
	require.NoError(t, err)
	require.NoError(t, g.WithDeviceFunc(place, func() error { return model.BuildIn(g, 1) }))
	sv, err := saver.New(g, nil)
	require.NoError(t, err)
	sess, err := tf.NewSession(g, &tf.SessionOptions{
		Target: c.Target("worker", 0), DeviceFilters: []string{"/job:ps", device}, OperationTimeout: time.Minute,
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, sess.Close()) })
	return sess, sv
}

func initialize(t *testing.T, sess *tf.Session) {
	t.Helper()
	init, err := tf.GlobalVariablesInitializer(sess.Graph())
	require.NoError(t, err)
	require.NoError(t, sess.RunOps(t.Context(), init))
}

// trainSteps trains a number of steps, starting with the batch first.
func trainSteps(t *testing.T, sess *tf.Session, first, steps int) {
	t.Helper()
	set, _, err := dataset.Load()
	require.NoError(t, err)
	step, err := training.NewStep(sess)
	require.NoError(t, err)
	defer step.Close()
	for i := range steps {
		_, err := step.Run(t.Context(), set.Batch(first+i, training.BatchSize))
		require.NoError(t, err)
	}
}

// requireLoopback fails if a member has connections to another machine, or none at all.
func requireLoopback(t *testing.T, c *localcluster.Cluster) {
	t.Helper()
	seen := 0
	for task := range c.Spec().Tasks() {
		remotes, err := localcluster.Connections(c.Pid(task.Job, task.Index))
		require.NoError(t, err)
		for _, addr := range remotes {
			seen++
			assert.True(t, addr.IsLoopback(), "%s talks to %s", task, addr)
		}
	}
	assert.Positive(t, seen, "no connections at all")
}

func TestPythonWorkerInGoCluster(t *testing.T) {
	dir := t.TempDir()
	set, _, err := dataset.Load()
	require.NoError(t, err)
	batch := set.Batch(0, 512)
	images, err := json.Marshal(map[string]any{"images": batch.Images, "labels": batch.Labels})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "data.json"), images, 0o644))

	c := startCluster(t, map[string]int{"ps": 2, "worker": 2},
		func(job string, task int) bool { return job == "worker" && task == 1 }, dir)
	sess, _ := digitsOn(t, c)
	note, err := tf.NewVariable(sess.Graph(), "note", tf.Value(int64(41)), &tf.VariableOptions{NotTrainable: true, Device: "/job:ps/task:0"})
	require.NoError(t, err)
	initialize(t, sess)

	// Both train at the same time until Python has finished its steps.
	mine := 0
	var python struct {
		Steps     int
		Seen      []int64
		Note      int64
		Variables map[string]string
		Loss      []float64
	}
	deadline := time.Now().Add(2 * time.Minute)
	for {
		trainSteps(t, sess, mine, 10)
		mine += 10
		text, err := os.ReadFile(filepath.Join(dir, "trained.json"))
		if errors.Is(err, fs.ErrNotExist) {
			require.True(t, time.Now().Before(deadline), "Python has not trained")
			continue
		}
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &python))
		break
	}
	requireLoopback(t, c)

	step, err := training.GlobalStep(t.Context(), sess)
	require.NoError(t, err)
	assert.Equal(t, int64(mine+python.Steps), step, "every step of either counts")
	require.Len(t, python.Seen, python.Steps)
	assert.Greater(t, python.Seen[len(python.Seen)-1]-python.Seen[0], int64(python.Steps), "Python saw Go's steps between its own")
	assert.Equal(t, int64(41), python.Note, "what Go wrote")
	out, err := sess.Run(t.Context(), nil, []tf.Output{note.Value()}, nil, nil)
	require.NoError(t, err)
	assert.Equal(t, int64(42), out[0].Value(), "what Python wrote")
	tf.Release(out...)
	assert.Less(t, python.Loss[len(python.Loss)-1], python.Loss[0])

	devices := map[string]string{}
	for _, v := range sess.Graph().GlobalVariables() {
		devices[v.Name()] = v.Handle().Op.Device()
	}
	assert.Equal(t, devices, python.Variables, "both put every variable, and every slot, on the same server")
}

func TestGoClientOfPythonCluster(t *testing.T) {
	c := startCluster(t, map[string]int{"ps": 1, "worker": 1}, func(string, int) bool { return true })
	sess, sv := digitsOn(t, c)
	initialize(t, sess)
	trainSteps(t, sess, 0, 300)
	accuracy, err := training.Accuracy(t.Context(), sess)
	require.NoError(t, err)
	assert.Greater(t, accuracy, float32(0.8))

	gather, err := saver.New(sess.Graph(), &saver.Options{Sharded: true, Driver: saver.Files})
	require.NoError(t, err)
	for _, test := range []struct {
		name string
		sv   *saver.Saver
	}{{"by its nodes", sv}, {"from here", gather}} {
		name, sv := test.name, test.sv
		t.Run("saves and restores "+name, func(t *testing.T) {
			path, err := sv.Save(t.Context(), sess, filepath.Join(t.TempDir(), "model"), &saver.SaveOptions{GlobalStep: saver.Step(int64(300))})
			require.NoError(t, err)
			trainSteps(t, sess, 300, 20)
			initialize(t, sess)
			_, err = sv.Restore(t.Context(), sess, path, nil)
			require.NoError(t, err)
			restored, err := training.Accuracy(t.Context(), sess)
			require.NoError(t, err)
			assert.Equal(t, accuracy, restored)
			step, err := training.GlobalStep(t.Context(), sess)
			require.NoError(t, err)
			assert.Equal(t, int64(300), step)

			shapes := oracle.Value[map[string][]int64](t, `
result = tf.train.load_checkpoint(args[0]).get_variable_to_shape_map()
`, path)
			assert.Equal(t, []int64{64, 128}, shapes["hidden/w"])
			assert.Len(t, shapes, len(sess.Graph().GlobalVariables()))
		})
	}
	requireLoopback(t, c)
}
