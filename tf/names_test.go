package tf_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

func TestUniqueNameFollowsPython(t *testing.T) {
	parts := []string{"a", "A", "a_1", "A_1", "b", "a/b", "A/b", "a_1_1", "b_2", "a/b_1", "Ä", "ä"}
	random := rand.New(rand.NewPCG(1, 2))
	asked := make([]string, 200)
	for i := range asked {
		asked[i] = parts[random.IntN(len(parts))]
	}
	want := oracle.Value[[]string](t, `result = [tf1.get_default_graph().unique_name(n) for n in args[0]]`, asked)

	g := tf.NewGraph()
	got := make([]string, len(asked))
	for i, name := range asked {
		got[i] = g.UniqueName(name)
	}
	assert.Equal(t, want, got)
}

func TestUniqueNameSeesBindingOperations(t *testing.T) {
	g := tf.NewGraph()
	_, err := g.Binding().AddOperation(tf.OpSpec{Type: "NoOp", Name: "Save"})
	require.NoError(t, err)
	assert.Equal(t, "save_1", g.UniqueName("save"))
	_, err = g.Binding().AddOperation(tf.OpSpec{Type: "NoOp", Name: "save_2"})
	require.NoError(t, err)
	assert.Equal(t, "save_3", g.UniqueName("save"))
}

func TestAddOpMakesNamesUnique(t *testing.T) {
	g := tf.NewGraph()
	for _, want := range []string{"NoOp", "NoOp_1", "NoOp_2"} {
		op, err := g.AddOp(tf.OpSpec{Type: "NoOp"})
		require.NoError(t, err)
		assert.Equal(t, want, op.Name())
	}
}

func TestScopeNumbersRepeatedNames(t *testing.T) {
	g := tf.NewGraph()
	first := g.Scope().Sub("layer").AddOperation(tf.OpSpec{Type: "NoOp"})
	second := g.Scope().Sub("layer").AddOperation(tf.OpSpec{Type: "NoOp"})
	require.NoError(t, g.Scope().Err())
	assert.Equal(t, "layer/NoOp", first.Name())
	assert.Equal(t, "layer_1/NoOp", second.Name())
}

// Python and the C API accept some of these names, and then every run of the graph fails.
func TestBadNamesAreRefused(t *testing.T) {
	for _, name := range []string{`a\b`, "a>", ">a", "a>>b", "a>_b", "a b", "_a", "a/", ""} {
		g := tf.NewGraph()
		_, err := tf.NewVariable(g, name, tf.Zeros(), nil)
		require.ErrorIs(t, err, status.InvalidArgument, "%q", name)
	}
	for _, name := range []string{"a>b", "a>.b/c_-d", ".a", "7"} {
		g := tf.NewGraph()
		v, err := tf.NewVariable(g, name, tf.Zeros(), nil)
		require.NoError(t, err, "%q", name)
		sess, err := tf.NewSession(g, nil)
		require.NoError(t, err)
		require.NoError(t, sess.RunOps(context.Background(), v.Initializer()), "%q", name)
		require.NoError(t, sess.Close())
	}
}
