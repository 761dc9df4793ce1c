package verify_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/verify"
)

func reports(t *testing.T, path string) []*verify.Report {
	t.Helper()
	var all []*verify.Report
	for r, err := range verify.Path(t.Context(), path, nil) {
		require.NoError(t, err)
		all = append(all, r)
	}
	return all
}

// faults lists what was found, one text for each fault, without the directory.
func faults(t *testing.T, dir string, all []*verify.Report) []string {
	t.Helper()
	list := []string{}
	for _, i := range all {
		for _, f := range i.Faults {
			mark := "BAD "
			if f.Harmless {
				mark = "note "
			}
			rel, err := filepath.Rel(dir, i.Path)
			require.NoError(t, err)
			list = append(list, mark+rel+": "+strings.ReplaceAll(f.Err.Error(), dir+string(filepath.Separator), ""))
		}
	}
	return list
}

func TestDirectoryOfCheckpoints(t *testing.T) {
	t.Parallel()
	dir := tftest.Model(t, "linear")
	all := reports(t, dir)
	kinds := []verify.Kind{}
	for _, i := range all {
		assert.True(t, i.OK())
		kinds = append(kinds, i.Kind)
	}
	assert.Equal(t, []verify.Kind{verify.StateFile, verify.Checkpoint, verify.MetaGraph, verify.Checkpoint, verify.MetaGraph}, kinds)
	assert.Empty(t, faults(t, dir, all))
	assert.Equal(t, 2, all[1].Tensors)
	assert.NotZero(t, all[2].Nodes)
}

func TestDirectoryFaults(t *testing.T) {
	t.Parallel()
	dir := tftest.Model(t, "linear")
	file := func(name string) string { return filepath.Join(dir, name) }
	data, err := os.ReadFile(file("model-1.data-00000-of-00001"))
	require.NoError(t, err)
	data[0] ^= 1
	require.NoError(t, os.WriteFile(file("model-1.data-00000-of-00001"), data, 0o644))
	require.NoError(t, os.WriteFile(file("model-2.meta"), []byte("\xff\xff"), 0o644))
	for _, name := range []string{"model-3.data-00000-of-00001.tempstate123", "model-9.data-00000-of-00001", "model-9.meta", "x.tfkeep-tmp", "notes.txt"} {
		require.NoError(t, os.WriteFile(file(name), nil, 0o644))
	}
	got := faults(t, dir, reports(t, dir))
	require.Len(t, got, 6, strings.Join(got, "\n"))
	assert.Contains(t, got[0], `BAD model-1: read model-1.data-00000-of-00001: tensor "b"`)
	assert.Contains(t, got[1], "BAD model-2.meta: ")
	assert.Contains(t, got[2], "note model-3.data-00000-of-00001.tempstate123: left by a save")
	assert.Contains(t, got[3], "note model-9.data-00000-of-00001: values without an index")
	assert.Contains(t, got[4], "note model-9.meta: a meta graph whose checkpoint is gone")
	assert.Contains(t, got[5], "note x.tfkeep-tmp: left by a save")
}

func TestStateFileFaults(t *testing.T) {
	t.Parallel()
	dir := tftest.Model(t, "linear")
	state := filepath.Join(dir, "checkpoint")
	require.NoError(t, os.WriteFile(state, []byte("\x00damaged"), 0o644))
	assert.Contains(t, faults(t, dir, reports(t, dir))[0], "BAD checkpoint: ")

	require.NoError(t, os.WriteFile(state, []byte(`model_checkpoint_path: "model-7"
all_model_checkpoint_paths: "model-1"
all_model_checkpoint_paths: "model-5"
all_model_checkpoint_paths: "model-7"
`), 0o644))
	got := faults(t, dir, reports(t, dir))
	require.Len(t, got, 2, strings.Join(got, "\n"))
	assert.Contains(t, got[0], "BAD checkpoint: ")
	assert.Contains(t, got[0], "model-7")
	assert.Equal(t, "note checkpoint: it lists model-5, which is gone", got[1])
}

func TestMetaGraphAgainstCheckpoint(t *testing.T) {
	t.Parallel()
	dir := tftest.Model(t, "linear")
	prefix := filepath.Join(dir, "model-2")
	w, err := checkpoint.Create(t.Context(), prefix, nil)
	require.NoError(t, err)
	defer w.Close()
	require.NoError(t, w.Add(t.Context(), checkpoint.Tensor{Name: "w", DType: dtype.Float64, Shape: []int64{2, 3}, Data: make([]byte, 48)}))
	require.NoError(t, w.Commit(t.Context()))
	got := faults(t, dir, reports(t, prefix))
	require.Len(t, got, 2, strings.Join(got, "\n"))
	assert.Contains(t, got[0], `restores "b", which the checkpoint model-2 does not have`)
	assert.Contains(t, got[1], `restores "w" as float32, the checkpoint has float64`)
}

