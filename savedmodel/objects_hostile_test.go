package savedmodel_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/tf"
)

// TestModelsWithoutPathsToVariables trains, saves and restores models whose object graphs have
// no path to a variable, lead in circles or to nothing: the graph says what is restored.
func TestModelsWithoutPathsToVariables(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "m")
	trainableModel(t, dir)
	file := filepath.Join(dir, "saved_model.pb")
	original, err := os.ReadFile(file)
	require.NoError(t, err)
	type graph = pb.SavedObjectGraph
	type reference = pb.TrackableObjectGraph_TrackableObject_ObjectReference
	child := func(g *graph, name string) *reference {
		i := slices.IndexFunc(g.Nodes[0].Children, func(c *reference) bool { return c.LocalName == name })
		return g.Nodes[0].Children[i]
	}
	var want []float32
	for _, c := range []struct {
		name   string
		change func(g *graph)
	}{
		{"as it is", func(*graph) {}},
		{"no path to a variable", func(g *graph) { child(g, "w").LocalName = "hidden" }},
		{"no paths", func(g *graph) { g.Nodes[0].Children = nil }},
		{"the root in itself", func(g *graph) { g.Nodes[0].Children = append(g.Nodes[0].Children, &reference{LocalName: "me"}) }},
		{"an object that is not there", func(g *graph) { child(g, "w").NodeId = 9999 }},
		{"a negative object", func(g *graph) { child(g, "b").NodeId = -5 }},
		{"two names of one object", func(g *graph) { child(g, "b").NodeId = child(g, "w").NodeId }},
		{"no objects", func(g *graph) { g.Nodes = nil }},
	} {
		sm := &pb.SavedModel{}
		require.NoError(t, proto.Unmarshal(original, sm))
		c.change(sm.MetaGraphs[0].ObjectGraphDef)
		data, err := proto.Marshal(sm)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, data, 0o644))
		m, err := savedmodel.Open(t.Context(), dir, nil)
		require.NoError(t, err, c.name)
		trainSteps(t, m, 2)
		saved, err := m.Saver.Save(t.Context(), m.Session, filepath.Join(base, "ckpt", c.name), nil)
		require.NoError(t, err, c.name)
		losses := trainSteps(t, m, 2)
		_, err = m.Saver.Restore(t.Context(), m.Session, saved, nil)
		require.NoError(t, err, c.name)
		assert.Equal(t, losses, trainSteps(t, m, 2), c.name)
		_, err = m.Save(t.Context(), filepath.Join(base, "out", c.name), nil)
		require.NoError(t, err, c.name)
		require.NoError(t, m.Close())
		if want == nil {
			want = losses
		}
		assert.Equal(t, want, losses, c.name)
	}
}

// TestRestoreRefusesOddObjectGraphs restores checkpoints whose object graphs have no path to a
// variable, or are damaged. Nothing is restored then.
func TestRestoreRefusesOddObjectGraphs(t *testing.T) {
	base := t.TempDir()
	trainableModel(t, filepath.Join(base, "m"))
	m, err := savedmodel.Open(t.Context(), filepath.Join(base, "m"), nil)
	require.NoError(t, err)
	defer m.Close()
	saved, err := m.Saver.Save(t.Context(), m.Session, filepath.Join(base, "ckpt"), nil)
	require.NoError(t, err)
	var tensors []checkpoint.Tensor
	r, err := checkpoint.Open(t.Context(), saved, nil)
	require.NoError(t, err)
	defer r.Close()
	objects, err := objectgraph.Read(t.Context(), r)
	require.NoError(t, err)
	for info := range r.Tensors() {
		if info.Name != objectgraph.Key {
			data := make([]byte, info.Bytes)
			require.NoError(t, r.ReadInto(t.Context(), info.Name, nil, data))
			tensors = append(tensors, checkpoint.Tensor{Name: info.Name, DType: info.DType, Shape: info.Shape, Data: data})
		}
	}
	text := func(change func(g *objectgraph.Graph)) []byte {
		data, err := objects.Encode()
		require.NoError(t, err)
		g, err := objectgraph.Decode(data)
		require.NoError(t, err)
		change(g)
		data, err = g.Encode()
		require.NoError(t, err)
		return data
	}
	trainSteps(t, m, 1)
	for _, c := range []struct {
		name  string
		graph []byte
		kind  error
		says  string
	}{
		{"no path", text(func(g *objectgraph.Graph) {
			i := slices.IndexFunc(g.Objects[0].Children, func(c objectgraph.Child) bool { return c.Name == "w" })
			g.Objects[0].Children[i].Name = "hidden"
		}), tfkeep.ErrNotFound, "w/.ATTRIBUTES/VARIABLE_VALUE"},
		{"a circle in place of the variables", text(func(g *objectgraph.Graph) {
			for i := range g.Objects[0].Children {
				g.Objects[0].Children[i].Object = 0
			}
		}), tfkeep.ErrNotFound, "momentum/1"},
		{"no objects", nil, tfkeep.ErrNotFound, "momentum/0"},
		{"a reference to nothing", []byte("\n\x06\n\x04\x08\x63\x12\x00"), tfkeep.ErrCorrupt, "the graph has 1 objects"},
		{"no object graph", []byte("\xff\xff"), tfkeep.ErrCorrupt, "not a TrackableObjectGraph"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "odd")
			tftest.WriteCheckpoint(t, path, nil, append(slices.Clone(tensors), checkpoint.Tensor{Name: objectgraph.Key, DType: dtype.String, Strings: [][]byte{c.graph}}))
			_, err := m.Saver.Restore(t.Context(), m.Session, path, nil)
			require.ErrorIs(t, err, c.kind)
			assert.ErrorContains(t, err, c.says)
		})
	}
	after := trainSteps(t, m, 1)
	_, err = m.Saver.Restore(t.Context(), m.Session, saved, nil)
	require.NoError(t, err)
	trainSteps(t, m, 1)
	assert.Equal(t, after, trainSteps(t, m, 1), "the refused ones changed nothing")
}

// TestTrainsCustomGradients trains a model with a gradient of its own, which the exported step
// has already: Go needs no Python for it.
func TestTrainsCustomGradients(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "m")
	var want []float32
	oracle.RunEager(t, `
		@tf.custom_gradient
		def odd(x): return tf.sin(x), lambda g: g * 0.25
		class M(tf.Module):
			def __init__(self): self.w = tf.Variable(0.3)
			@tf.function(input_signature=[tf.TensorSpec([])])
			def train(self, x):
				with tf.GradientTape() as tape: loss = odd(self.w * x) ** 2
				self.w.assign_sub(tape.gradient(loss, self.w))
				return {"loss": loss}
		m = M()
		tf.saved_model.save(m, args[0], signatures={"train": m.train}, options=tf.saved_model.SaveOptions(experimental_custom_gradients=True))
		result = [float(m.train(tf.constant(1.5))["loss"]) for _ in range(5)]
	`, dir).Decode(t, &want)
	train, x := openTrain(t, dir, 1.5)
	for i := range want {
		out, err := train.Run(t.Context(), x)
		require.NoError(t, err)
		assert.InDelta(t, want[i], out[0].Value(), 1e-6)
		tf.Release(out...)
	}
}
