package safety_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/safety"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// constantLoop is a loop of a function whose condition has the value true or false.
func constantLoop(op, value string) string {
	return `node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_INT32 } } }
	node { name: "main" op: "StatefulPartitionedCall" input: "x" attr { key: "f" value { func { name: "loops" } } } }
	library {
		function { signature { name: "test" input_arg { name: "h" type: DT_INT32 } output_arg { name: "c" type: DT_BOOL } }
			node_def { name: "t" op: "Const" attr { key: "dtype" value { type: DT_BOOL } } attr { key: "value" value { tensor { dtype: DT_BOOL tensor_shape { } bool_val: ` + value + ` } } } }
			node_def { name: "i" op: "Identity" input: "t:output:0" attr { key: "T" value { type: DT_BOOL } } }
			ret { key: "c" value: "i:output:0" } }
		function { signature { name: "same" input_arg { name: "h" type: DT_INT32 } output_arg { name: "o" type: DT_INT32 } }
			node_def { name: "i" op: "Identity" input: "h" attr { key: "T" value { type: DT_INT32 } } }
			ret { key: "o" value: "i:output:0" } }
		function { signature { name: "loops" input_arg { name: "h" type: DT_INT32 } output_arg { name: "o" type: DT_INT32 } }
			node_def { name: "w" op: "` + op + `" input: "h" attr { key: "T" value { list { type: DT_INT32 } } } attr { key: "cond" value { func { name: "test" } } } attr { key: "body" value { func { name: "same" } } } }
			ret { key: "o" value: "w:output:0" } } }`
}

// constantFrame is such a loop of TensorFlow 1.
func constantFrame(value string) string {
	return `node { name: "t" op: "Const" attr { key: "dtype" value { type: DT_BOOL } } attr { key: "value" value { tensor { dtype: DT_BOOL tensor_shape { } bool_val: ` + value + ` } } } }
	node { name: "e" op: "Enter" input: "t" attr { key: "T" value { type: DT_BOOL } } attr { key: "frame_name" value { s: "f" } } }
	node { name: "main" op: "LoopCond" input: "e" }`
}

func TestCallRefusesLoopsThatNeverEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, graph string
		endless     bool
	}{
		{"While", constantLoop("While", "true"), true},
		{"StatelessWhile", constantLoop("StatelessWhile", "true"), true},
		{"a While that never runs", constantLoop("While", "false"), false},
		{"LoopCond", constantFrame("true"), true},
		{"a LoopCond that is false", constantFrame("false"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := tftest.ParseGraph(t, c.graph)
			check := func(g *graphdef.GraphDef, allow ...string) error {
				r := &safety.Run{Stage: "signature s", Doing: "calling s", Targets: []string{"main"}, Fed: []string{"x:0"}, Call: true, Allow: allow}
				return r.Check(g)
			}
			err := check(g)
			if !c.endless {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, tfkeep.ErrUnsafe)
			require.ErrorContains(t, err, "never ends")
			assert.NoError(t, check(g, "While", "StatelessWhile", "LoopCond"))
		})
	}
}
