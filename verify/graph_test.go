package verify

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
)

func dense(name string) *graphdef.TensorInfo {
	return &graphdef.TensorInfo{Encoding: &pb.TensorInfo_Name{Name: name}}
}

// texts returns the faults of a report, notes marked as such.
func texts(r *Report) []string {
	var all []string
	for _, f := range r.Faults {
		text := f.Err.Error()
		if f.Harmless {
			text = "note: " + text
		}
		all = append(all, text)
	}
	return all
}

func TestNamesOfSignatures(t *testing.T) {
	t.Parallel()
	mg := &graphdef.MetaGraphDef{
		GraphDef: &graphdef.GraphDef{Node: []*graphdef.NodeDef{{Name: "x"}}},
		SignatureDef: map[string]*graphdef.SignatureDef{"serve": {
			Inputs: map[string]*graphdef.TensorInfo{
				"dense":  dense("x:0"),
				"sparse": {Encoding: &pb.TensorInfo_CooSparse_{CooSparse: &pb.TensorInfo_CooSparse{ValuesTensorName: "v:0", IndicesTensorName: "x:0", DenseShapeTensorName: "s:0"}}},
			},
			Outputs: map[string]*graphdef.TensorInfo{"y": {Encoding: &pb.TensorInfo_CompositeTensor_{CompositeTensor: &pb.TensorInfo_CompositeTensor{
				Components: []*graphdef.TensorInfo{dense("x:1"), dense("c:0"), dense("")},
			}}}},
		}},
	}
	c := &graphChecker{Report: &Report{}, where: "graph [50%d]: "}
	c.names(mg)
	assert.Equal(t, []string{
		`graph [50%d]: signature "serve", input "sparse", names "v:0", which the graph does not have`,
		`graph [50%d]: signature "serve", input "sparse", names "s:0", which the graph does not have`,
		`graph [50%d]: signature "serve", output "y", names "c:0", which the graph does not have`,
	}, texts(c.Report))
}

func TestCustomOperationsAreNotes(t *testing.T) {
	t.Parallel()
	c := &graphChecker{Report: &Report{}}
	g := &graphdef.GraphDef{Node: []*graphdef.NodeDef{{Name: "a", Op: "MyOp"}}}
	c.graph(g, check.Graph(g, nil))
	assert.Len(t, c.Faults, 1)
	assert.True(t, c.OK())
	assert.Equal(t, 1, c.Nodes)

	c = &graphChecker{Report: &Report{}}
	f := &function_go_proto.FunctionDef{
		Signature: &op_def_go_proto.OpDef{Name: "f"},
		NodeDef:   []*graphdef.NodeDef{{Name: "a", Op: "MyOp"}, {Name: "b", Op: "NoOp", Input: []string{"gone"}}},
	}
	g = &graphdef.GraphDef{
		Node:    []*graphdef.NodeDef{{Name: "a", Op: "NoOp"}},
		Library: &function_go_proto.FunctionDefLibrary{Function: []*function_go_proto.FunctionDef{f}},
	}
	c.graph(g, check.Graph(g, nil))
	require.Len(t, c.Faults, 3, "in a function too, and beside faults")
	for _, f := range c.Faults {
		assert.Equal(t, strings.Contains(f.Err.Error(), "MyOp"), f.Harmless, f.Err.Error())
	}
}

func TestModelFaults(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(folder, "assets"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "assets", "here"), nil, 0o644))
	tagged := func(tags ...string) *graphdef.MetaGraphDef {
		return &graphdef.MetaGraphDef{GraphDef: &graphdef.GraphDef{Node: []*graphdef.NodeDef{{Name: "a", Op: "NoOp"}}}, MetaInfoDef: &graphdef.MetaInfoDef{Tags: tags}}
	}
	one := tagged("serve")
	for i, file := range []string{"here", "gone", "../out"} {
		tensor := &pb.TensorInfo{Encoding: &pb.TensorInfo_Name{Name: fmt.Sprint("a:", i)}}
		one.AssetFileDef = append(one.AssetFileDef, &pb.AssetFileDef{Filename: file, TensorInfo: tensor})
	}
	for _, c := range []struct {
		name  string
		model *graphdef.SavedModel
		want  []string // beginnings
	}{
		{"no graph", &graphdef.SavedModel{}, []string{"it has no graph"}},
		{"assets", &graphdef.SavedModel{MetaGraphs: []*graphdef.MetaGraphDef{one}},
			[]string{`asset "gone" is missing: `, `asset "../out" would be read from outside the model`}},
		{"the same tags in another order", &graphdef.SavedModel{MetaGraphs: []*graphdef.MetaGraphDef{tagged("a", "b"), tagged("b", "a")}},
			[]string{"two graphs have the tags [a b]: only the first can be loaded"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := &Report{}
			r.checkModel(t.Context(), c.model, folder, nil)
			got := texts(r)
			require.Len(t, got, len(c.want), got)
			for i, want := range c.want {
				assert.Contains(t, got[i], want)
			}
		})
	}
}

func TestVerifyOfMissingPathsIsNotFound(t *testing.T) {
	t.Parallel()
	gone := filepath.Join(t.TempDir(), "gone.pb")
	for _, err := range Path(t.Context(), gone, nil) {
		require.ErrorIs(t, err, tfkeep.ErrNotFound)
		assert.ErrorContains(t, err, "verify "+gone)
	}
}
