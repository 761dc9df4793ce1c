package freeze

import (
	"os"
	"path/filepath"
	"testing"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

func TestColumn(t *testing.T) {
	t.Parallel()
	lines := [][]byte{[]byte("a\t1\t0.5"), []byte("b\t-2\t1e3")}
	for _, c := range []struct {
		name  string
		index int64
		dtype dtype.DataType
		want  *tensorpb.TensorProto // nil where there is an error
		says  string
	}{
		{"strings", 0, dtype.String, &tensorpb.TensorProto{StringVal: [][]byte{[]byte("a"), []byte("b")}}, ""},
		{"whole lines", wholeLine, dtype.String, &tensorpb.TensorProto{StringVal: [][]byte{lines[0], lines[1]}}, ""},
		{"line numbers", lineNumber, dtype.Int64, &tensorpb.TensorProto{Int64Val: []int64{0, 1}}, ""},
		{"line numbers as text", lineNumber, dtype.String, &tensorpb.TensorProto{StringVal: [][]byte{[]byte("0"), []byte("1")}}, ""},
		{"int64", 1, dtype.Int64, &tensorpb.TensorProto{Int64Val: []int64{1, -2}}, ""},
		{"int32", 1, dtype.Int32, &tensorpb.TensorProto{IntVal: []int32{1, -2}}, ""},
		{"float32", 2, dtype.Float32, &tensorpb.TensorProto{FloatVal: []float32{0.5, 1000}}, ""},
		{"float64", 2, dtype.Float64, &tensorpb.TensorProto{DoubleVal: []float64{0.5, 1000}}, ""},
		{"not a number", 0, dtype.Int64, nil, `line 1: "a" is not a int64`},
		{"not an integer", 2, dtype.Int32, nil, `line 1: "0.5" is not a int32`},
		{"no such column", 3, dtype.String, nil, "line 1 has 3 columns, and column 3 is needed"},
		{"no such special column", -3, dtype.String, nil, "column -3 is needed"},
		{"another type", 1, dtype.Bool, nil, "a table of bool cannot be filled from text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := column(lines, c.index, []byte("\t"), c.dtype)
			if c.want == nil {
				assert.ErrorContains(t, err, c.says)
				return
			}
			require.NoError(t, err)
			c.want.Dtype, c.want.TensorShape = c.dtype, nodedef.ShapeProto([]int64{2})
			assert.Equal(t, c.want, got)
		})
	}
}

// tableGraph fills a table of strings and line numbers from a file.
func tableGraph(file string, attrsOfInit attrs) *body {
	attrsOfInit["key_index"], attrsOfInit["value_index"] = intAttr(0), intAttr(lineNumber)
	return newBody([]*graphdef.NodeDef{
		{Name: "table", Op: "HashTableV2", Attr: attrs{"key_dtype": nodedef.TypeAttr(dtype.String), "value_dtype": nodedef.TypeAttr(dtype.Int64)}},
		nodedef.Const("file", &tensorpb.TensorProto{Dtype: dtype.String, TensorShape: nodedef.ShapeProto(nil), StringVal: [][]byte{[]byte(file)}}),
		{Name: "asset", Op: "Identity", Input: []string{"file"}},
		{Name: "init", Op: "InitializeTableFromTextFileV2", Input: []string{"table", "asset", "^asset"}, Attr: attrsOfInit},
	}, nil)
}

func TestEmbedTablesReadsPartOfAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "words.txt")
	require.NoError(t, os.WriteFile(file, []byte("head,x\nthe,x\nfox,y\nend,z\n"), 0o644))
	delimiter := &graphdef.AttrValue{Value: &attrpb.AttrValue_S{S: []byte(",")}}
	for _, c := range []struct {
		name string
		set  attrs
		want []string
	}{
		{"all lines", attrs{"delimiter": delimiter}, []string{"head", "the", "fox", "end"}},
		{"an offset", attrs{"delimiter": delimiter, "offset": intAttr(1)}, []string{"the", "fox", "end"}},
		{"a size", attrs{"delimiter": delimiter, "offset": intAttr(1), "vocab_size": intAttr(2)}, []string{"the", "fox"}},
		{"any size", attrs{"delimiter": delimiter, "vocab_size": intAttr(-1)}, []string{"head", "the", "fox", "end"}},
		{"tabs by default", attrs{"vocab_size": intAttr(1)}, []string{"head,x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := tableGraph(file, c.set)
			files, err := embedTables(b, "")
			require.NoError(t, err)
			assert.Equal(t, []string{file}, files)
			init := b.node("init")
			assert.Equal(t, "InitializeTableV2", init.Op)
			assert.Equal(t, []string{"table", "init/keys", "init/values", "^asset"}, init.Input)
			keys := b.node("init/keys").Attr["value"].GetTensor()
			var got []string
			for _, s := range keys.GetStringVal() {
				got = append(got, string(s))
			}
			assert.Equal(t, c.want, got)
			assert.Len(t, b.node("init/values").Attr["value"].GetTensor().GetInt64Val(), len(c.want))
		})
	}
}

func TestEmbedTablesLooksInTheAssetFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "words.txt"), []byte("a\n"), 0o644))
	_, err := embedTables(tableGraph("/elsewhere/words.txt", attrs{}), dir)
	require.NoError(t, err)
	_, err = embedTables(tableGraph("/elsewhere/words.txt", attrs{}), "")
	require.ErrorIs(t, err, tfkeep.ErrUnsupported)
	assert.ErrorContains(t, err, `node "init"`)

	b := tableGraph("words.txt", attrs{})
	b.node("file").Op = "Placeholder"
	_, err = embedTables(b, dir)
	assert.ErrorContains(t, err, "the name of the file is not a constant")
	b = tableGraph("words.txt", attrs{})
	b.node("table").Op = "NoOp"
	_, err = embedTables(b, dir)
	assert.ErrorContains(t, err, "the node does not name its table")
}

func TestDescribeTables(t *testing.T) {
	t.Parallel()
	def := &graphdef.GraphDef{Node: []*graphdef.NodeDef{
		{Name: "table", Op: "HashTableV2"}, {Name: "other", Op: "HashTableV2"}, {Name: "file", Op: "Const"},
		{Name: "init", Op: "InitializeTableFromTextFileV2", Input: []string{"table", "file"}},
		{Name: "again", Op: "InitializeTableFromTextFileV2", Input: []string{"table:0", "file:0"}},
		{Name: "constants", Op: "InitializeTableV2", Input: []string{"table", "k", "v"}},
		{Name: "saver", Op: "LookupTableImportV2", Input: []string{"table", "k", "v"}},
		{Name: "unused", Op: "InitializeTableV2", Input: []string{"other", "k", "v"}},
	}}
	var r Report
	r.describeTables(newBody(def.Node[:1], nil), def)
	assert.Equal(t, Report{Tables: []string{"table"}, TableInitializers: []string{"init", "again", "constants"}, Assets: []string{"file"}}, r)
	r = Report{}
	r.describeTables(newBody(nil, nil), def)
	assert.Equal(t, Report{}, r)
}
