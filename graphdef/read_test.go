package graphdef_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/versions_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// messageName returns the name of a message's type: "GraphDef".
func messageName(m proto.Message) string { return string(m.ProtoReflect().Descriptor().Name()) }

// oneOfEach returns a small message of every kind.
func oneOfEach(t testing.TB) map[string]proto.Message {
	t.Helper()
	g := tftest.ParseGraph(t, twoPlaceholders)
	mg := &graphdef.MetaGraphDef{
		MetaInfoDef: &graphdef.MetaInfoDef{Tags: []string{"serve"}, TensorflowVersion: "2.21.0", StrippedOpList: opdef.StrippedList(g, nil)},
		GraphDef:    g,
		SaverDef:    &graphdef.SaverDef{FilenameTensorName: "save/Const:0"},
	}
	return map[string]proto.Message{
		"GraphDef":     g,
		"MetaGraphDef": mg,
		"SavedModel":   &graphdef.SavedModel{SavedModelSchemaVersion: 1, MetaGraphs: []*graphdef.MetaGraphDef{mg}},
	}
}

func parseAs(kind string, data []byte) (proto.Message, error) {
	switch kind {
	case "GraphDef":
		return graphdef.ParseGraphDef(data)
	case "MetaGraphDef":
		return graphdef.ParseMetaGraphDef(data)
	default:
		return graphdef.ParseSavedModel(data)
	}
}

func TestParseDetectsTextAndBinary(t *testing.T) {
	t.Parallel()
	for kind, m := range oneOfEach(t) {
		data, err := graphdef.MarshalBinary(m)
		require.NoError(t, err)
		for _, c := range []struct {
			form    string
			content []byte
		}{{"binary", data}, {"text", marshalText(t, m)}} {
			t.Run(kind+" "+c.form, func(t *testing.T) {
				back, err := parseAs(kind, c.content)
				require.NoError(t, err)
				assert.True(t, proto.Equal(m, back))
				any, err := graphdef.Parse(c.content)
				require.NoError(t, err)
				assert.Equal(t, kind, messageName(any))
				assert.True(t, proto.Equal(m, any))
			})
		}
	}
}

func TestReadNamesFileOfAnotherKind(t *testing.T) {
	t.Parallel()
	for is, m := range oneOfEach(t) {
		data, err := graphdef.MarshalBinary(m)
		require.NoError(t, err)
		for asked := range oneOfEach(t) {
			if asked == is {
				continue
			}
			for _, content := range [][]byte{data, marshalText(t, m)} {
				_, err := parseAs(asked, content)
				require.ErrorIs(t, err, tfkeep.ErrMismatch)
				assert.ErrorContains(t, err, fmt.Sprintf("this is a %v, not a %v", is, asked))
			}
		}
	}
}

func TestTruncatedFileIsRefused(t *testing.T) {
	t.Parallel()
	for kind, m := range oneOfEach(t) {
		data, err := graphdef.MarshalBinary(m)
		require.NoError(t, err)
		for n := range data {
			back, err := parseAs(kind, data[:n])
			if err == nil {
				// A cut between two fields leaves a valid shorter message.
				again, err := graphdef.MarshalBinary(back)
				require.NoError(t, err)
				assert.Equal(t, data[:n], again, "%v cut to %d bytes", kind, n)
			}
		}
		text := marshalText(t, m)
		_, err = parseAs(kind, text[:len(text)-3])
		assert.ErrorIs(t, err, tfkeep.ErrCorrupt)
	}
}

