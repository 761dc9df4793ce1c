package saver_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/tf/op"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/verify"
)

// The values were never saved, and the graph has a Saver that saves each variable under
// the other's name.
func TestFreezeSession(t *testing.T) {
	g := tf.NewGraph()
	a := variable(t, g, "a", []float32{1, 2})
	b, err := tf.NewVariable(g, "b", tf.Value([]float32{10, 20}), &tf.VariableOptions{Ref: true})
	require.NoError(t, err)
	s := g.Scope()
	y := op.Sub(s.Sub("y"), a.Value(), b.Value())
	require.NoError(t, s.Err())
	newSaver(t, g, &saver.Options{VarMap: map[string]saver.Saveable{"a": saver.Var(b), "b": saver.Var(a)}})
	sess := initialized(t, g)
	assign(t, sess, a, []float32{3, 4})

	plan, err := saver.Freeze(ctx, sess, &freeze.Options{Outputs: []string{y.Op.Name()}})
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "frozen.pb")
	require.NoError(t, plan.WriteFile(ctx, path, nil))
	require.NoError(t, plan.Close())
	got := oracle.Value[[]float32](t, `
d = tf1.GraphDef()
d.ParseFromString(open(args[0], "rb").read())
tf1.import_graph_def(d, name="")
with tf1.Session() as s:
    result = s.run(args[1]).tolist()
`, path, y.Op.Name()+":0")
	assert.Equal(t, []float32{-7, -16}, got)

	_, err = saver.Freeze(ctx, newSession(t, g), &freeze.Options{Outputs: []string{y.Op.Name()}})
	assert.ErrorContains(t, err, "a", "the variable without a value is named")
	_, err = saver.Freeze(ctx, sess, nil)
	assert.ErrorIs(t, err, tfkeep.ErrArgument)
	_, err = saver.Freeze(ctx, sess, &freeze.Options{Outputs: []string{"nope"}})
	assert.ErrorIs(t, err, tfkeep.ErrNotFound)
}

// The C API packs the keys in a graph that was built by Go.
func TestFreezeFindsRenamedKeysOfGoGraphs(t *testing.T) {
	dir := t.TempDir()
	g := tf.NewGraph()
	a, b := variable(t, g, "a", []float32{1, 2}), variable(t, g, "b", []float32{10, 20})
	s := g.Scope()
	y := op.Sub(s.Sub("y"), a.Value(), b.Value())
	require.NoError(t, s.Err())
	sv := newSaver(t, g, &saver.Options{VarMap: map[string]saver.Saveable{"model/a": saver.Var(a), "model/b": saver.Var(b)}})
	prefix, err := sv.Save(ctx, initialized(t, g), filepath.Join(dir, "model"), nil)
	require.NoError(t, err)

	plan, err := freeze.FromCheckpoint(ctx, prefix, &freeze.Options{Outputs: []string{y.Op.Name()}})
	require.NoError(t, err)
	keys := map[string]string{}
	for _, v := range plan.Report().Frozen {
		keys[v.Name] = v.Key
	}
	assert.Equal(t, map[string]string{"a": "model/a", "b": "model/b"}, keys)
	require.NoError(t, plan.Close())

	// The checkpoint of another model does not have the keys.
	other := tf.NewGraph()
	c := variable(t, other, "c", []float32{1, 2})
	_, err = newSaver(t, other, &saver.Options{VarMap: map[string]saver.Saveable{"model/a": saver.Var(c)}}).
		Save(ctx, initialized(t, other), prefix, &saver.SaveOptions{NoMetaGraph: true})
	require.NoError(t, err)
	missing := 0
	for r, err := range verify.Path(ctx, prefix, nil) {
		require.NoError(t, err)
		for _, f := range r.Faults {
			assert.ErrorIs(t, f.Err, tfkeep.ErrNotFound)
			assert.ErrorContains(t, f.Err, `restores "model/b"`)
			missing++
		}
	}
	assert.Equal(t, 1, missing)
}
