package autodiff_test

import (
	"fmt"
	"testing"
	"time"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/tf/train/internal/autodiff"
)

// chain builds a chain of layers, with an IdentityN, which has a rule, after some of them.
func chain(t testing.TB, layers, every int) (g *tensorflow.Graph, x, y tensorflow.Output) {
	t.Helper()
	g = tensorflow.NewGraph()
	add := func(typ, name string, attrs map[string]any, in ...tensorflow.Input) tensorflow.Output {
		op, err := g.AddOperation(tensorflow.OpSpec{Type: typ, Name: name, Input: in, Attrs: attrs})
		require.NoError(t, err)
		return op.Output(0)
	}
	x = add("Placeholder", "x", map[string]any{"dtype": tensorflow.Float, "shape": tensorflow.MakeShape(2, 2)})
	y = x
	for i := range layers {
		y = add("Tanh", fmt.Sprint("tanh", i), nil, y)
		y = add("Mul", fmt.Sprint("mul", i), nil, y, y)
		if every > 0 && i%every == 0 {
			y = add("IdentityN", fmt.Sprint("rule", i), nil, tensorflow.OutputList{y})
		}
	}
	return g, x, y
}

// TestDeepGraphs ends with a panic if a walk is quadratic in the size of the graph: it
// would take minutes.
func TestDeepGraphs(t *testing.T) {
	for _, every := range []int{0, 50} {
		g, x, y := chain(t, 1000, every)
		guard := time.AfterFunc(time.Minute, func() { panic("it takes too long to differentiate a deep graph") })
		grads, err := autodiff.Build(g, []tensorflow.Output{y}, []tensorflow.Output{x}, nil)
		require.NoError(t, err)
		guard.Stop()
		require.False(t, grads[0].IsNone(), "a gradient")
	}
}
