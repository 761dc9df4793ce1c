package autodiff_test

import (
	"os"
	"strings"
	"testing"
	"time"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/tf/train/internal/autodiff"
)

// group is a graph with several functions to differentiate.
type group struct {
	model
	Cases []struct {
		model
		Op, Label string
	}
}

// refusedCases are the operations whose gradient needs to know a shape here and not in Python.
var refusedCases = map[string]bool{"MatrixSolveLs": true, "RaggedTensorToTensor": true}

// Operation by operation, the gradients are those of Python's registry: with known and with
// unknown shapes, and a second time.
func TestRegistryMatchesPython(t *testing.T) {
	var all struct {
		Groups   []group
		Failures []string
	}
	only := strings.Fields(os.Getenv("TFKEEP_GRADIENTS")) // operations, to look at some only
	result, err := oracle.TryFor(t, 20*time.Minute, autodiff.RegistryScript(t)+"\nresult = write(tf, np, args)\n", anySlice(only)...)
	require.NoError(t, err)
	result.Decode(t, &all)
	assert.Empty(t, all.Failures, "cases that Python does not run")
	for _, g := range all.Groups {
		g.run(t)
	}
}

func anySlice(s []string) []any {
	out := make([]any, len(s))
	for i, x := range s {
		out[i] = x
	}
	return out
}

// run differentiates all cases of a group and runs the gradients at once.
func (g *group) run(t *testing.T) {
	graph := g.load(t)
	fetches := make([][]tensorflow.Output, len(g.Cases))
	var all []tensorflow.Output
	for i := range g.Cases {
		c := &g.Cases[i]
		t.Run(c.Label, func(t *testing.T) {
			grads, err := autodiff.Build(graph, outputs(t, graph, c.Ys), outputs(t, graph, c.Xs), &autodiff.Options{GradYs: outputs(t, graph, c.DYs)})
			if refusedCases[c.Op] && strings.HasSuffix(c.Label, "dynamic") {
				require.ErrorIs(t, err, autodiff.ErrNoGradient)
				return
			}
			require.NoError(t, err)
			fetches[i] = c.fetches(t, grads)
			all = append(all, fetches[i]...)
		})
	}
	together, err := g.tryRun(t, graph, all)
	for i := range g.Cases {
		c := &g.Cases[i]
		if len(fetches[i]) == 0 {
			continue
		}
		var results []*tensorflow.Tensor
		if err == nil {
			results, together = together[:len(fetches[i])], together[len(fetches[i]):]
		}
		t.Run(c.Label+" values", func(t *testing.T) {
			if err != nil {
				var err error
				results, err = g.tryRun(t, graph, fetches[i])
				require.NoError(t, err)
			}
			c.compare(t, results)
		})
	}
}
