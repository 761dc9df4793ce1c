package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/npy"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// tfkeepRun runs the command and returns its exit code and output.
func tfkeepRun(t *testing.T, stdin string, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(stdin), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// echoModel makes a model with Python that returns its inputs, of many types.
func echoModel(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "echo")
	oracle.Run(t, `
sm = tf1.saved_model
with tf1.Session() as s:
    types = {"f": tf.float32, "d": tf.float64, "h": tf.float16, "b": tf.bool, "i": tf.int8, "l": tf.int64, "u": tf.uint8, "s": tf.string}
    ins = {n: tf1.placeholder(t, name=n) for n, t in types.items()}
    outs = {n: tf.identity(p, name=n + "_out") for n, p in ins.items()}
    bd = sm.Builder(args[0])
    bd.add_meta_graph_and_variables(s, ["serve"], {"serving_default": sm.predict_signature_def(ins, outs)})
    bd.save()
`, dir)
	return dir
}

func TestRun(t *testing.T) {
	half, echo := tftest.Model(t, "half_plus_two"), echoModel(t)
	t.Run("same output as saved_model_cli", func(t *testing.T) {
		want := oracle.Value[string](t, `
import io, contextlib
from tensorflow.python.tools import saved_model_cli as cli
out = io.StringIO()
with contextlib.redirect_stdout(out):
    cli.run_saved_model_with_feed_dict(args[0], "serve", "serving_default", {"x": np.array([[1.0], [2.0]], np.float32)}, None, True)
result = "".join(l for l in out.getvalue().splitlines(True) if not l.startswith(("INFO", "WARNING")))
`, half)
		code, out, errs := tfkeepRun(t, "", half, "--input", "x=[[1],[2]]")
		require.Zero(t, code, errs)
		assert.Equal(t, want, out)
		assert.Equal(t, "Result for output key y:\n[[2.5]\n [3. ]]\n", out)
	})
	t.Run("files in and out", func(t *testing.T) {
		dir := t.TempDir()
		x := filepath.Join(dir, "x.npy")
		oracle.Run(t, `np.save(args[0], np.array([[1.0], [2.0]], np.float32)); np.savez(args[1], other=np.zeros(3), x=np.ones([1, 1], np.float32))`, x, filepath.Join(dir, "x.npz"))
		results := filepath.Join(dir, "results")
		code, _, errs := tfkeepRun(t, "", half, "--input", "x=@"+x, "--out", results)
		require.Zero(t, code, errs)
		assert.Equal(t, []float64{2.5, 3}, oracle.Value[[]float64](t, `result = np.load(args[0]).ravel().tolist()`, filepath.Join(results, "y.npy")))

		code, out, errs := tfkeepRun(t, "", half, "--input", "x=[[5]]", "--outdir", results)
		assert.Equal(t, cli.ExitFailed, code)
		assert.Empty(t, out, "the signature does not run")
		assert.Contains(t, errs, "y.npy exists; --overwrite replaces it")
		code, _, errs = tfkeepRun(t, "", half, "--input", "x=@"+filepath.Join(dir, "x.npz")+"[x]", "--out", results, "--overwrite")
		require.Zero(t, code, errs)
		f, err := os.Open(filepath.Join(results, "y.npy"))
		require.NoError(t, err)
		defer f.Close()
		y, err := npy.Read(f)
		require.NoError(t, err)
		assert.Equal(t, []int64{1, 1}, y.Shape)
		assert.Equal(t, dtype.Float32, y.DType)
		entries, err := os.ReadDir(results)
		require.NoError(t, err)
		assert.Len(t, entries, 1)
	})
	t.Run("JSON of every type", func(t *testing.T) {
		values := `{"b":[true,false],"d":[0.1,"NaN","-Infinity"],"f":[[1,2.5],[1e10,"Infinity"]],"h":0.5,"i":[-128,127],"l":[-9223372036854775808],"s":["text","ünï",{"b64":"/wE="}],"u":[[255],[0]]}`
		code, out, errs := tfkeepRun(t, values, echo, "--inputs", "-", "--json")
		require.Zero(t, code, errs)
		assert.JSONEq(t, values, out)
		file := filepath.Join(t.TempDir(), "all.json")
		require.NoError(t, os.WriteFile(file, []byte(values), 0o644))
		code, again, errs := tfkeepRun(t, "", echo, "--inputs", file, "--json")
		require.Zero(t, code, errs)
		assert.Equal(t, out, again)
		code, text, errs := tfkeepRun(t, values, echo, "--inputs", "-", "--out", t.TempDir())
		require.Zero(t, code, errs)
		assert.Contains(t, text, "Result for output key u:\n[[255]\n [  0]]\n")
	})
	t.Run("tf.Examples", func(t *testing.T) {
		code, out, errs := tfkeepRun(t, "", half, "--signature", "regress", "--examples", `inputs=[{"x":[8.0]},{"x":[4.0]}]`, "--json")
		require.Zero(t, code, errs)
		assert.JSONEq(t, `{"outputs":[[6],[4]]}`, out)
		code, out, errs = tfkeepRun(t, "", half, "--signature", "parse", "--examples", `inputs=[{"x":[8.5, 1],"name":["cook"],"n":[-7]},{"x":[1, 0.5]}]`, "--json")
		assert.Equal(t, cli.ExitFailed, code, "two values where the model wants one: %s%s", out, errs)
		code, out, errs = tfkeepRun(t, "", half, "--signature", "parse", "--examples", `inputs=[{"x":[8.5],"name":["cook"],"n":[-7]},{"x":[1e0]}]`, "--json")
		require.Zero(t, code, errs)
		assert.JSONEq(t, `{"name":[["cook"],[""]],"n":[[-7],[0]]}`, out)
	})
}

