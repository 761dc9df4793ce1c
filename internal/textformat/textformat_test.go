package textformat_test

import (
	"strings"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/textformat"
)

type metaGraph = for_core_protos_go_proto.MetaGraphDef

// tensor returns the text of a meta graph with one Const node that has the given fields.
func tensor(fields string) string {
	return `graph_def { node { name: "c" op: "Const" attr { key: "value" value { tensor { ` + fields + ` } } } } }`
}

// texts are texts that people and programs write, right ones and wrong ones.
var texts = []string{
	"", " \r\n", "# only a comment", "# a comment\r\nsaver_def { version: V2 }\r\n",
	`saver_def { version: V2; max_to_keep: 0x10, sharded: t }`, `saver_def <version: 2>`, `saver_def: { version: V2 }`,
	`saver_def { max_to_keep: 010 }`, `saver_def { max_to_keep: -2147483648 }`, `saver_def { max_to_keep: 2147483648 }`,
	`saver_def { max_to_keep: 1.0 }`, `saver_def { max_to_keep: "1" }`, `saver_def { max_to_keep: 1 max_to_keep: 2 }`,
	`saver_def { max_to_keep: 08 }`, `saver_def { max_to_keep: - 1 }`, `saver_def { max_to_keep: 0x }`,
	`saver_def { sharded: True }`, `saver_def { sharded: False }`, `saver_def { sharded: 1 }`, `saver_def { sharded: yes }`, `saver_def { sharded: f }`,
	`saver_def { version: V9 }`, `saver_def { version: 9 }`, `saver_def { version: -1 }`, `saver_def { version: v2 }`,
	`saver_def { } saver_def { }`, `saver_def { max_to_keep 1 }`, `saver_def { max_to_keep: }`, `saver_def {`, `saver_def }`, `saver_def { > `,
	`saver_def { keep_checkpoint_every_n_hours: 1.5f }`, `saver_def { keep_checkpoint_every_n_hours: 1F }`, `saver_def { keep_checkpoint_every_n_hours: inf }`,
	`saver_def { keep_checkpoint_every_n_hours: -Infinity }`, `saver_def { keep_checkpoint_every_n_hours: nan }`, `saver_def { keep_checkpoint_every_n_hours: NaNf }`,
	`saver_def { keep_checkpoint_every_n_hours: 1e400 }`, `saver_def { keep_checkpoint_every_n_hours: 1e-400 }`, `saver_def { keep_checkpoint_every_n_hours: 1e39 }`,
	`saver_def { keep_checkpoint_every_n_hours: 012.5 }`, `saver_def { keep_checkpoint_every_n_hours: .5 }`, `saver_def { keep_checkpoint_every_n_hours: 5. }`,
	`saver_def { keep_checkpoint_every_n_hours: 0x1p3 }`, `saver_def { keep_checkpoint_every_n_hours: 1e }`, `saver_def { keep_checkpoint_every_n_hours: -0 }`,
	`saver_def { filename_tensor_name: 'a"b' "c" 'd' }`, `saver_def { filename_tensor_name: "\x41\101\n\t\\\"\'" }`, `saver_def { filename_tensor_name: "\xff" }`,
	`saver_def { filename_tensor_name: "open }`, "saver_def { filename_tensor_name: \"a\nb\" }", `saver_def { filename_tensor_name: "größe" }`,
	`saver_def { filename_tensor_name: "a" ; }`, `saver_def { filename_tensor_name: a }`, `saver_def { filename_tensor_name: 1 }`, `saver_def { filename_tensor_name: "\1012" }`,
	`saver_def { junk: 1 }`, `junk: 1`, `saver_def.x: 1`, `1: 2`, `[a.b]: 1`, `saver_def { , }`, `saver_def { };;`, `saver_def { },`,
	`meta_info_def { tags: ["a", 'b' "c"] tags: "d" }`, `meta_info_def { tags: [] }`, `meta_info_def { tags: ["a",] }`, `meta_info_def { tags: ["a" "b" }`,
	`meta_info_def { function_aliases { key: "a" value: "b" } function_aliases { value: "x" } function_aliases { key: "y" } function_aliases { } }`,
	`meta_info_def { function_aliases { key: "a" value: "b" } function_aliases { key: "a" value: "c" } }`,
	`meta_info_def { function_aliases [{ key: "a" value: "b" }, < key: "c", value: "d"; >] }`, `meta_info_def { function_aliases { key: "a" key: "b" } }`,
	`meta_info_def { function_aliases { key: "a" junk: "b" } }`, `meta_info_def { function_aliases { value: 1 } }`,
	`meta_info_def { any_info { [type.googleapis.com/tensorflow.SaverDef] { max_to_keep: 3 } } }`, `meta_info_def { any_info { [x/tensorflow.SaverDef]: < max_to_keep: 3 > } }`,
	`meta_info_def { any_info { [ x / tensorflow . SaverDef ] { } } }`, `meta_info_def { any_info { [x/no.Such] { } } }`, `meta_info_def { any_info { [x/tensorflow.SaverDef] { junk: 3 } } }`,
	`meta_info_def { any_info { type_url: "x/no.Such" value: "abc" } }`, `meta_info_def { any_info { [x/tensorflow.SaverDef] { max_to_keep: 3 } value: "" } }`,
	`collection_def { key: "c" value { int64_list { value: [1, -2, 0x7fffffffffffffff] } } }`, `collection_def { key: "c" value { int64_list { } float_list { } } }`,
	`collection_def { key: "c" value { float_list { value: [1, 2.5, inf, -nan] } } }`, `collection_def { key: "c" value { bytes_list { value: "\377\0" } } }`,
	tensor(`dtype: DT_FLOAT8_E5M2 float8_val: "\x3e" tensor_shape { }`), tensor(`dtype: DT_INT2_REF`), tensor(`dtype: 999`), tensor(`dtype: DT_FUTURE`),
	tensor(`float_val: 0.1 float_val: [1, 2]; uint64_val: 18446744073709551615`), tensor(`uint64_val: 18446744073709551616`), tensor(`uint64_val: -1`), tensor(`uint64_val: -0`), tensor(`int_val: [1 2]`),
	`graph_def { node { name: "x" op: "NoOp" experimental_type { type_id: TFT_SHAPE_TENSOR } } }`, `graph_def { debug_info { files: "a" } }`, `graph_def { debug_info { files: "a" } debug_info { } }`,
	`graph_def { node { attr { key: "a" value { i: 1 f: 2 } } } }`, `graph_def { node { attr { value { list { } } } } }`, `graph_def { node { input: "a" input: "b" } }`,
	`signature_def { key: "k" value { defaults { key: "x" value { dtype: DT_FLOAT float_val: 1 } } } }`, `signature_def { key: "k" value { defaults { key: "x" value { junk: 1 } } } }`,
	`object_graph_def { nodes { function { function_spec { input_signature { tensor_value { name: "a" } } } } } }`,
	`object_graph_def { nodes { function { function_spec { input_signature { tensor_value { } numpy_value { } } } } } }`,
	`object_graph_def { nodes { function { function_spec { input_signature { int64_value: 1 numpy_value { } } } } } }`,
	"saver_def { \x01 }", "saver_def { max_to_keep: 1 } \x00", "\xef\xbb\xbfsaver_def { }", `saver_def { max_to_keep: 1max }`, `saver_def { max_to_keep: 1 }saver_def`,
}

