package savedmodel_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// endlessNodes has operations that wait without end: "unstage", until "stage" runs, and
// "call", a function whose loop runs as long as a variable is negative, which "stop" ends.
const endlessNodes = `
	node { name: "text" op: "Const" attr { key: "dtype" value { type: DT_STRING } } attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape { } string_val: "a" } } } }
	node { name: "stage" op: "Stage" input: "text" attr { key: "dtypes" value { list { type: DT_STRING } } } attr { key: "shared_name" value { s: "s" } } }
	node { name: "unstage" op: "Unstage" attr { key: "dtypes" value { list { type: DT_STRING } } } attr { key: "shared_name" value { s: "s" } } }
	node { name: "v" op: "VarHandleOp" attr { key: "dtype" value { type: DT_INT32 } } attr { key: "shape" value { shape { } } } attr { key: "shared_name" value { s: "endless" } } }
	node { name: "minus" op: "Const" attr { key: "dtype" value { type: DT_INT32 } } attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { } int_val: -1 } } } }
	node { name: "plus" op: "Const" attr { key: "dtype" value { type: DT_INT32 } } attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { } int_val: 1 } } } }
	node { name: "start" op: "AssignVariableOp" input: "v" input: "minus" attr { key: "dtype" value { type: DT_INT32 } } }
	node { name: "stop" op: "AssignVariableOp" input: "v" input: "plus" attr { key: "dtype" value { type: DT_INT32 } } }
	node { name: "call" op: "StatefulPartitionedCall" input: "v" input: "^start" attr { key: "f" value { func { name: "loops" } } } attr { key: "Tin" value { list { type: DT_RESOURCE } } } attr { key: "Tout" value { list { type: DT_RESOURCE } } } }
	library {
		function { signature { name: "negative" is_stateful: true input_arg { name: "h" type: DT_RESOURCE } output_arg { name: "c" type: DT_BOOL } }
			node_def { name: "x" op: "ReadVariableOp" input: "h" attr { key: "dtype" value { type: DT_INT32 } } }
			node_def { name: "zero" op: "Const" attr { key: "dtype" value { type: DT_INT32 } } attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { } int_val: 0 } } } }
			node_def { name: "less" op: "Less" input: "x:value:0" input: "zero:output:0" attr { key: "T" value { type: DT_INT32 } } }
			ret { key: "c" value: "less:z:0" } }
		function { signature { name: "same" input_arg { name: "h" type: DT_RESOURCE } output_arg { name: "o" type: DT_RESOURCE } }
			node_def { name: "i" op: "Identity" input: "h" attr { key: "T" value { type: DT_RESOURCE } } }
			ret { key: "o" value: "i:output:0" } }
		function { signature { name: "loops" is_stateful: true input_arg { name: "h" type: DT_RESOURCE } output_arg { name: "o" type: DT_RESOURCE } }
			node_def { name: "w" op: "While" input: "h" attr { key: "T" value { list { type: DT_RESOURCE } } } attr { key: "cond" value { func { name: "negative" } } } attr { key: "body" value { func { name: "same" } } } }
			ret { key: "o" value: "w:output:0" } }
	}`

// endlessModel returns a model with these operations; change may use them.
func endlessModel(t *testing.T, change func(mg *graphdef.MetaGraphDef)) string {
	t.Helper()
	dir := tftest.Model(t, "words")
	rewrite(t, dir, func(mg *graphdef.MetaGraphDef) {
		g := tftest.ParseGraph(t, endlessNodes)
		mg.GraphDef.Node = append(mg.GraphDef.Node, g.Node...)
		if mg.GraphDef.Library == nil {
			mg.GraphDef.Library = g.Library
		} else {
			mg.GraphDef.Library.Function = append(mg.GraphDef.Library.Function, g.Library.Function...)
		}
		mg.MetaInfoDef.StrippedOpList = nil
		change(mg)
	})
	return dir
}

func initBy(op string) func(mg *graphdef.MetaGraphDef) {
	return func(mg *graphdef.MetaGraphDef) {
		mg.CollectionDef[modeldir.MainOpCollection].GetNodeList().Value[0] = op
	}
}

// limited returns a context that ends in the middle of an endless run.
func limited(t *testing.T) context.Context {
	t.Helper()
	c, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	t.Cleanup(cancel)
	return c
}

// release lets the endless runs of a session end, and closes it.
func release(t *testing.T, sess *tf.Session, ops ...string) {
	t.Helper()
	for _, op := range ops {
		require.NoError(t, sess.RunOps(ctx, sess.Graph().Operation(op)))
	}
	require.NoError(t, sess.Close())
}

func TestContextEndsEndlessInitOps(t *testing.T) {
	for _, c := range []struct {
		name, init, stop string
		allow            []string
		limits           *check.Limits
	}{
		{"Unstage", "unstage", "stage", []string{"Stage", "Unstage"}, nil},
		{"a loop in a function", "call", "stop", nil, &check.Limits{Bytes: -1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := endlessModel(t, initBy(c.init))
			o := &savedmodel.LoadOptions{AllowOps: c.allow, Limits: c.limits}
			newSession := func() *tf.Session {
				sess, err := tf.NewSession(tf.NewGraph(), nil)
				require.NoError(t, err)
				return sess
			}
			if len(c.allow) > 0 {
				sess := newSession()
				_, err := savedmodel.Load(ctx, sess, []string{"serve"}, dir, nil)
				require.ErrorIs(t, err, tfkeep.ErrUnsafe, "only AllowOps lets it run")
				require.NoError(t, sess.Close())
			}
			if c.limits != nil {
				sess := newSession()
				_, err := savedmodel.Load(ctx, sess, []string{"serve"}, dir, nil)
				require.ErrorIs(t, err, tfkeep.ErrTooLarge, "nobody knows how often the loop runs")
				require.NoError(t, sess.Close())
			}
			sess := newSession()
			_, err := savedmodel.Load(limited(t), sess, []string{"serve"}, dir, o)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			release(t, sess, c.stop)

			sess = newSession()
			m, err := savedmodel.LoadGraph(ctx, sess, []string{"serve"}, dir, o)
			require.NoError(t, err)
			require.NoError(t, m.RestoreVariables(ctx, dir))
			err = m.RunInitOps(limited(t), dir)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NoError(t, m.Close())
			release(t, sess, c.stop)
		})
	}
}

func TestContextEndsEndlessRestores(t *testing.T) {
	dir := endlessModel(t, func(mg *graphdef.MetaGraphDef) {
		n := nodeOf(mg, mg.SaverDef.RestoreOpName)
		n.Input = append(n.Input, "^call")
	})
	sess, err := tf.NewSession(tf.NewGraph(), nil)
	require.NoError(t, err)
	m, err := savedmodel.LoadGraph(ctx, sess, []string{"serve"}, dir, &savedmodel.LoadOptions{Limits: &check.Limits{Bytes: -1}})
	require.NoError(t, err)
	err = m.RestoreVariables(limited(t), dir)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, m.Close())
	release(t, sess, "stop")

	// The same graph as that of a ".meta" file.
	sm, err := graphdef.ReadSavedModel(dir)
	require.NoError(t, err)
	g := tf.NewGraph()
	im, err := tf.ImportMetaGraph(ctx, g, sm.MetaGraphs[0], nil)
	require.NoError(t, err)
	s, err := saver.FromImported(g, im, nil)
	require.NoError(t, err)
	sess, err = tf.NewSession(g, nil)
	require.NoError(t, err)
	_, err = s.Restore(limited(t), sess, dir+"/variables/variables", nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, s.Close())
	release(t, sess, "stop")
}
