package interop

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/examples/digits/dataset"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

// The test runs the three programs of the example as the demo does, and then reads their
// results with Python.
func TestPythonServesDemoResults(t *testing.T) {
	oracle.Python(t)
	bin, out := t.TempDir(), t.TempDir()
	const programs = "github.com/tfkeep/tfkeep/examples/digits/"
	output, err := exec.Command("go", "build", "-o", bin, programs+"train", programs+"resume", programs+"predict").CombinedOutput()
	require.NoError(t, err, "%s", output)
	run := func(program string, args ...string) ([]byte, error) {
		return exec.Command(filepath.Join(bin, program), append([]string{"-out", out}, args...)...).CombinedOutput()
	}

	output, err = run("train", "-kill-at", "1600")
	require.ErrorContains(t, err, "signal: killed", "%s", output)
	output, err = run("resume")
	require.NoError(t, err, "%s", output)
	assert.Contains(t, string(output), "continuing at step 1500")
	checkpoints, err := filepath.Glob(filepath.Join(out, "ckpt", "*.index"))
	require.NoError(t, err)
	assert.Len(t, checkpoints, 5, "the checkpoints of the first program count too")
	output, err = run("predict")
	require.NoError(t, err, "%s", output)

	_, test, err := dataset.Load()
	require.NoError(t, err)
	type served struct {
		Accuracy   map[string]float64
		Difference float64
		Methods    []string
	}
	got := oracle.Value[served](t, `
		out, images, labels = args
		images, labels = np.array(images, np.float32), np.array(labels)

		def predict(load):
		    with tf.Graph().as_default(), tf1.Session() as session:
		        load(session)
		        return session.run("y:0", {"x:0": images})

		def frozen(session):
		    definition = tf1.GraphDef()
		    definition.ParseFromString(open(out + "/frozen.pb", "rb").read())
		    tf1.import_graph_def(definition, name="")
		    assert not any("Var" in node.op for node in definition.node)

		def checkpoint(session):
		    path = tf1.train.latest_checkpoint(out + "/ckpt")
		    tf1.train.import_meta_graph(path + ".meta").restore(session, path)

		def saved_model(session):
		    meta = tf1.saved_model.load(session, ["serve"], out + "/saved_model")
		    signature = meta.signature_def["serving_default"]
		    assert signature.inputs["x"].name == "x:0" and signature.outputs["y"].name == "y:0"
		    result["Methods"] = [signature.method_name]

		result = {}
		predictions = {load.__name__: predict(load) for load in (checkpoint, frozen, saved_model)}
		result["Accuracy"] = {name: np.mean(np.argmax(y, 1) == labels) for name, y in predictions.items()}
		result["Difference"] = max(np.abs(y - predictions["checkpoint"]).max() for y in predictions.values())
	`, out, test.Images, test.Labels)
	assert.Len(t, got.Accuracy, 3)
	for name, accuracy := range got.Accuracy {
		assert.GreaterOrEqual(t, accuracy, 0.95, name)
	}
	assert.LessOrEqual(t, got.Difference, 1e-5)
	assert.Equal(t, []string{"tensorflow/serving/predict"}, got.Methods)

	var second [][]float32
	oracle.RunEager(t, `
		model = tf.saved_model.load(args[0] + "/saved_model")
		result = model.signatures["serving_default"](x=tf.constant(args[1], tf.float32))["y"].numpy()
	`, out, test.Images[:2]).Decode(t, &second)
	require.Len(t, second, 2)
	assert.Len(t, second[0], dataset.Classes)
}