func TestFailedRuns(t *testing.T) {
	half, echo := tftest.Model(t, "half_plus_two"), echoModel(t)
	for _, test := range []struct {
		want string
		args []string
	}{
		{`no signature "INVALID_SIGNATURE"; the model has parse, regress, serving_default`, []string{half, "--signature", "INVALID_SIGNATURE"}},
		{`the signature has no input "z"; it has x`, []string{half, "--input", "z=1"}},
		{`input "x" is missing`, []string{half}},
		{"the SavedModel has", []string{half, "--tags", "train"}},
		{"different lengths", []string{half, "--input", "x=[[1],[1,2]]"}},
		{"one is not a valid float32", []string{half, "--input", `x=[["one"]]`}},
		{"invalid JSON", []string{half, "--input", "x=[[1]"}},
		{"text after", []string{half, "--input", "x=[[1]] 2"}},
		{"its shape is [1] instead of [? 1]", []string{half, "--input", "x=[1]"}},
		{"must end in", []string{half, "--input", "x=@x.txt"}},
		{"no such file", []string{half, "--input", "x=@nope.npy"}},
		{"must be a list", []string{half, "--signature", "regress", "--examples", `inputs={"x":[1.0]}`}},
		{"feature value must be a list", []string{half, "--signature", "regress", "--examples", `inputs=[{"x":1.0}]`}},
		{"of one kind", []string{half, "--signature", "regress", "--examples", `inputs=[{"x":[1.0,"a"]}]`}},
		{"128 is not a valid int8", []string{echo, "--input", "i=128"}},
		{"not found", []string{filepath.Join(half, "nope")}},
	} {
		t.Run(test.want, func(t *testing.T) {
			code, out, errs := tfkeepRun(t, "", test.args...)
			assert.Equal(t, cli.ExitFailed, code)
			assert.Empty(t, out)
			assert.Contains(t, errs, test.want)
		})
	}
}

func TestWrongCommandLine(t *testing.T) {
	half := tftest.Model(t, "half_plus_two")
	for _, test := range []struct {
		want string
		args []string
	}{
		{"0 arguments", []string{}},
		{"unknown flag", []string{half, "--nope"}},
		{"write it as NAME=", []string{half, "--input", "x"}},
		{"x\" is given twice", []string{half, "--input", "x=[[1]]", "--input", "x=[[1]]"}},
		{"NAME=[{FEATURE", []string{half, "--examples", "x"}},
	} {
		want, args := test.want, test.args
		code, out, errs := tfkeepRun(t, "", args...)
		assert.Equal(t, cli.ExitUsage, code, errs)
		assert.Empty(t, out)
		assert.Contains(t, errs, want)
	}
	code, out, _ := tfkeepRun(t, "", "--help")
	assert.Zero(t, code)
	assert.Contains(t, out, "saved_model_cli run")
}
