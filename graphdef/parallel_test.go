package graphdef_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// largeMetaGraph returns a meta graph that is large enough to be parsed in parts.
func largeMetaGraph(t testing.TB) *graphdef.MetaGraphDef {
	t.Helper()
	g := tftest.ParseGraph(t, `library { function { signature { name: "f" } } } versions { producer: 24 min_consumer: 3 }`)
	for i := range 5_000 {
		g.Node = append(g.Node, &graphdef.NodeDef{Name: fmt.Sprint("n", i), Op: "Neg", Device: strings.Repeat("d", 300),
			Input: []string{fmt.Sprint("n", i-1)}})
	}
	return &graphdef.MetaGraphDef{
		MetaInfoDef: &graphdef.MetaInfoDef{Tags: []string{"a", "b"}, TensorflowVersion: "2.21.0"},
		GraphDef:    g,
		SaverDef:    &graphdef.SaverDef{SaveTensorName: "s:0"},
	}
}

func TestLargeMetaGraphParsesLikeSmall(t *testing.T) {
	t.Parallel()
	mg := largeMetaGraph(t)
	data, err := graphdef.MarshalBinary(mg)
	require.NoError(t, err)
	require.Greater(t, len(data), 1<<20)
	got, err := graphdef.ParseMetaGraphDef(data)
	require.NoError(t, err)
	assert.True(t, proto.Equal(mg, got))

	// By protobuf's rules, two graph_def fields are merged into one graph.
	more, err := graphdef.MarshalBinary(&graphdef.MetaGraphDef{GraphDef: tftest.ParseGraph(t, `node { name: "last" op: "NoOp" } versions { producer: 25 }`)})
	require.NoError(t, err)
	got, err = graphdef.ParseMetaGraphDef(append(append([]byte{}, data...), more...))
	require.NoError(t, err)
	assert.Len(t, got.GraphDef.Node, 5_001)
	assert.EqualValues(t, 25, got.GraphDef.Versions.Producer)
	assert.EqualValues(t, 3, got.GraphDef.Versions.MinConsumer)

	for _, n := range []int{len(data) - 1, len(data) / 2, 1<<20 + 1} {
		_, err := graphdef.ParseMetaGraphDef(data[:n])
		assert.ErrorIs(t, err, tfkeep.ErrCorrupt, n)
	}
}

func TestReadMetaGraphReturnsSerializedGraph(t *testing.T) {
	t.Parallel()
	mg := largeMetaGraph(t)
	dir := t.TempDir()
	for _, text := range []bool{false, true} {
		path := filepath.Join(dir, fmt.Sprint(text))
		require.NoError(t, graphdef.Write(path, mg, &graphdef.WriteOptions{Text: text}))
		var serialized []byte
		got, err := graphdef.ReadMetaGraphDef(path, &graphdef.ReadOptions{SerializedGraph: &serialized})
		require.NoError(t, err)
		assert.True(t, proto.Equal(mg, got))
		if text {
			assert.Nil(t, serialized)
		} else {
			assert.Equal(t, tftest.Marshal(t, mg.GraphDef), serialized)
		}
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bad"), []byte("\xff"), 0o666))
	_, err := graphdef.ReadMetaGraphDef(filepath.Join(dir, "bad"), nil)
	assert.ErrorIs(t, err, tfkeep.ErrCorrupt)
	_, err = graphdef.ReadMetaGraphDef(filepath.Join(dir, "missing"), nil)
	assert.ErrorIs(t, err, tfkeep.ErrNotFound)
}
