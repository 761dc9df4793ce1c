package tf_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

// endlessWhile is a loop that never ends, in a function.
const endlessWhile = `
	node { name: "x" op: "Const" attr { key: "dtype" value { type: DT_INT32 } } attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { } int_val: 1 } } } }
	node { name: "call" op: "StatefulPartitionedCall" input: "x" attr { key: "f" value { func { name: "loops" } } } attr { key: "Tin" value { list { type: DT_INT32 } } } attr { key: "Tout" value { list { type: DT_INT32 } } } }
	library {
		function { signature { name: "always" input_arg { name: "h" type: DT_INT32 } output_arg { name: "c" type: DT_BOOL } }
			node_def { name: "t" op: "Const" attr { key: "dtype" value { type: DT_BOOL } } attr { key: "value" value { tensor { dtype: DT_BOOL tensor_shape { } bool_val: true } } } }
			ret { key: "c" value: "t:output:0" } }
		function { signature { name: "twice" input_arg { name: "h" type: DT_INT32 } output_arg { name: "o" type: DT_INT32 } }
			node_def { name: "i" op: "AddV2" input: "h" input: "h" attr { key: "T" value { type: DT_INT32 } } }
			ret { key: "o" value: "i:z:0" } }
		function { signature { name: "loops" is_stateful: true input_arg { name: "h" type: DT_INT32 } output_arg { name: "o" type: DT_INT32 } }
			node_def { name: "w" op: "While" input: "h" attr { key: "T" value { list { type: DT_INT32 } } } attr { key: "cond" value { func { name: "always" } } } attr { key: "body" value { func { name: "twice" } } } }
			ret { key: "o" value: "w:output:0" } }
	}`

// A While op that is not lowered looks at the deadline between its iterations.
func TestDeadlineEndsEndlessWhile(t *testing.T) {
	g := tf.NewGraph()
	_, err := tf.ImportGraphDef(t.Context(), g, tftest.ParseGraph(t, endlessWhile), nil)
	require.NoError(t, err)
	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	limited, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = sess.Run(limited, nil, []tf.Output{{Op: g.Operation("import/call")}}, nil, nil)
	require.ErrorIs(t, err, status.DeadlineExceeded)
	require.NoError(t, sess.Close())
}