func TestParseRefusesWhatIsNotAGraph(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, data, says string }{
		{"empty", "", "0 bytes"},
		{"blank", " \n", "without a single field"},
		{"a comment", "# nothing\n", "without a single field"},
		{"garbage", "\xff\x00\x01\x02", "binary"},
		{"prose", "Dear all,", "text"},
		{"unknown field", "junk: 1", "unknown field"},
		{"unclosed text", "node {", "EOF"},
		{"nested text", "node { attr { key: 'a' value { list { " + strings.Repeat("func { attr { key: 'a' value { list { ", 30_000), "recursion"},
		{"HDF5", "\x89HDF\r\n\x1a\n\x00", "HDF5"},
		{"zip", "PK\x03\x04\x00\x00", "zip"},
		{"gzip", "\x1f\x8b\x08\x00", "gzip"},
		{"state file", "model_checkpoint_path: \"m\"\n", "checkpoint's state file"},
		{"index", "\x00\x57\xfb\x80\x8b\x24\x75\x47\xdb", "checkpoint's table"},
		{"node sans name", "\x0a\x00", "fields"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, kind := range []string{"GraphDef", "MetaGraphDef", "SavedModel"} {
				_, err := parseAs(kind, []byte(c.data))
				require.ErrorIs(t, err, tfkeep.ErrCorrupt)
				if kind == "GraphDef" {
					assert.ErrorContains(t, err, c.says)
				}
			}
			_, err := graphdef.Parse([]byte(c.data))
			assert.ErrorIs(t, err, tfkeep.ErrCorrupt)
		})
	}
}

// TestSmallGraphIsNoMetaGraph reads graphs of one node of each op. The name of some ops parses
// as an op list, and so such a node as a MetaInfoDef.
func TestSmallGraphIsNoMetaGraph(t *testing.T) {
	t.Parallel()
	for _, op := range append(allOps(t), &graphdef.OpDef{Name: "P"}, &graphdef.OpDef{Name: "größe"}, &graphdef.OpDef{Name: "a/b.c"}) {
		name := op.Name
		node := func(n *graphdef.NodeDef) *graphdef.GraphDef {
			n.Name, n.Op = "n", name
			return &graphdef.GraphDef{Node: []*graphdef.NodeDef{n}}
		}
		withVersions := node(&graphdef.NodeDef{})
		withVersions.Versions = &versions_go_proto.VersionDef{Producer: 1}
		for i, g := range []*graphdef.GraphDef{
			node(&graphdef.NodeDef{}), withVersions, node(&graphdef.NodeDef{Input: []string{"x", "^y"}}),
			node(&graphdef.NodeDef{Device: "/cpu:0"}), node(&graphdef.NodeDef{Attr: map[string]*graphdef.AttrValue{"a": {}}}),
		} {
			data, err := graphdef.MarshalBinary(g)
			require.NoError(t, err)
			m, err := graphdef.Parse(data)
			require.NoError(t, err, "%s %d", name, i)
			require.Equal(t, "GraphDef", messageName(m), "%s %d", name, i)
			require.True(t, proto.Equal(g, m))
			_, err = graphdef.ParseMetaGraphDef(data)
			require.ErrorIs(t, err, tfkeep.ErrMismatch, name)
		}
		data, err := graphdef.MarshalBinary(&graphdef.OpList{Op: []*graphdef.OpDef{op}})
		require.NoError(t, err)
		if opdef.Builtin().Get(name) != nil {
			_, err = graphdef.Parse(data)
			require.ErrorIs(t, err, tfkeep.ErrCorrupt, name)
			require.ErrorContains(t, err, "OpList", name)
		}
	}
	data, err := graphdef.MarshalBinary(&graphdef.OpList{Op: allOps(t)})
	require.NoError(t, err)
	_, err = graphdef.Parse(data)
	require.ErrorContains(t, err, "OpList")
}

// TestNameDecidesBetweenKinds reads bytes that are a graph with a function of one node, or a
// SavedModel with an empty Any.
func TestNameDecidesBetweenKinds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []struct{ file, kind string }{
		{"saved_model.pb", "SavedModel"}, {"graph.pb", "GraphDef"}, {"frozen_x.pb", "GraphDef"}, {"x.pb", "SavedModel"},
	} {
		path := filepath.Join(dir, c.file)
		require.NoError(t, os.WriteFile(path, []byte("\x12\x04\x0a\x02\x1a\x00"), 0o666))
		m, err := graphdef.Read(path)
		require.NoError(t, err)
		assert.Equal(t, c.kind, messageName(m), c.file)
	}
}

