package autodiff_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/autodiff"
)

// chain is a tower of layers, with an IdentityN (a hole) after every so many.
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
			y = add("IdentityN", fmt.Sprint("hole", i), nil, tensorflow.OutputList{y})
		}
	}
	return g, x, y
}

// A graph of thousands of nodes is differentiated in a time that nobody waits
// for; a walk that is quadratic in the graph would take minutes.
func TestDeepGraphsAreDifferentiatedQuickly(t *testing.T) {
	for _, every := range []int{0, 50} {
		g, x, y := chain(t, 1000, every)
		start := time.Now()
		grads, err := autodiff.Build(g, []tensorflow.Output{y}, []tensorflow.Output{x}, nil)
		require.NoError(t, err)
		require.False(t, grads[0].IsNone(), "a gradient")
		require.Less(t, time.Since(start), 20*time.Second)
		t.Logf("2,000 nodes, a hole every %d layers: %v", every, time.Since(start))
	}
}

// The library is called once for what lies between two holes, and not node by
// node: that is what keeps graphs small and the work linear.
func TestTheLibraryIsCalledOncePerRegion(t *testing.T) {
	for _, tt := range []struct{ layers, every, calls int }{{20, 0, 1}, {20, 10, 3}} {
		g, x, y := chain(t, tt.layers, tt.every)
		_, err := autodiff.Build(g, []tensorflow.Output{y}, []tensorflow.Output{x}, nil)
		require.NoError(t, err)
		calls := make(map[string]bool)
		for _, op := range g.Operations() {
			if parts := strings.Split(op.Name(), "/"); len(parts) == 3 && strings.HasPrefix(parts[1], "part") {
				calls[parts[1]] = true
			}
		}
		require.Len(t, calls, tt.calls)
	}
}
