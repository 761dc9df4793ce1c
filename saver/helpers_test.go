package saver_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

var ctx = context.Background()

// named is a case of a test.
type named[T any] struct {
	name string
	v    T
}

// newSession opens a session, which is closed at the end of the test.
func newSession(t testing.TB, g *tf.Graph) *tf.Session {
	t.Helper()
	return tfgraph.Session(t, g, &tf.SessionOptions{DisableGrappler: true})
}

// initialized opens a session in which every variable has its initial value. It adds a
// node, so a test that compares nodes makes its Saver before.
func initialized(t testing.TB, g *tf.Graph) *tf.Session {
	t.Helper()
	sess := newSession(t, g)
	initializer, err := tf.GlobalVariablesInitializer(g)
	require.NoError(t, err)
	require.NoError(t, sess.RunOps(ctx, initializer))
	return sess
}

func variable(t testing.TB, g *tf.Graph, name string, value any) *tf.Variable {
	t.Helper()
	v, err := tf.NewVariable(g, name, tf.Value(value), nil)
	require.NoError(t, err)
	return v
}

func newSaver(t testing.TB, g *tf.Graph, o *saver.Options) *saver.Saver {
	t.Helper()
	s, err := saver.New(g, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// assign sets a variable.
func assign(t testing.TB, sess *tf.Session, v *tf.Variable, to any) {
	t.Helper()
	tensor, err := tf.NewTensor(to)
	require.NoError(t, err)
	defer tf.Release(tensor)
	g := sess.Graph()
	in, err := g.AddOp(tf.OpSpec{Type: "Placeholder", Name: "assign_" + v.Name(), Attrs: map[string]any{"dtype": v.DType()}})
	require.NoError(t, err)
	op, err := v.Assign(in.Output(0))
	require.NoError(t, err)
	_, err = sess.Run(ctx, map[tf.Output]*tf.Tensor{in.Output(0): tensor}, nil, []*tf.Operation{op}, nil)
	require.NoError(t, err)
}

func mustSave(t testing.TB, s *saver.Saver, sess *tf.Session, path string, o *saver.SaveOptions) string {
	t.Helper()
	got, err := s.Save(ctx, sess, path, o)
	require.NoError(t, err)
	return got
}

// restore is Restore without options.
func restore(s *saver.Saver, sess *tf.Session, path string) error {
	_, err := s.Restore(ctx, sess, path, nil)
	return err
}

// load reads a tensor of a checkpoint.
func load[T dtype.Element](path, name string) ([]T, error) {
	r, err := checkpoint.Open(ctx, path, nil)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return checkpoint.Values[T](ctx, r, name, nil)
}

// latestIn returns the newest checkpoint of a folder.
func latestIn(folder string) (string, error) { return dir.Latest(ctx, folder, nil) }

// exists reports whether there is a checkpoint.
func exists(path string) bool { return dir.Exists(ctx, path) }

// remove removes a checkpoint.
func remove(path string) error { return dir.Remove(ctx, path, nil) }

// updateState writes a state file that names one checkpoint.
func updateState(folder, newest string) error {
	return dir.UpdateState(ctx, folder, dir.State{ModelCheckpointPath: newest}, nil)
}

// kept returns the paths of a Saver's checkpoints.
func kept(s *saver.Saver) []string {
	var list []string
	for _, c := range s.LastCheckpoints() {
		list = append(list, c.Path)
	}
	return list
}

// files lists a directory without the lock.
func files(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".tfkeep-lock" {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names
}

func read(t testing.TB, parts ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(parts...))
	require.NoError(t, err)
	return string(data)
}
