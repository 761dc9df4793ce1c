package freeze_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	opdefpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/freeze"
)

// memory is a source of values that tests make up.
type memory map[string]checkpoint.TensorInfo

func floats(dims ...int64) checkpoint.TensorInfo {
	n, _ := checkpoint.NumElements(dims)
	return checkpoint.TensorInfo{DType: dtype.Float32, Shape: dims, Bytes: 4 * n}
}

func (m memory) Lookup(key string) (checkpoint.TensorInfo, bool) { i, ok := m[key]; return i, ok }

func (m memory) OpenTensor(_ context.Context, key string) (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(zeros{}, m[key].Bytes)), nil
}

func (m memory) OpenSlice(context.Context, string, checkpoint.Slice) (io.ReadCloser, error) {
	return nil, errors.New("no slices here")
}

func (m memory) ReadStrings(context.Context, string) ([][]byte, error) {
	return nil, errors.New("no strings here")
}

func (m memory) ReadSliceStrings(context.Context, string, checkpoint.Slice) ([][]byte, error) {
	return nil, errors.New("no strings here")
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// graph parses a GraphDef written as text.
func graph(t *testing.T, text string) *graphpb.GraphDef {
	t.Helper()
	def := &graphpb.GraphDef{}
	require.NoError(t, prototext.Unmarshal([]byte(text), def))
	return def
}

const linear = `
node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "w" op: "VariableV2" device: "/device:GPU:0"
  attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape { dim { size: 2 } } } } }
node { name: "w/read" op: "Identity" input: "w" attr { key: "T" value { type: DT_FLOAT } }
  attr { key: "_class" value { list { s: "loc:@w" } } } }
node { name: "unused" op: "VariableV2" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "y" op: "Mul" input: "x" input: "w/read" attr { key: "T" value { type: DT_FLOAT } } }
versions { producer: 2474 }
`

func TestVariableBecomesConstOfTheSameName(t *testing.T) {
	def := graph(t, linear)
	before := proto.Clone(def)
	plan, err := freeze.New(def, memory{"w": floats(2)}, &freeze.Options{Outputs: []string{"y:0"}})
	require.NoError(t, err)

	got, err := plan.GraphDef(context.Background())
	require.NoError(t, err)
	var names, ops []string
	for _, n := range got.Node {
		names, ops = append(names, n.Name), append(ops, n.Op)
		assert.Empty(t, n.Device)
	}
	assert.Equal(t, []string{"x", "w", "w/read", "y"}, names, "the unused variable goes, the order stays")
	assert.Equal(t, []string{"Placeholder", "Const", "Identity", "Mul"}, ops)
	assert.Len(t, got.Node[1].Attr, 2, "dtype and value, and nothing else")
	assert.Equal(t, int32(2474), got.Versions.Producer)
	assert.True(t, proto.Equal(before, def), "the caller's graph is left alone")

	r := plan.Report()
	assert.Equal(t, []string{"x"}, r.Inputs)
	assert.Equal(t, []freeze.Variable{{Name: "w", Key: "w", DType: "float32", Shape: []int64{2}, Bytes: 8}}, r.Frozen)
}

func TestWrittenBytesAreTheGraphDef(t *testing.T) {
	plan, err := freeze.New(graph(t, linear), memory{"w": floats(2)}, &freeze.Options{Outputs: []string{"y"}})
	require.NoError(t, err)
	want, err := plan.GraphDef(context.Background())
	require.NoError(t, err)

	var first, second bytes.Buffer
	var told int64
	n, err := plan.WriteTo(context.Background(), &first, func(n int64) { told = n })
	require.NoError(t, err)
	assert.EqualValues(t, first.Len(), n)
	assert.Equal(t, n, told)
	assert.Equal(t, plan.Report().Size, n)
	_, err = plan.WriteTo(context.Background(), &second, nil)
	require.NoError(t, err)
	assert.Equal(t, first.Bytes(), second.Bytes())

	got := &graphpb.GraphDef{}
	require.NoError(t, proto.Unmarshal(first.Bytes(), got))
	assert.True(t, proto.Equal(want, got))
	deterministic, err := proto.MarshalOptions{Deterministic: true}.Marshal(want)
	require.NoError(t, err)
	assert.Equal(t, deterministic, first.Bytes(), "byte for byte what marshalling would write")
}

func TestBadInput(t *testing.T) {
	missing := `node { name: "a" op: "VariableV2" attr { key: "dtype" value { type: DT_FLOAT } } } node { name: "y" op: "Identity" input: "gone" }`
	twice := `node { name: "y" op: "VariableV2" } node { name: "y" op: "NoOp" }`
	frozen := `node { name: "y" op: "Const" }`
	for name, c := range map[string]struct {
		text   string
		values memory
		o      *freeze.Options
		kind   error
		says   []string
	}{
		"no output":           {linear, memory{"w": floats(2)}, nil, freeze.ErrNoOutputs, nil},
		"unknown output":      {linear, memory{"w": floats(2)}, &freeze.Options{Outputs: []string{"yy", "nope"}}, freeze.ErrUnknownNode, []string{`"yy" (did you mean y`, `"nope"`}},
		"frozen already":      {frozen, nil, &freeze.Options{Outputs: []string{"y"}}, freeze.ErrNoVariables, []string{"cannot freeze a graph twice"}},
		"value missing":       {linear, memory{}, &freeze.Options{Outputs: []string{"y", "unused"}}, freeze.ErrMissingValues, []string{"2 without a value: w, unused"}},
		"another shape":       {linear, memory{"w": floats(3)}, &freeze.Options{Outputs: []string{"y"}}, freeze.ErrMissingValues, []string{"w: the graph has shape [2], the checkpoint [3]"}},
		"another type":        {linear, memory{"w": {DType: dtype.Int32, Shape: []int64{2}, Bytes: 8}}, &freeze.Options{Outputs: []string{"y"}}, freeze.ErrMissingValues, []string{"float32, the checkpoint int32"}},
		"larger than 2 GiB":   {linear2GiB, memory{"w": floats(1 << 29)}, &freeze.Options{Outputs: []string{"y"}}, freeze.ErrTooLarge, []string{"SavedModel"}},
		"input names nothing": {missing, nil, &freeze.Options{Outputs: []string{"y"}}, freeze.ErrBadGraph, []string{"gone, an input of y"}},
		"name stands twice":   {twice, nil, &freeze.Options{Outputs: []string{"y"}}, freeze.ErrBadGraph, []string{"twice"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := freeze.New(graph(t, c.text), c.values, c.o)
			require.ErrorIs(t, err, c.kind)
			for _, s := range c.says {
				assert.ErrorContains(t, err, s)
			}
		})
	}
}

const linear2GiB = `
node { name: "w" op: "VariableV2" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape { dim { size: -1 } } } } }
node { name: "y" op: "Identity" input: "w" attr { key: "T" value { type: DT_FLOAT } } }
`

func TestAllowAndDenyLists(t *testing.T) {
	two := linear + `
node { name: "v" op: "VariableV2" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "z" op: "Add" input: "y" input: "v" attr { key: "T" value { type: DT_FLOAT } } }`
	for _, o := range []*freeze.Options{
		{Outputs: []string{"z"}, VariableAllowlist: []string{"w"}},
		{Outputs: []string{"z"}, VariableDenylist: []string{"v"}},
	} {
		plan, err := freeze.New(graph(t, two), memory{"w": floats(2)}, o)
		require.NoError(t, err)
		assert.Equal(t, []string{"v"}, plan.Report().Kept)
		assert.Len(t, plan.Report().Frozen, 1)
	}
}

func TestWritesAreTakenOutAndTold(t *testing.T) {
	text := linear + `
node { name: "delta" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "sub" op: "AssignSub" input: "w" input: "delta" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "add" op: "AssignAdd" input: "w" input: "delta" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "out" op: "Add" input: "y" input: "sub" input: "^add" attr { key: "T" value { type: DT_FLOAT } } }`
	plan, err := freeze.New(graph(t, text), memory{"w": floats(2)}, &freeze.Options{Outputs: []string{"out"}})
	require.NoError(t, err)
	assert.Equal(t, []freeze.Repair{{Node: "sub", From: "AssignSub", To: "Sub"}, {Node: "add", From: "AssignAdd"}}, plan.Report().Repairs)
	def, err := plan.GraphDef(context.Background())
	require.NoError(t, err)
	for _, n := range def.Node {
		assert.NotEqual(t, "add", n.Name)
		assert.NotContains(t, n.Input, "^add")
	}
}

func TestUpdateWhoseResultIsAskedForIsRefused(t *testing.T) {
	text := `
node { name: "h" op: "VarHandleOp" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "step" op: "ResourceApplyGradientDescent" input: "h" }`
	_, err := freeze.New(graph(t, text), memory{"h": floats(2)}, &freeze.Options{Outputs: []string{"step"}})
	require.ErrorIs(t, err, freeze.ErrUnsupported)
	var where *freeze.NodeError
	require.ErrorAs(t, err, &where)
	assert.Equal(t, "step", where.Node)
	assert.Equal(t, "ResourceApplyGradientDescent", where.Op)
}

func TestFunctionThatCallsItselfIsRefused(t *testing.T) {
	call := func(name string, inputs ...string) *nodepb.NodeDef {
		return &nodepb.NodeDef{Name: name, Op: "PartitionedCall", Input: inputs, Attr: map[string]*attrpb.AttrValue{
			"f":   {Value: &attrpb.AttrValue_Func{Func: &attrpb.NameAttrList{Name: "f"}}},
			"Tin": {Value: &attrpb.AttrValue_List{List: &attrpb.AttrValue_ListValue{}}},
		}}
	}
	def := &graphpb.GraphDef{
		Node: []*nodepb.NodeDef{
			{Name: "h", Op: "VarHandleOp", Attr: map[string]*attrpb.AttrValue{"dtype": {Value: &attrpb.AttrValue_Type{Type: dtype.Float32}}}},
			call("y", "h"),
		},
		Library: &functionpb.FunctionDefLibrary{Function: []*functionpb.FunctionDef{{
			Signature: &opdefpb.OpDef{Name: "f", InputArg: []*opdefpb.OpDef_ArgDef{{Name: "a"}}, OutputArg: []*opdefpb.OpDef_ArgDef{{Name: "r"}}},
			NodeDef:   []*nodepb.NodeDef{call("again", "a")},
			Ret:       map[string]string{"r": "again:output:0"},
		}}},
	}
	_, err := freeze.New(def, memory{"h": floats(2)}, &freeze.Options{Outputs: []string{"y"}})
	require.ErrorIs(t, err, freeze.ErrBadGraph)
	assert.ErrorContains(t, err, "calls itself")
}

func TestFailedWriteLeavesWhatWasThere(t *testing.T) {
	plan, err := freeze.New(graph(t, linear), failing{memory{"w": floats(2)}}, &freeze.Options{Outputs: []string{"y"}})
	require.NoError(t, err)
	dir := t.TempDir()
	path := filepath.Join(dir, "frozen.pb")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o644))
	_, err = plan.WriteFile(context.Background(), path, nil)
	require.ErrorContains(t, err, `value of "w"`)
	left, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "old", string(left))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1)

	_, err = plan.WriteFile(context.Background(), dir, nil)
	require.Error(t, err, "a directory is no place for a file")
}

