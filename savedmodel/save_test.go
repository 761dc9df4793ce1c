package savedmodel_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/verify"
)

// trainableModel makes a tf.Module with the signatures train and predict, equal names of
// variables, a table of an asset, and a momentum that only the object graph names.
func trainableModel(t *testing.T, dir string) {
	t.Helper()
	oracle.RunEager(t, `
		words = args[0] + "-words.txt"
		with open(words, "w") as f: f.write("a\nb\nc\n")

		class Model(tf.Module):
			def __init__(self):
				self.w = tf.Variable([[1.0], [2.0]])
				self.b = {"bias": tf.Variable([0.5]), "list": [tf.Variable(3.0, trainable=False)]}
				self.momentum = [tf.Variable(tf.zeros_like(v)) for v in (self.w, self.b["bias"])]
				self.table = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(
					words, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER), -1)

			@tf.function(input_signature=[tf.TensorSpec([None, 2]), tf.TensorSpec([None, 1])])
			def train(self, x, y):
				with tf.GradientTape() as tape:
					loss = tf.reduce_mean((tf.matmul(x, self.w) + self.b["bias"] - y) ** 2)
				variables = [self.w, self.b["bias"]]
				for v, m, g in zip(variables, self.momentum, tape.gradient(loss, variables)):
					m.assign(0.9 * m + g)
					v.assign_sub(0.05 * m)
				self.b["list"][0].assign_add(1.0)
				return {"loss": loss}

			@tf.function(input_signature=[tf.TensorSpec([None, 2])])
			def predict(self, x):
				return {"y": tf.matmul(x, self.w) + self.b["bias"]}

			@tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
			def lookup(self, words):
				return {"ids": self.table.lookup(words)}

		m = kept["trainable"] = Model()
		tf.saved_model.save(m, args[0], signatures={"train": m.train, "predict": m.predict, "lookup": m.lookup})
		os.remove(words)
	`, dir)
}

// trainSteps trains through the signature and returns the losses.
func trainSteps(t *testing.T, m *savedmodel.Model, n int) []float32 {
	t.Helper()
	x, err := tf.NewTensor([][]float32{{1, 2}, {3, 4}, {-1, 1}})
	require.NoError(t, err)
	y, err := tf.NewTensor([][]float32{{1}, {-2}, {0.5}})
	require.NoError(t, err)
	defer tf.Release(x, y)
	var losses []float32
	for range n {
		out, err := m.Predict(t.Context(), "train", map[string]*tf.Tensor{"x": x, "y": y})
		require.NoError(t, err)
		losses = append(losses, out["loss"].Value().(float32))
		for _, tensor := range out {
			tf.Release(tensor)
		}
	}
	return losses
}

// Python trains, Go trains on and saves, Python trains on, and Go again: the losses are those
// of Python alone.
func TestSaveHandsTheModelBack(t *testing.T) {
	base := t.TempDir()
	first := filepath.Join(base, "1")
	trainableModel(t, first)
	const train = `
		x, y = tf.constant([[1., 2.], [3., 4.], [-1., 1.]]), tf.constant([[1.], [-2.], [0.5]])
		losses = []
		m = tf.saved_model.load(args[0])
		for _ in range(args[1]): losses.append(float(m.train(x, y)["loss"]))
	`
	alone := oracle.RunEager(t, train+`
		result = losses
	`, first, 12)
	var want []float32
	alone.Decode(t, &want)

	m, err := savedmodel.Open(t.Context(), first, nil)
	require.NoError(t, err)
	got := trainSteps(t, m, 5)
	second, err := m.Save(t.Context(), base, &savedmodel.SaveOptions{Version: true, Manifest: true})
	require.NoError(t, err)
	require.NoError(t, m.Close())
	assert.Equal(t, filepath.Join(base, "2"), second)
	for report, err := range verify.Path(t.Context(), second, nil) {
		require.NoError(t, err)
		assert.Empty(t, report.Faults)
	}

	var back struct {
		Losses    []float32
		Variables int
		Count     float32
		IDs       []int64
		Prints    []string
	}
	third := filepath.Join(base, "python")
	r := oracle.RunEager(t, train+`
		from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting
		from tensorflow.core.protobuf import fingerprint_pb2
		fresh = fingerprint_pb2.FingerprintDef.FromString(fingerprinting.CreateFingerprintDef(args[0]))
		prints = [str(p) for p in (tf.saved_model.experimental.Fingerprint.from_proto(fresh), tf.saved_model.experimental.read_fingerprint(args[0]))]
		tf.saved_model.save(m, args[2], signatures={k: getattr(m, k) for k in ("train", "predict", "lookup")})
		result = {"Losses": losses, "Variables": len(m.b) + len(m.momentum) + 1, "Count": float(m.b["list"][0]),
			"IDs": m.lookup(tf.constant(["c", "a", "z"]))["ids"].numpy().tolist(), "Prints": prints}
	`, second, 4, third)
	r.Decode(t, &back)
	got = append(got, back.Losses...)
	assert.Equal(t, back.Prints[0], back.Prints[1])
	assert.Equal(t, 5, back.Variables)
	assert.InDelta(t, 12, back.Count, 0)
	assert.Equal(t, []int64{2, 0, -1}, back.IDs)

	m, err = savedmodel.Open(t.Context(), third, nil)
	require.NoError(t, err)
	got = append(got, trainSteps(t, m, 3)...)
	require.NoError(t, m.Close())
	assert.InDeltaSlice(t, want, got, 1e-6)
}

