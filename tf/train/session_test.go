package train_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
	"github.com/tfkeep/tfkeep/tf/train"
)

// TensorFlow lets all runs of a session fail after an operation that it has was changed. So
// gradients that would do that are refused at once, and the session goes on.
func TestGradientsRefuseChangeOfARunGraph(t *testing.T) {
	product := func(s *tf.Scope, v []tf.Output) []tf.Output {
		return []tf.Output{op.Mul(s, op.Sin(s, v[0]), op.Cos(s, v[0]))}
	}
	for _, tt := range []struct {
		name, opType string
		build        func(s *tf.Scope, x tf.Output) tf.Output
	}{
		{"function", "PartitionedCall", func(s *tf.Scope, x tf.Output) tf.Output {
			return tf.NewFunction(s, "f", []tf.Arg{{DType: dtype.Float32, Shape: tf.MakeShape(2)}}, product).Call(s, x)[0]
		}},
		{"conditional", "If", func(s *tf.Scope, x tf.Output) tf.Output {
			branch := func(s *tf.Scope) []tf.Output { return product(s, []tf.Output{x}) }
			return tf.Cond(s, op.Const(s, true), branch, func(*tf.Scope) []tf.Output { return []tf.Output{x} }, nil)[0]
		}},
		{"loop", "While", func(s *tf.Scope, x tf.Output) tf.Output {
			return tf.While(s, []tf.Output{op.Const(s, int32(0)), x},
				func(s *tf.Scope, v []tf.Output) tf.Output { return op.Less(s, v[0], op.Const(s, int32(3))) },
				func(s *tf.Scope, v []tf.Output) []tf.Output {
					return []tf.Output{op.AddV2(s, v[0], op.Const(s, int32(1))), product(s, v[1:])[0]}
				}, nil)[1]
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := tf.NewGraph()
			s := g.Scope()
			x := op.Placeholder(s, dtype.Float32, op.PlaceholderShape(tf.MakeShape(2)))
			y := tt.build(s, x)
			require.NoError(t, g.Err())
			feed, err := tf.NewTensor([]float32{0.5, 2})
			require.NoError(t, err)
			feeds := map[tf.Output]*tf.Tensor{x: feed}
			session, err := tf.NewSession(g, nil)
			require.NoError(t, err)
			defer session.Close()
			_, err = session.Run(t.Context(), feeds, []tf.Output{y}, nil, nil)
			require.NoError(t, err)

			before := len(g.Operations())
			_, err = train.Gradients(g, []tf.Output{y}, []tf.Output{x}, nil)
			require.ErrorIs(t, err, tfkeep.ErrUnsupported)
			var at *tfkeep.Error
			require.ErrorAs(t, err, &at)
			assert.Contains(t, at.Detail, tt.opType)
			assert.ErrorContains(t, err, "close the session")
			assert.Len(t, g.Operations(), before, "the graph is unchanged")
			_, err = session.Run(t.Context(), feeds, []tf.Output{y}, nil, nil)
			require.NoError(t, err, "the session goes on")

			// A new operation is not in the session yet.
			again := tt.build(s, x)
			grads, err := train.Gradients(g, []tf.Output{again}, []tf.Output{x}, nil)
			require.NoError(t, err)
			_, err = session.Run(t.Context(), feeds, []tf.Output{grads[0].Dense}, nil, nil)
			require.NoError(t, err)

			require.NoError(t, session.Close())
			grads, err = train.Gradients(g, []tf.Output{y}, []tf.Output{x}, nil)
			require.NoError(t, err)
			second, err := tf.NewSession(g, nil)
			require.NoError(t, err)
			defer second.Close()
			_, err = second.Run(t.Context(), feeds, []tf.Output{grads[0].Dense}, nil, nil)
			require.NoError(t, err)
		})
	}
}