func TestSavedModel(t *testing.T) {
	t.Parallel()
	dir := tftest.Model(t, "words")
	all := reports(t, dir)
	require.Len(t, all, 2)
	assert.Equal(t, verify.SavedModel, all[0].Kind)
	assert.Equal(t, verify.Checkpoint, all[1].Kind)
	assert.Empty(t, faults(t, dir, all))
	assert.Len(t, reports(t, filepath.Dir(dir)), 2, "found in its parent too")
}

func TestSavedModelFaults(t *testing.T) {
	t.Parallel()
	dir := tftest.Model(t, "words")
	path := filepath.Join(dir, "saved_model.pb")
	m, err := graphdef.ReadSavedModel(dir)
	require.NoError(t, err)
	mg := m.GetMetaGraphs()[0]
	mg.SignatureDef["serving_default"].Inputs["x"].Encoding = &pb.TensorInfo_Name{Name: "gone:0"}
	mg.AssetFileDef = append(mg.AssetFileDef, &pb.AssetFileDef{Filename: "../../../etc/passwd"})
	for _, n := range mg.GetGraphDef().GetNode() {
		if n.GetName() == "y" {
			n.Input[1] = "nowhere"
		}
	}
	m.MetaGraphs = append(m.MetaGraphs, proto.Clone(mg).(*graphdef.MetaGraphDef))
	m.MetaGraphs[1].GraphDef = &graphdef.GraphDef{}
	m.MetaGraphs[1].SignatureDef, m.MetaGraphs[1].CollectionDef, m.MetaGraphs[1].SaverDef = nil, nil, nil
	require.NoError(t, graphdef.Write(path, m, nil))
	require.NoError(t, os.Remove(filepath.Join(dir, "assets", "words.txt")))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "variables")))

	text := strings.Join(faults(t, dir, reports(t, dir)), "\n")
	for _, want := range []string{
		`signature "serving_default", input "x", names "gone:0"`,
		`asset "../../../etc/passwd" would be read from outside`,
		`asset "words.txt" is missing`,
		`nowhere`,
		`two graphs have the tags [serve]`,
		`no values for them`,
	} {
		assert.Contains(t, text, want)
	}
}

func TestUnreadableSavedModel(t *testing.T) {
	t.Parallel()
	dir := tftest.Model(t, "words")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "saved_model.pb"), []byte("\xff\xff"), 0o644))
	all := reports(t, dir)
	require.Len(t, all, 2)
	assert.False(t, all[0].OK())
	assert.True(t, all[1].OK(), "the variables are checked all the same")
}

func TestGraphFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := &graphdef.GraphDef{Node: []*graphdef.NodeDef{
		{Name: "a", Op: "NoOp"}, {Name: "a", Op: "NoOp"}, {Name: "c", Op: "MyCompanysOp"}, {Name: "d", Op: "Identity", Input: []string{"e"}},
	}}
	path := filepath.Join(dir, "g.pbtxt")
	require.NoError(t, graphdef.Write(path, g, &graphdef.WriteOptions{Text: true}))
	all := reports(t, path)
	require.Len(t, all, 1)
	assert.Equal(t, 4, all[0].Nodes)
	text := strings.Join(faults(t, dir, all), "\n")
	assert.Contains(t, text, "note g.pbtxt: ", "a custom op may be loaded")
	assert.Contains(t, text, "MyCompanysOp")
	assert.Contains(t, text, "BAD g.pbtxt: ")
	assert.False(t, all[0].OK())
	require.NoError(t, os.WriteFile(path, []byte("node {"), 0o644))
	assert.False(t, reports(t, path)[0].OK())
}

func TestNothingThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "x")} {
		for r, err := range verify.Path(t.Context(), path, nil) {
			assert.Nil(t, r)
			assert.ErrorIs(t, err, tfkeep.ErrNotFound)
		}
	}
}

func TestPathStops(t *testing.T) {
	t.Parallel()
	dir := tftest.Model(t, "linear")
	seen := 0
	for _, err := range verify.Path(t.Context(), dir, nil) {
		require.NoError(t, err)
		seen++
		break
	}
	assert.Equal(t, 1, seen)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for r, err := range verify.Path(ctx, dir, nil) {
		assert.Nil(t, r)
		assert.ErrorIs(t, err, context.Canceled)
	}
}

func TestProgressReachesTheTotal(t *testing.T) {
	t.Parallel()
	dir := tftest.Model(t, "linear")
	var done, total []int64
	for _, err := range verify.Path(t.Context(), dir, &verify.Options{Progress: func(d, all int64) {
		done, total = append(done, d), append(total, all)
	}}) {
		require.NoError(t, err)
	}
	require.NotEmpty(t, done)
	assert.Len(t, slices.Compact(total), 1, "the total is known from the start")
	assert.IsIncreasing(t, done)
	assert.Equal(t, total[0], done[len(done)-1])
}
