package tf_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	limits "github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/tf"
)

// slowImport returns a graph whose import computes products of matrices for some seconds.
func slowImport(t *testing.T) *graphdef.GraphDef {
	t.Helper()
	const types = `attr { key: "T" value { type: DT_FLOAT } }`
	text := `node { name: "size" op: "Const" attr { key: "dtype" value { type: DT_INT32 } } attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { dim { size: 2 } } int_val: 1500 } } } }
		node { name: "one" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "value" value { tensor { dtype: DT_FLOAT tensor_shape { } float_val: 0 } } } }
		node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
		node { name: "m0" op: "Fill" input: "size" input: "one" ` + types + ` }`
	const count = 60
	for i := range count {
		text += fmt.Sprintf(` node { name: "m%d" op: "MatMul" input: "m%d" input: "m%d" %s }`, i+1, i, i, types)
	}
	text += fmt.Sprintf(` node { name: "all" op: "Cast" input: "m%d" attr { key: "SrcT" value { type: DT_FLOAT } } attr { key: "DstT" value { type: DT_INT32 } } }
		node { name: "zero" op: "Const" attr { key: "dtype" value { type: DT_INT32 } } attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { dim { size: 2 } } int_val: 0 int_val: 1 } } } }
		node { name: "sum" op: "Sum" input: "all" input: "zero" attr { key: "T" value { type: DT_INT32 } } }
		node { name: "dims" op: "ExpandDims" input: "sum" input: "sum" attr { key: "T" value { type: DT_INT32 } } }
		node { name: "r" op: "Reshape" input: "x" input: "dims" %s }`, count, types)
	return tftest.ParseGraph(t, text)
}

func TestContextEndsAnImport(t *testing.T) {
	g := tf.NewGraph()
	before, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	limited, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	o := &tf.ImportGraphDefOptions{NoPrefix: true, Limits: &limits.Limits{Bytes: -1}}
	_, err = tf.ImportGraphDef(limited, g, slowImport(t), o)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "in the background")

	// Nothing waits for TensorFlow.
	require.ErrorIs(t, g.Err(), tfkeep.ErrClosed)
	_, err = tf.NewSession(g, nil)
	require.ErrorIs(t, err, tfkeep.ErrClosed)
	_, err = g.AddOp(tf.OpSpec{Type: "NoOp"})
	require.ErrorIs(t, err, tfkeep.ErrClosed)
	require.ErrorIs(t, before.RunOps(t.Context()), tfkeep.ErrClosed)
	_, err = tf.ImportGraphDef(t.Context(), g, &graphdef.GraphDef{}, o)
	require.ErrorIs(t, err, tfkeep.ErrClosed)
	require.NoError(t, before.Close())

	assert.NotNil(t, g.Operation("r"), "TensorFlow ends the import in the background")
}

func TestImportsRefuseDoneContexts(t *testing.T) {
	t.Parallel()
	done, cancel := context.WithCancel(context.Background())
	cancel()
	g := tf.NewGraph()
	_, err := tf.ImportGraphDef(done, g, &graphdef.GraphDef{}, nil)
	require.ErrorIs(t, err, context.Canceled)
	_, err = tf.ImportMetaGraph(done, g, &graphdef.MetaGraphDef{}, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, g.Err(), "nothing has begun")
	_, err = tf.ImportGraphDef(nil, g, nil, nil) //nolint:staticcheck // a caller's mistake
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	_, err = tf.ImportGraphDef(t.Context(), nil, nil, nil)
	require.ErrorIs(t, err, tfkeep.ErrArgument)
}
