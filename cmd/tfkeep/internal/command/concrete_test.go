package command

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

// TestConcreteFunctionsEqualSavedModelCLI compares the functions of a model of TensorFlow 2.
func TestConcreteFunctionsEqualSavedModelCLI(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "m")
	var want string
	oracle.RunEager(t, `
import io, contextlib
from tensorflow.python.tools import saved_model_cli
class M(tf.Module):
    def __init__(self):
        super().__init__()
        self.v = tf.Variable([1.0, 2.0])
        self.sub = tf.Module()
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.int64, name="k")])
    def f(self, x, k): return {"y": x * tf.cast(k, tf.float32)}
    @tf.function
    def g(self, x, flag=True, name="abc", opts=None, n=3, r=1.5, l=[1, 2]): return self.inner(x)
    @tf.function
    def inner(self, x): return x
    @tf.function
    def d(self, x, *, kw=tf.constant(1)): return x["a"]
    @tf.function
    def never(self, x): return x
    @tf.function
    def rag(self, x): return x.values
    @tf.function(input_signature=[tf.TensorSpec([2], tf.dtypes.experimental.float8_e5m2)])
    def new(self, x): return tf.cast(x, tf.float32)
m = M()
m.g(tf.constant(1.0)); m.g(tf.constant([1.0])); m.g(tf.constant([1]), False, name="q")
m.g(tf.constant(1.0), opts={"a": 1}, l=[tf.constant(1.0), "x"])
m.g(1, n=2.5, r=1e-7); m.g(tf.constant("s"), l=(1, (2, 3), [4]), opts=tf.float32)
m.d({"a": tf.constant(1)})
m.rag(tf.ragged.constant([[1], [2, 3]])); m.rag(tf.sparse.from_dense([[1, 0]]))
m.new(tf.cast(tf.zeros([2]), tf.dtypes.experimental.float8_e5m2))
m.c = m.f.get_concrete_function()
m.c2 = m.g.get_concrete_function(tf.TensorSpec(None, tf.float32))
tf.saved_model.save(m, args[0], signatures={"serving_default": m.f, "new": m.new})
out = io.StringIO()
with contextlib.redirect_stdout(out):
    saved_model_cli._show_all(args[0])
result = out.getvalue()
`, dir).Decode(t, &want)
	code, out, stderr := execute(t, "savedmodel", "show", dir, "--all")
	require.Zero(t, code, stderr)
	// A terminal shows backspaces as what they take back.
	assert.Equal(t, sortOps(strings.ReplaceAll(want, ", \b\b", "")), sortOps(out))
}
