package freeze

import (
	"testing"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

func TestOptionsAreCompletedByTheMetaGraph(t *testing.T) {
	t.Parallel()
	nodes := []*graphdef.NodeDef{{Name: "x", Op: "Placeholder"}}
	for _, name := range []string{"a", "b"} {
		nodes = append(nodes, &graphdef.NodeDef{Name: name, Op: "Neg", Input: []string{"x"}})
	}
	one, two := &graphdef.GraphDef{Node: nodes[:2]}, &graphdef.GraphDef{Node: nodes}
	signatures := map[string]*graphdef.SignatureDef{"serving_default": {Outputs: map[string]*graphdef.TensorInfo{
		"y": {Encoding: &pb.TensorInfo_Name{Name: "b:0"}}, "z": {Encoding: &pb.TensorInfo_Name{Name: "a:0"}},
	}}}
	theirs, ours := &graphdef.SaverDef{RestoreOpName: "theirs"}, &graphdef.SaverDef{RestoreOpName: "ours"}

	for _, c := range []struct {
		name string
		mg   *graphdef.MetaGraphDef
		o    *Options
		want *Options // nil where there is an error
		says string
	}{
		{"one likely output", &graphdef.MetaGraphDef{GraphDef: one}, nil, &Options{Outputs: []string{"a"}}, ""},
		{"named outputs", &graphdef.MetaGraphDef{GraphDef: two}, &Options{Outputs: []string{"x"}}, &Options{Outputs: []string{"x"}}, ""},
		{"outputs of signatures", &graphdef.MetaGraphDef{GraphDef: two, SignatureDef: signatures}, nil, &Options{Outputs: []string{"a", "b"}}, ""},
		{"several likely outputs", &graphdef.MetaGraphDef{GraphDef: two}, nil, nil, "likely ones are a, b"},
		{"no likely output", &graphdef.MetaGraphDef{}, nil, nil, "the graph has no likely ones"},
		{"the meta graph's saver", &graphdef.MetaGraphDef{GraphDef: one, SaverDef: theirs}, nil, &Options{Outputs: []string{"a"}, SaverDef: theirs}, ""},
		{"another saver", &graphdef.MetaGraphDef{GraphDef: one, SaverDef: theirs}, &Options{SaverDef: ours}, &Options{Outputs: []string{"a"}, SaverDef: ours}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := c.o.completed(c.mg)
			if c.want == nil {
				require.ErrorIs(t, err, tfkeep.ErrArgument)
				assert.ErrorContains(t, err, c.says)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestFromReadsFiles(t *testing.T) {
	t.Parallel()
	dir := tftest.Model(t, "linear")
	ctx := t.Context()
	o := &Options{Outputs: []string{"y"}}
	for _, c := range []struct {
		name string
		from func() (*Plan, error)
	}{
		{"directory", func() (*Plan, error) { return FromCheckpoint(ctx, dir, o) }},
		{"checkpoint", func() (*Plan, error) { return FromCheckpoint(ctx, dir+"/model-1", o) }},
		{"meta graph", func() (*Plan, error) { return FromMetaGraph(ctx, dir+"/model-1.meta", dir+"/model-2", o) }},
		{"no outputs named", func() (*Plan, error) { return FromCheckpoint(ctx, dir, nil) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			plan, err := c.from()
			require.NoError(t, err)
			assert.Equal(t, []string{"y"}, plan.Report().Outputs)
			assert.Len(t, plan.Report().Frozen, 2)
			assert.NoError(t, plan.Close())
		})
	}
}

func TestFromReportsMissingFiles(t *testing.T) {
	t.Parallel()
	dir := tftest.Model(t, "linear")
	ctx, gone := t.Context(), t.TempDir()+"/gone"
	for _, c := range []struct {
		name string
		from func() (*Plan, error)
	}{
		{"checkpoint", func() (*Plan, error) { return FromCheckpoint(ctx, gone, nil) }},
		{"meta graph", func() (*Plan, error) { return FromMetaGraph(ctx, gone, dir, nil) }},
		{"checkpoint of a meta graph", func() (*Plan, error) { return FromMetaGraph(ctx, dir+"/model-1.meta", gone, nil) }},
		{"graph", func() (*Plan, error) { return FromGraph(ctx, gone, dir, nil) }},
		{"SavedModel", func() (*Plan, error) { return FromSavedModel(ctx, gone, nil) }},
		{"tags", func() (*Plan, error) {
			return FromSavedModel(ctx, tftest.Model(t, "words"), &Options{Tags: []string{"train"}})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			plan, err := c.from()
			assert.Nil(t, plan)
			assert.ErrorIs(t, err, tfkeep.ErrNotFound)
		})
	}
}
