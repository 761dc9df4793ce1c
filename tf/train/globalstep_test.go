package train_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/train"
)

func TestGlobalStepIsMadeOnce(t *testing.T) {
	g := tf.NewGraph()
	_, err := train.FindGlobalStep(g)
	require.ErrorIs(t, err, tfkeep.ErrNotFound)

	step, err := train.GetOrCreateGlobalStep(g)
	require.NoError(t, err)
	again, err := train.GetOrCreateGlobalStep(g)
	require.NoError(t, err)
	assert.Same(t, step, again)
	assert.Equal(t, "global_step", step.Name())
	assert.Equal(t, dtype.Int64, step.DType())
	assert.False(t, step.Trainable())
	assert.Equal(t, []*tf.Variable{step}, g.GlobalVariables())
	assert.Empty(t, g.TrainableVariables())
	assert.Len(t, g.Collection(tf.GlobalStep), 1)
}

func TestGlobalStepIsFoundByName(t *testing.T) {
	g := tf.NewGraph()
	v, err := tf.NewVariable(g, "global_step", tf.Zeros().WithDType(dtype.Int32), &tf.VariableOptions{NotTrainable: true})
	require.NoError(t, err)
	step, err := train.GetOrCreateGlobalStep(g)
	require.NoError(t, err)
	assert.Same(t, v, step)
}

func TestGlobalStepRefusesOtherVariables(t *testing.T) {
	for _, tt := range []struct {
		name string
		init tf.Initializer
		text string
	}{
		{"a float", tf.Zeros(), "does not have an integer type: float32"},
		{"a vector", tf.Zeros(2).WithDType(dtype.Int64), "not a scalar"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := tf.NewGraph()
			_, err := tf.NewVariable(g, "global_step", tt.init, nil)
			require.NoError(t, err)
			_, err = train.GetOrCreateGlobalStep(g)
			assert.ErrorIs(t, err, tfkeep.ErrArgument)
			assert.ErrorContains(t, err, tt.text)
		})
	}
	t.Run("two of them", func(t *testing.T) {
		g := tf.NewGraph()
		for _, name := range []string{"a", "b"} {
			_, err := tf.NewVariable(g, name, tf.Zeros().WithDType(dtype.Int64), &tf.VariableOptions{Collections: []string{tf.GlobalStep}})
			require.NoError(t, err)
		}
		_, err := train.GetOrCreateGlobalStep(g)
		assert.ErrorIs(t, err, tfkeep.ErrArgument)
	})
}
