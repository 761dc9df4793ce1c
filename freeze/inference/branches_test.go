package inference_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/freeze/inference"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

func TestConstantsDecideBranches(t *testing.T) {
	t.Parallel()
	type model struct {
		Path, Training, Text  string
		Seed, Norms, Dropouts int
	}
	norms, dropouts, folded, random := 0, 0, 0, 0
	for _, m := range oracle.CallEager[[]model](t, "training", "write", 60, t.TempDir()) {
		got, r, err := inference.Optimize(load(t, m.Path), &inference.Options{Outputs: []string{"y"}, Constants: map[string]bool{m.Training: false}})
		require.NoError(t, err)
		difference := oracle.CallEager[float64](t, "training", "difference", m.Seed, save(t, got))
		assert.Less(t, difference, 1e-4, "seed %d: %s", m.Seed, m.Text)
		norms, dropouts = norms+m.Norms, dropouts+m.Dropouts
		folded += len(r.Folded)
		n := tftest.RandomNodes(got)
		random += n
		if len(r.Folded) < m.Norms || n > 0 {
			t.Logf("seed %d: %d of %d folded, %d random: %s", m.Seed, len(r.Folded), m.Norms, n, m.Text)
		}
	}
	t.Logf("%d of %d batch norms folded, %d random nodes of %d dropouts", folded, norms, random, dropouts)
	assert.GreaterOrEqual(t, norms, 111)
	assert.GreaterOrEqual(t, dropouts, 57)
	assert.GreaterOrEqual(t, float64(folded), 107.0/111*float64(norms))
	assert.Zero(t, random)
}

// Batch normalizations with variables, whose moving averages a branch updates, fold after
// the freeze.
func TestConstantsDecideFrozenModels(t *testing.T) {
	t.Parallel()
	models, err := filepath.Abs("../testdata")
	require.NoError(t, err)
	for _, kind := range []string{"bn:ref", "bn:resource", "bn:v1flow", "bn:v2flow"} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			type run struct {
				Y     []float64
				Feeds map[string]any
			}
			var want run
			oracle.Run(t, `
import sys
sys.path.append(args[2])
import models
_, feeds = models.write(tf, tf1, np, os, args[0], args[1])
with tf1.Graph().as_default(), tf1.Session() as s:
    tf1.train.import_meta_graph(args[1] + "/model.meta").restore(s, args[1] + "/model")
    y = s.run("y:0", {**feeds, "is_training:0": False})
result = {"y": y.astype(np.float64).ravel().tolist(), "feeds": feeds}
`, kind, dir, models).Decode(t, &want)
			plan, err := freeze.FromCheckpoint(t.Context(), filepath.Join(dir, "model"), &freeze.Options{Outputs: []string{"y"}})
			require.NoError(t, err)
			defer plan.Close()
			def, err := plan.GraphDef(t.Context())
			require.NoError(t, err)
			got, r, err := inference.Optimize(def, &inference.Options{Outputs: []string{"y"}, Constants: map[string]bool{"is_training": false}})
			require.NoError(t, err)
			assert.Len(t, r.Folded, 1)
			y := oracle.Value[[]float64](t, `
d = tf1.GraphDef()
d.ParseFromString(open(args[0], "rb").read())
tf1.import_graph_def(d, name="")
with tf1.Session() as s:
    result = s.run("y:0", args[1]).astype(np.float64).ravel().tolist()
`, save(t, got), want.Feeds)
			assert.InDeltaSlice(t, want.Y, y, 1e-5)
		})
	}
}