func TestCancelledWriteStops(t *testing.T) {
	plan, err := freeze.New(graph(t, linear), memory{"w": floats(2)}, &freeze.Options{Outputs: []string{"y"}})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = plan.WriteTo(ctx, io.Discard, nil)
	assert.ErrorIs(t, err, context.Canceled)
}

// failing is a source whose data turn out damaged.
type failing struct{ memory }

func (failing) OpenTensor(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(iotestErr{}), nil
}

type iotestErr struct{}

func (iotestErr) Read([]byte) (int, error) { return 0, fmt.Errorf("damaged") }

func TestSuggestOutputs(t *testing.T) {
	training := linear + `
node { name: "labels" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "gradients/g" op: "Mul" input: "y" input: "labels" }
node { name: "Adam/update" op: "ApplyAdam" input: "w" input: "gradients/g" }
node { name: "save/SaveV2" op: "SaveV2" input: "w" }`
	assert.Equal(t, []string{"y"}, freeze.SuggestOutputs(graph(t, training), nil))

	loss := training + `
node { name: "sub" op: "Sub" input: "y" input: "labels" attr { key: "_output_shapes" value { list { shape { dim { size: -1 } } } } } }
node { name: "loss" op: "Mean" input: "sub" attr { key: "_output_shapes" value { list { shape { } } } } }`
	assert.Equal(t, []string{"y"}, freeze.SuggestOutputs(graph(t, loss), nil), "the loss is no output, nor is what leads from y to it")
}
