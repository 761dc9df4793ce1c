package saver_test

import (
	"path/filepath"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// A Saver keeps the serialized graph for the next save. Whatever is done to the graph in
// between, the file is that of the graph as it is then.
func TestSavedMetaGraphFollowsGraph(t *testing.T) {
	dir := t.TempDir()
	g := tf.NewGraph()
	v := variable(t, g, "v", []float32{1, 2})
	s := newSaver(t, g, nil)
	sess := initialized(t, g)
	note := &graphdef.SaverDef{FilenameTensorName: "before"}
	g.AddToCollection(tf.Savers, note)

	steps := []struct {
		name   string
		change func()
		strip  bool
	}{
		{name: "the first save"},
		{name: "nothing"},
		{name: "default attributes stripped", strip: true},
		{name: "default attributes back"},
		{name: "an operation", change: func() {
			_, err := v.AssignAdd(v.Value())
			require.NoError(t, err)
		}},
		{name: "an operation behind the graph's back", change: func() {
			_, err := g.Binding().AddOperation(tf.OpSpec{Type: "NoOp", Name: "behind"})
			require.NoError(t, err)
		}},
		{name: "a collection", change: func() { g.AddToCollection("words", "one") }},
		{name: "an item, in place", change: func() { note.FilenameTensorName = "after" }},
		{name: "a collection less", change: func() { g.SetCollection("words", nil) }},
		{name: "an attribute", change: func() {
			value := &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_I{I: 3}}
			require.NoError(t, capi.SetAttr(g.Operation("behind"), "_mark", value))
		}},
		{name: "an attribute less", change: func() {
			require.NoError(t, capi.SetAttr(g.Operation("behind"), "_mark", nil))
		}},
		{name: "a device", change: func() {
			require.NoError(t, capi.SetRequestedDevice(g.Operation("behind"), "/device:CPU:0"))
		}},
		{name: "a function", change: func() {
			def := new(graphdef.GraphDef)
			def.Library = &function_go_proto.FunctionDefLibrary{Function: []*function_go_proto.FunctionDef{
				{Signature: &graphdef.OpDef{Name: "nothing_much"}},
			}}
			_, err := tf.ImportGraphDef(ctx, g, def, nil)
			require.NoError(t, err)
		}},
	}
	var last string
	for _, step := range steps {
		if step.change != nil {
			step.change()
		}
		path := mustSave(t, s, sess, filepath.Join(dir, "m"), &saver.SaveOptions{StripDefaultAttrs: step.strip})
		got := read(t, path+".meta")
		mg, err := s.ExportMetaGraph(&tf.ExportMetaGraphOptions{StripDefaultAttrs: step.strip})
		require.NoError(t, err)
		want, err := proto.MarshalOptions{Deterministic: true}.Marshal(mg)
		require.NoError(t, err)
		assert.True(t, string(want) == got, "after %s: %d bytes, not %d", step.name, len(got), len(want))
		if step.name != "nothing" {
			assert.False(t, last == got, "%s changed nothing: the test is blind to it", step.name)
		}
		last = got
	}
}