// TestParsesWhatPythonParses compares with text_format.Parse which texts are accepted, and
// what they mean.
func TestParsesWhatPythonParses(t *testing.T) {
	t.Parallel()
	type answer struct {
		OK   bool
		Text string
	}
	args := make([]any, len(texts))
	for i, text := range texts {
		args[i] = []byte(text)
	}
	want := oracle.Value[[]answer](t, `
from google.protobuf import text_format
from tensorflow.core.protobuf import meta_graph_pb2
result = []
for text in args:
    m = meta_graph_pb2.MetaGraphDef()
    try:
        text_format.Parse(text, m)
        result.append({"ok": True, "text": text_format.MessageToString(m)})
    except Exception as e:
        result.append({"ok": False, "text": str(e)})
`, args...)
	for i, text := range texts {
		m := &metaGraph{}
		err := textformat.Unmarshal([]byte(text), m)
		if !want[i].OK {
			var place *textformat.Error
			assert.ErrorAs(t, err, &place, "%s\nPython: %s", text, want[i].Text)
			continue
		}
		if !assert.NoError(t, err, text) {
			continue
		}
		got, err := textformat.Marshal(m)
		require.NoError(t, err)
		assert.Equal(t, want[i].Text, string(got), text)
	}
}

func TestErrorNamesLineAndColumn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, says string }{
		{"field", "saver_def {\n  größe: 1\n}", `line 2, column 3: unknown field: the message tensorflow.SaverDef has no field "gr"`},
		{"column of characters", "saver_def { filename_tensor_name: \"größe\" junk: 1 }", `line 1, column 43: unknown field: the message tensorflow.SaverDef has no field "junk"`},
		{"enum", "saver_def {\r\n  version: V9\r\n}", `line 2, column 12: "V9" is no value of the enum tensorflow.SaverDef.CheckpointFormatVersion`},
		{"end", "saver_def {\n", "line 2, column 1: the text ends (unexpected EOF)"},
		{"string", "meta_info_def { tags: \"abc", "line 1, column 23: the string does not end"},
		{"nesting", "graph_def { node { " + strings.Repeat("attr { value { func { ", 60), "recursion limit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := textformat.Unmarshal([]byte(c.text), &metaGraph{})
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestTextRefusesFieldOfTheFuture(t *testing.T) {
	t.Parallel()
	future := protowire.AppendVarint(protowire.AppendTag(nil, 77, protowire.VarintType), 1)
	g := &graph_go_proto.GraphDef{}
	g.ProtoReflect().SetUnknown(future)
	_, err := textformat.Marshal(&metaGraph{GraphDef: g})
	var unknown *textformat.UnknownFieldError
	require.ErrorAs(t, err, &unknown)
	assert.ErrorContains(t, err, "tensorflow.GraphDef has field 77")

	// In a message that the Go types do not have.
	info := protowire.AppendBytes(protowire.AppendTag(nil, 5, protowire.BytesType), future)
	g.ProtoReflect().SetUnknown(info)
	_, err = textformat.Marshal(g)
	require.ErrorAs(t, err, &unknown)
	assert.ErrorContains(t, err, "tensorflow.GraphDebugInfo has field 77")
	data, err := proto.Marshal(g)
	require.NoError(t, err)
	assert.Equal(t, info, data, "binary keeps it")
}

func TestAnyOfTheFutureStaysPacked(t *testing.T) {
	t.Parallel()
	m := &metaGraph{}
	const text = `meta_info_def { any_info { type_url: "x/tensorflow.SaverDef" value: "\350\004\001" } }`
	require.NoError(t, textformat.Unmarshal([]byte(text), m))
	got, err := textformat.Marshal(m)
	require.NoError(t, err)
	assert.Contains(t, string(got), `value: "\350\004\001"`)
}

// TestAnyOfEveryURLParsesBack writes messages under URLs with each character. Go and Python parse
// the text back, and it is the text that Python writes where Python can parse that.
func TestAnyOfEveryURLParsesBack(t *testing.T) {
	t.Parallel()
	urls := []string{"x/tensorflow.SaverDef", "/tensorflow.SaverDef", "tensorflow.SaverDef", "a/b/tensorflow.SaverDef", "a//tensorflow.SaverDef", "%41/tensorflow.SaverDef",
		"%4/tensorflow.SaverDef", "é/tensorflow.SaverDef", "a\u2028b/tensorflow.SaverDef", "]/tensorflow.SaverDef", "/", "", "x/", "x/no.Such]"}
	for c := range byte(0x80) {
		urls = append(urls, "a"+string(rune(c))+"b/tensorflow.SaverDef")
	}
	var raw []any
	for _, url := range urls {
		m := &metaGraph{MetaInfoDef: &for_core_protos_go_proto.MetaGraphDef_MetaInfoDef{AnyInfo: &anypb.Any{TypeUrl: url, Value: []byte("\x20\x03")}}}
		text, err := textformat.Marshal(m)
		require.NoError(t, err)
		back := &metaGraph{}
		require.NoError(t, textformat.Unmarshal(text, back), "%q", text)
		require.Equal(t, url, back.MetaInfoDef.AnyInfo.TypeUrl)
		require.True(t, proto.Equal(m, back), url)
		data, err := proto.Marshal(m)
		require.NoError(t, err)
		raw = append(raw, data, text)
	}
	assert.Empty(t, oracle.Value[[]string](t, `
from google.protobuf import text_format
from tensorflow.core.protobuf import meta_graph_pb2
def parsed(text, m):
    try:
        return text_format.Parse(text, meta_graph_pb2.MetaGraphDef()) == m
    except text_format.ParseError:
        return False
result = []
for raw, text in zip(args[::2], args[1::2]):
    m = meta_graph_pb2.MetaGraphDef.FromString(raw)
    own = text_format.MessageToString(m)
    if not parsed(text, m) or parsed(own.encode(), m) and own.encode() != text:
        result.append(text.decode())
`, raw...))
}