func TestSaveKeepsFilesAndRefuses(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "model")
	trainableModel(t, dir)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "assets.extra", "deep"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "assets.extra", "deep", "requests"), []byte("warmup"), 0o644))
	m, err := savedmodel.Open(t.Context(), dir, nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, m.Close()) }()

	out, err := m.Save(t.Context(), filepath.Join(base, "copy"), nil)
	require.NoError(t, err)
	content, err := os.ReadFile(filepath.Join(out, "assets.extra", "deep", "requests"))
	require.NoError(t, err)
	assert.Equal(t, "warmup", string(content))
	assert.Equal(t, tftest.ReadFiles(t, filepath.Join(dir, "assets")), tftest.ReadFiles(t, filepath.Join(out, "assets")))

	_, err = m.Save(t.Context(), out, nil)
	require.ErrorIs(t, err, tfkeep.ErrExists)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "saved_model.pb"), nil, 0o644))
	_, err = m.Save(t.Context(), filepath.Join(base, "other"), nil)
	require.ErrorIs(t, err, tfkeep.ErrMismatch)
	assert.NoDirExists(t, filepath.Join(base, "other"))
	assert.NoDirExists(t, filepath.Join(base, "other.tfkeep-tmp"))
}

func TestSaveOfAModelInAnFS(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "model")
	trainableModel(t, dir)
	files := fstest.MapFS{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		rel, _ := filepath.Rel(base, path)
		files[filepath.ToSlash(rel)] = &fstest.MapFile{Data: content, Mode: 0o644}
		return err
	}))
	m, err := savedmodel.Open(t.Context(), "model", &savedmodel.OpenOptions{LoadOptions: savedmodel.LoadOptions{FS: files}})
	require.NoError(t, err)
	before := trainSteps(t, m, 3)
	out, err := m.Save(t.Context(), filepath.Join(base, "copy"), nil)
	require.NoError(t, err)
	after := trainSteps(t, m, 1)
	require.NoError(t, m.Close())
	assert.Len(t, before, 3)

	m, err = savedmodel.Open(t.Context(), out, nil)
	require.NoError(t, err)
	assert.Equal(t, after, trainSteps(t, m, 1))
	require.NoError(t, m.Close())
}

// The model of docs/tf2.md: a Keras model and its optimizer in a module.
func TestSaveOfAKerasModel(t *testing.T) {
	base := t.TempDir()
	first := filepath.Join(base, "1")
	const define = `
		class Trainable(tf.Module):
			def __init__(self, model, optimizer):
				self.model, self.optimizer = model, optimizer

			@tf.function(input_signature=[tf.TensorSpec([None, 2]), tf.TensorSpec([None, 1])])
			def train(self, x, y):
				with tf.GradientTape() as tape:
					loss = tf.reduce_mean((self.model(x) - y) ** 2)
				variables = self.model.trainable_variables
				self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
				return {"loss": loss}
		x, y = tf.constant([[1., 2.], [3., 4.], [-1., 1.]]), tf.constant([[1.], [-2.], [0.5]])
	`
	r := oracle.RunEager(t, define+`
		tf.keras.utils.set_random_seed(1)
		model = tf.keras.Sequential([tf.keras.Input([2]), tf.keras.layers.Dense(8, activation="tanh"), tf.keras.layers.BatchNormalization(), tf.keras.layers.Dense(1)])
		optimizer = tf.keras.optimizers.Adam(0.05)
		optimizer.build(model.trainable_variables)
		m = Trainable(model, optimizer)
		tf.saved_model.save(m, args[0], signatures={"train": m.train})
		result = [float(m.train(x, y)["loss"]) for _ in range(10)]
	`, first)
	var want []float32
	r.Decode(t, &want)

	m, err := savedmodel.Open(t.Context(), first, nil)
	require.NoError(t, err)
	got := trainSteps(t, m, 6)
	second, err := m.Save(t.Context(), base, &savedmodel.SaveOptions{Version: true})
	require.NoError(t, err)
	require.NoError(t, m.Close())
	r = oracle.RunEager(t, define+`
		m = tf.saved_model.load(args[0])
		result = [float(m.train(x, y)["loss"]) for _ in range(4)]
	`, second)
	var back []float32
	r.Decode(t, &back)
	assert.InDeltaSlice(t, want, append(got, back...), 1e-5)
}
