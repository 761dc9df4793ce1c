package train_test

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/train"
)

// someGradients returns two dense gradients, one of slices and an empty one.
func someGradients(t *testing.T, g *tf.Graph, scale float64) []train.GradientVariable {
	t.Helper()
	values := func(rows, columns int) [][]float32 {
		v := startValues(rows, columns)
		for i := range v {
			for j := range v[i] {
				v[i][j] *= float32(scale)
			}
		}
		return v
	}
	variable := func(name string, dims ...int64) *tf.Variable {
		v, err := tf.NewVariable(g, name, tf.Zeros(dims...), nil)
		require.NoError(t, err)
		return v
	}
	return []train.GradientVariable{
		{Gradient: train.Gradient{Dense: tfgraph.Const(t, g, "c", values(3, 4))}, Variable: variable("var_a", 3, 4)},
		{Variable: variable("none", 1)},
		{Gradient: train.Gradient{Slices: &train.IndexedSlices{Values: tfgraph.Const(t, g, "c", values(2, 5)), Indices: tfgraph.Const(t, g, "c", []int32{1, 1})}}, Variable: variable("var_b", 6, 5)},
		{Gradient: train.Gradient{Dense: tfgraph.Const(t, g, "c", values(1, 2)[0])}, Variable: variable("var_c", 2)},
	}
}

const clipScript = `
scale, call = args
def values(r, c):
    return (np.sin((np.arange(r * c) + 1) * 1.7) * 0.5).reshape(r, c).astype(np.float32) * np.float32(scale)
grads = [tf.constant(values(3, 4)), None, tf.IndexedSlices(values(2, 5), [1, 1]), tf.constant(values(1, 2)[0])]
def each(f):
    return [None if g is None else f(g) for g in grads]
out = eval(call)
norm = None
if isinstance(out, tuple):
    out, norm = out
out = [g.values if isinstance(g, tf.IndexedSlices) else g for g in out if g is not None]
with tf1.Session() as s:
    got = [s.run(g).tobytes() for g in out]
    result = {"grads": got, "norm": None if norm is None else s.run(norm).tobytes()}
`

func TestClippingMatchesPython(t *testing.T) {
	type clipper func(g *tf.Graph, grads []train.GradientVariable) ([]train.GradientVariable, tf.Output, error)
	simple := func(f func(*tf.Graph, []train.GradientVariable) ([]train.GradientVariable, error)) clipper {
		return func(g *tf.Graph, grads []train.GradientVariable) ([]train.GradientVariable, tf.Output, error) {
			clipped, err := f(g, grads)
			return clipped, tf.Output{}, err
		}
	}
	for _, tt := range []struct {
		name   string
		scale  float64
		clip   clipper
		python string
	}{
		{"by value", 1, simple(func(g *tf.Graph, gs []train.GradientVariable) ([]train.GradientVariable, error) {
			return train.ClipByValue(g, gs, -0.2, 0.3)
		}), "each(lambda g: tf.clip_by_value(g, -0.2, 0.3))"},
		{"by norm", 1, simple(func(g *tf.Graph, gs []train.GradientVariable) ([]train.GradientVariable, error) {
			return train.ClipByNorm(g, gs, 0.7)
		}), "each(lambda g: tf.clip_by_norm(g, 0.7))"},
		{"by norm, of zeros", 0, simple(func(g *tf.Graph, gs []train.GradientVariable) ([]train.GradientVariable, error) {
			return train.ClipByNorm(g, gs, 0.7)
		}), "each(lambda g: tf.clip_by_norm(g, 0.7))"},
		{"by global norm", 1, func(g *tf.Graph, gs []train.GradientVariable) ([]train.GradientVariable, tf.Output, error) {
			return train.ClipByGlobalNorm(g, gs, 0.7)
		}, "tf.clip_by_global_norm(grads, 0.7)"},
		{"by global norm, short enough", 0.01, func(g *tf.Graph, gs []train.GradientVariable) ([]train.GradientVariable, tf.Output, error) {
			return train.ClipByGlobalNorm(g, gs, 0.7)
		}, "tf.clip_by_global_norm(grads, 0.7)"},
		{"by global norm, infinite", 3e38, func(g *tf.Graph, gs []train.GradientVariable) ([]train.GradientVariable, tf.Output, error) {
			return train.ClipByGlobalNorm(g, gs, 0.7)
		}, "tf.clip_by_global_norm(grads, 0.7)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := oracle.Value[struct {
				Grads [][]byte
				Norm  []byte
			}](t, clipScript, tt.scale, tt.python)

			g := tf.NewGraph()
			grads := someGradients(t, g, tt.scale)
			clipped, norm, err := tt.clip(g, grads)
			require.NoError(t, err)
			require.Len(t, clipped, len(grads))
			var fetches []tf.Output
			for i, c := range clipped {
				assert.Same(t, grads[i].Variable, c.Variable)
				assert.Equal(t, grads[i].Gradient.IsNone(), c.Gradient.IsNone())
				switch s := c.Gradient.Slices; {
				case s != nil:
					assert.Equal(t, grads[i].Gradient.Slices.Indices, s.Indices)
					fetches = append(fetches, s.Values)
				case !c.Gradient.IsNone():
					fetches = append(fetches, c.Gradient.Dense)
				}
			}
			got := tfgraph.Bytes(t, tfgraph.Session(t, g, nil), fetches...)
			require.Len(t, got, len(want.Grads))
			for i := range got {
				assert.Equal(t, plainNaN(want.Grads[i]), plainNaN(got[i]))
			}
			if want.Norm != nil {
				assert.Equal(t, want.Norm, tfgraph.Bytes(t, tfgraph.Session(t, g, nil), norm)[0])
			}
		})
	}
}

// plainNaN clears the sign of float32 NaNs: for the product of NaNs it is not defined.
func plainNaN(raw []byte) []byte {
	for i := 0; i+4 <= len(raw); i += 4 {
		if v := binary.LittleEndian.Uint32(raw[i:]); v&^(1<<31) > 0x7f800000 {
			binary.LittleEndian.PutUint32(raw[i:], v&^(1<<31))
		}
	}
	return raw
}

func TestClippingRefusesBadArguments(t *testing.T) {
	g := tf.NewGraph()
	grads := someGradients(t, g, 1)
	for _, tt := range []struct {
		name string
		clip func() error
	}{
		{"a norm of zero", func() error { _, err := train.ClipByNorm(g, grads, 0); return err }},
		{"a norm of NaN", func() error { _, err := train.ClipByNorm(g, grads, math.NaN()); return err }},
		{"a negative norm", func() error { _, _, err := train.ClipByGlobalNorm(g, grads, -1); return err }},
		{"an empty range", func() error { _, err := train.ClipByValue(g, grads, 1, -1); return err }},
		{"no gradient at all", func() error { _, err := train.GlobalNorm(g, grads[1:2]); return err }},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.ErrorIs(t, tt.clip(), tfkeep.ErrArgument) })
	}
}

func TestClippingRefusesIntegers(t *testing.T) {
	g := tf.NewGraph()
	_, err := train.ClipByNorm(g, []train.GradientVariable{{Gradient: train.Gradient{Dense: tfgraph.Const(t, g, "c", []int32{1})}}}, 1)
	assert.ErrorIs(t, err, status.InvalidArgument)
}
