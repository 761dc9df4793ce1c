package tf_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/tf"
)

func TestLoadLibraryOfOps(t *testing.T) {
	library := tftest.OpLibrary(t)
	def := parseGraph(t, `node { name: "x" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } }
		attr { key: "value" value { tensor { dtype: DT_FLOAT tensor_shape { dim { size: 2 } } float_val: 1 float_val: 2 } } } }
		node { name: "y" op: "TfkeepTriple" input: "x" }`)
	_, err := tf.ImportGraphDef(t.Context(), tf.NewGraph(), def, nil)
	require.ErrorIs(t, err, tfkeep.ErrUnsupported)
	assert.ErrorContains(t, err, "TfkeepTriple")
	assert.ErrorContains(t, err, "tf.LoadLibrary")

	for range 2 { // a second load does nothing
		names, err := tf.LoadLibrary(library)
		require.NoError(t, err)
		assert.Equal(t, []string{"TfkeepTriple"}, names)
	}
	g := tf.NewGraph()
	_, err = tf.ImportGraphDef(t.Context(), g, def, &tf.ImportGraphDefOptions{NoPrefix: true, AllowOps: []string{"TfkeepTriple"}})
	require.NoError(t, err)
	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	defer sess.Close()
	y, err := g.OutputByName("y:0")
	require.NoError(t, err)
	res, err := sess.Run(t.Context(), nil, []tf.Output{y}, nil, nil)
	require.NoError(t, err)
	defer tf.Release(res...)
	assert.Equal(t, []float32{3, 6}, res[0].Value())
}

func TestLoadLibraryNamesTheFile(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.so")
	require.NoError(t, os.WriteFile(text, []byte("not a library"), 0o644))
	empty := filepath.Join(dir, "empty.so")
	require.NoError(t, os.WriteFile(empty, nil, 0o644))
	for _, c := range []struct {
		path string
		kind error
		says string
	}{
		{filepath.Join(dir, "gone.so"), tfkeep.ErrNotFound, "gone.so"},
		{text, tfkeep.ErrMismatch, "not a shared library"},
		{empty, tfkeep.ErrMismatch, "not a shared library"},
		{dir, tfkeep.ErrMismatch, "a directory"},
		{tftest.Library(t, "plain.so", "int tfkeep_plain(void) { return 1; }"), tfkeep.ErrMismatch, "neither ops nor kernels"},
		{tftest.Library(t, "other.so", "extern void nobody_has_this(void); __attribute__((constructor)) void f(void) { nobody_has_this(); }"),
			tfkeep.ErrUnsupported, "built for another TensorFlow"},
	} {
		_, err := tf.LoadLibrary(c.path)
		require.ErrorIs(t, err, c.kind, c.path)
		assert.ErrorContains(t, err, c.path)
		assert.ErrorContains(t, err, c.says)
	}
}
