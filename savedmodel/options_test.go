package savedmodel_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
)

// exported saves newLinear, with a manifest.
func exported(t *testing.T) string {
	t.Helper()
	m := newLinear(t)
	dir := filepath.Join(t.TempDir(), "m")
	b, err := savedmodel.NewBuilder(dir, &savedmodel.BuilderOptions{Manifest: true})
	require.NoError(t, err)
	defer b.Close()
	require.NoError(t, b.AddMetaGraphAndVariables(ctx, m.sess, []string{"serve"}, &savedmodel.GraphOptions{Signatures: m.signatures(t)}))
	_, err = b.Save(ctx)
	require.NoError(t, err)
	return dir
}

// The options of the Saver of a model are obeyed or refused.
func TestLoadOptionsSaver(t *testing.T) {
	dir := exported(t)
	m, err := savedmodel.Open(ctx, dir, &savedmodel.OpenOptions{LoadOptions: savedmodel.LoadOptions{Saver: &saver.Options{MaxToKeep: 2}}})
	require.NoError(t, err)
	defer m.Close()
	assert.EqualValues(t, 2, m.Saver.SaverDef().MaxToKeep)
	for step := range int64(4) {
		_, err = m.Saver.Save(ctx, m.Session, filepath.Join(dir, "..", "train", "m"), &saver.SaveOptions{GlobalStep: saver.Step(step)})
		require.NoError(t, err)
	}
	assert.Len(t, m.Saver.LastCheckpoints(), 2)
	_, err = savedmodel.Open(ctx, dir, &savedmodel.OpenOptions{LoadOptions: savedmodel.LoadOptions{Saver: &saver.Options{Reshape: true}}})
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, "Reshape")
}

func TestLoadOptionsOfFiles(t *testing.T) {
	dir := exported(t)
	_, err := savedmodel.Open(ctx, dir, &savedmodel.OpenOptions{LoadOptions: savedmodel.LoadOptions{Limits: &check.Limits{Depth: 1}}})
	require.ErrorIs(t, err, tfkeep.ErrTooLarge)
	require.NoError(t, savedmodel.ScanPredict(dir, nil))
	memory, _ := inMemory(t, dir)
	require.NoError(t, savedmodel.ScanPredict(".", &savedmodel.ScanOptions{FS: memory}))
	require.Error(t, savedmodel.ScanPredict("other", &savedmodel.ScanOptions{FS: memory}))

	m, err := savedmodel.Open(ctx, dir, &savedmodel.OpenOptions{Session: &tf.SessionOptions{IntraOpThreads: 1}})
	require.NoError(t, err)
	assert.EqualValues(t, 1, m.Session.Options().IntraOpThreads)
	base := filepath.Join(t.TempDir(), "versions")
	for range 3 {
		_, err = m.Save(ctx, base, &savedmodel.SaveOptions{Version: true, KeepVersions: 1})
		require.NoError(t, err)
	}
	entries, err := os.ReadDir(base)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	assert.Equal(t, "3", entries[0].Name())
	require.NoError(t, m.Close())

	rewrite(t, dir, func(mg *graphdef.MetaGraphDef) { mg.MetaInfoDef.TensorflowGitVersion = "changed" })
	_, err = savedmodel.Open(ctx, dir, nil)
	require.Error(t, err, "it is not what the manifest says")
	m, err = savedmodel.Open(ctx, dir, &savedmodel.OpenOptions{LoadOptions: savedmodel.LoadOptions{SkipManifest: true}})
	require.NoError(t, err)
	require.NoError(t, m.Close())
}

func TestLoadClearsDevices(t *testing.T) {
	dir := exported(t)
	require.NoError(t, os.Remove(filepath.Join(dir, "tfkeep_manifest.json")))
	rewrite(t, dir, func(mg *graphdef.MetaGraphDef) {
		for _, n := range mg.GraphDef.Node {
			n.Device = "/job:ps/task:3"
		}
	})
	_, err := savedmodel.Open(ctx, dir, nil)
	require.Error(t, err)
	model, err := savedmodel.Open(ctx, dir, &savedmodel.OpenOptions{LoadOptions: savedmodel.LoadOptions{ClearDevices: true}})
	require.NoError(t, err)
	require.NoError(t, model.Close())
}

// The InitOp of SimpleSave runs when the model is loaded.
func TestSimpleSaveInitOp(t *testing.T) {
	m := newLinear(t)
	s := m.g.Scope()
	set, err := m.w.Assign(op.Const(s.Sub("hundred"), float32(100)))
	require.NoError(t, err)
	require.NoError(t, s.Err())
	dir := filepath.Join(t.TempDir(), "m")
	require.NoError(t, savedmodel.SimpleSave(ctx, m.sess, dir, map[string]tf.Output{"x": m.x}, map[string]tf.Output{"y": m.y}, &savedmodel.SimpleSaveOptions{InitOp: set}))
	model, err := savedmodel.Open(ctx, dir, nil)
	require.NoError(t, err)
	defer model.Close()
	x := floats(t, 1)
	defer tf.Release(x)
	got, err := model.Predict(ctx, "serving_default", map[string]*tf.Tensor{"x": x})
	require.NoError(t, err)
	defer tf.Release(got["y"])
	assert.Equal(t, []float32{100.5}, got["y"].Value())

	// A prepared signature runs in the calling thread if it is told so.
	sig, err := model.Signature(ctx, "serving_default", &savedmodel.SignatureOptions{Callable: &tf.CallableOptions{RunInCaller: true}})
	require.NoError(t, err)
	out, err := sig.Run(ctx, x)
	require.NoError(t, err)
	defer tf.Release(out...)
	assert.Equal(t, []float32{100.5}, out[0].Value())
	require.NoError(t, sig.Close())
}