// allOps returns the definitions of all ops.
func allOps(t *testing.T) []*graphdef.OpDef {
	t.Helper()
	packed, err := os.ReadFile("opdef/ops.bin")
	require.NoError(t, err)
	data, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	require.NoError(t, err)
	list := &graphdef.OpList{}
	require.NoError(t, proto.Unmarshal(data, list))
	require.Greater(t, len(list.Op), 1500)
	return list.Op
}

func TestDeeplyNestedBinaryIsRefused(t *testing.T) {
	t.Parallel()
	// A chain of AttrValue.func.attr entries, each inside the previous one.
	var value []byte
	wrap := func(num protowire.Number, b []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), b)
	}
	for range 2_000 { // the size grows with each level, so this is not deeper
		entry := append(wrap(1, []byte("a")), wrap(2, wrap(10, value))...)
		value = wrap(2, entry)
	}
	node := append(wrap(1, []byte("n")), wrap(2, []byte("Op"))...)
	node = append(node, wrap(5, append(wrap(1, []byte("a")), wrap(2, wrap(10, value))...))...)
	_, err := graphdef.ParseGraphDef(wrap(1, node))
	assert.ErrorIs(t, err, tfkeep.ErrCorrupt)

	// Unknown groups, which take one byte per level.
	groups := append(wrap(1, append(wrap(1, []byte("n")), wrap(2, []byte("Op"))...)), []byte(strings.Repeat("\xfb\x01", 100_000))...)
	_, err = graphdef.ParseGraphDef(groups)
	assert.ErrorIs(t, err, tfkeep.ErrCorrupt)
}

func TestReadErrorNamesFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	missing := filepath.Join(dir, "no.meta")
	_, err := graphdef.ReadMetaGraphDef(missing, nil)
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	assert.ErrorContains(t, err, missing)

	_, err = graphdef.ReadGraphDef(dir)
	require.ErrorIs(t, err, tfkeep.ErrMismatch)
	assert.ErrorContains(t, err, "directory")

	bad := filepath.Join(dir, "bad.pb")
	require.NoError(t, os.WriteFile(bad, []byte("\xff\x00"), 0o666))
	_, err = graphdef.ReadGraphDef(bad)
	var place *tfkeep.Error
	require.ErrorAs(t, err, &place)
	assert.Equal(t, bad, place.Path)
	assert.Equal(t, "read", place.Op)
}

func TestReadRefusesFileOver2GiB(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "huge.pb")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(1<<31)) // a sparse file takes no space
	require.NoError(t, f.Close())
	_, err = graphdef.ReadGraphDef(path)
	require.ErrorIs(t, err, tfkeep.ErrTooLarge)
	assert.ErrorContains(t, err, "2 GiB")
}

func TestReadSavedModelTakesDirectoryOrFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := graphdef.ReadSavedModel(dir)
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	assert.ErrorContains(t, err, "SavedModel file does not exist at: "+dir)

	m := oneOfEach(t)["SavedModel"].(*graphdef.SavedModel)
	text := proto.Clone(m).(*graphdef.SavedModel)
	text.MetaGraphs[0].MetaInfoDef.Tags = []string{"text"}
	tags := func(path string) string {
		m, err := graphdef.ReadSavedModel(path)
		require.NoError(t, err)
		return m.MetaGraphs[0].MetaInfoDef.Tags[0]
	}
	require.NoError(t, graphdef.Write(filepath.Join(dir, modeldir.FilenamePBText), text, &graphdef.WriteOptions{Text: true}))
	assert.Equal(t, "text", tags(dir))
	require.NoError(t, graphdef.Write(filepath.Join(dir, modeldir.FilenamePB), m, nil))
	assert.Equal(t, "serve", tags(dir), "the binary one wins")
	assert.Equal(t, "text", tags(filepath.Join(dir, modeldir.FilenamePBText)))

	any, err := graphdef.Read(dir)
	require.NoError(t, err)
	assert.Equal(t, "SavedModel", messageName(any))
	assert.True(t, proto.Equal(m, any))
}
