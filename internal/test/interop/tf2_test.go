package interop_test

import (
	_ "embed"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/tf"
)

//go:embed tf2_models.py
var tf2Models string

// trainModel opens a model, runs its signature "train", and saves the next version if there
// is to be one.
func trainModel(t *testing.T, dir, base string, steps int) (losses []float32) {
	t.Helper()
	m, err := savedmodel.Open(t.Context(), dir, nil)
	require.NoError(t, err, dir)
	defer func() { assert.NoError(t, m.Close()) }()
	x, err := tf.NewTensor([][]float32{{0, 1, 2}, {2, 0, 1}, {1, 1, 0}, {0, 2, 2}})
	require.NoError(t, err)
	y, err := tf.NewTensor([][]float32{{0.5}, {-1}, {2}, {0.25}})
	require.NoError(t, err)
	defer tf.Release(x, y)
	train, err := m.Signature(t.Context(), "train", &savedmodel.SignatureOptions{Inputs: []string{"x", "y"}, Trains: true})
	require.NoError(t, err, dir)
	defer func() { assert.NoError(t, train.Close()) }()
	for range steps {
		out, err := train.Run(t.Context(), x, y)
		require.NoError(t, err, dir)
		losses = append(losses, out[0].Value().(float32))
		tf.Release(out...)
	}
	if base != "" {
		_, err = m.Save(t.Context(), base, &savedmodel.SaveOptions{Version: true})
		require.NoError(t, err, dir)
	}
	return losses
}

// Python exports ten models, Go trains 50 steps and saves, Python trains 50 steps and saves, and
// Go goes on: the losses are those of Python alone, within 1e-4 of them.
func TestTF2ModelsGoBackAndForth(t *testing.T) {
	base := t.TempDir()
	var want map[string][]float32
	oracle.RunEager(t, tf2Models, base).Decode(t, &want)
	require.Len(t, want, 10)
	names := slices.Sorted(maps.Keys(want))
	got := map[string][]float32{}
	for _, name := range names {
		dir := filepath.Join(base, name)
		got[name] = trainModel(t, filepath.Join(dir, "1"), dir, 50)
	}
	var python map[string][]float32
	oracle.RunEager(t, `
		x = tf.constant([[0., 1., 2.], [2., 0., 1.], [1., 1., 0.], [0., 2., 2.]])
		y = tf.constant([[0.5], [-1.0], [2.0], [0.25]])
		result = {}
		for name in args[1]:
			m = tf.saved_model.load(f"{args[0]}/{name}/2")
			result[name] = [float(m.train(x, y)["loss"]) for _ in range(50)]
			tf.saved_model.save(m, f"{args[0]}/{name}/3", signatures={"train": m.train})
	`, base, names).Decode(t, &python)
	for _, name := range names {
		losses := slices.Concat(got[name], python[name], trainModel(t, filepath.Join(base, name, "3"), "", 1))
		require.Len(t, losses, 101)
		for i, loss := range losses {
			require.InEpsilon(t, 1+want[name][i], 1+loss, 1e-4, "%s, step %d", name, i)
		}
	}
}
