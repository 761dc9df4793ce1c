package freeze_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	opdefpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/sources"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/graphdef"
)

// memory is a source of values that tests make up.
type memory map[string]checkpoint.TensorInfo

func floats(dims ...int64) checkpoint.TensorInfo {
	n, _ := dtype.NumElements(dims)
	return checkpoint.TensorInfo{DType: dtype.Float32, Shape: dims, Bytes: 4 * n}
}

func (m memory) Lookup(key string) (checkpoint.TensorInfo, bool) { i, ok := m[key]; return i, ok }

func (m memory) ReadStrings(_ context.Context, key string, _ checkpoint.Slice) ([][]byte, error) {
	return nil, sources.NoStrings(key)
}

func (m memory) OpenTensor(_ context.Context, key string, _ checkpoint.Slice) (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(zeros{}, m[key].Bytes)), nil
}

func (m memory) Tensors() iter.Seq[checkpoint.TensorInfo] {
	return slices.Values(slices.SortedFunc(maps.Values(m), func(a, b checkpoint.TensorInfo) int { return strings.Compare(a.Name, b.Name) }))
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// graph parses a GraphDef written as text.
func graph(t *testing.T, text string) *graphdef.GraphDef {
	t.Helper()
	def := &graphdef.GraphDef{}
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

func TestVariableBecomesConst(t *testing.T) {
	t.Parallel()
	def := graph(t, linear)
	before := proto.Clone(def)
	plan, err := freeze.New(t.Context(), def, memory{"w": floats(2)}, &freeze.Options{Outputs: []string{"y:0"}})
	require.NoError(t, err)

	got, err := plan.GraphDef(t.Context())
	require.NoError(t, err)
	var names, ops []string
	for _, n := range got.Node {
		names, ops = append(names, n.Name), append(ops, n.Op)
		assert.Empty(t, n.Device)
	}
	assert.Equal(t, []string{"x", "w", "w/read", "y"}, names, "the unused variable is gone, the order stays")
	assert.Equal(t, []string{"Placeholder", "Const", "Identity", "Mul"}, ops)
	assert.Len(t, got.Node[1].Attr, 2, "dtype and value, and nothing else")
	assert.Equal(t, int32(2474), got.Versions.Producer)
	assert.True(t, proto.Equal(before, def), "the caller's graph is left alone")

	r := plan.Report()
	assert.Equal(t, []string{"x"}, r.Inputs)
	assert.Equal(t, []freeze.Variable{{Name: "w", Key: "w", DType: "float32", Shape: []int64{2}, Bytes: 8}}, r.Frozen)
}

func TestWriteWritesTheGraphDef(t *testing.T) {
	t.Parallel()
	plan, err := freeze.New(t.Context(), graph(t, linear), memory{"w": floats(2)}, &freeze.Options{Outputs: []string{"y"}})
	require.NoError(t, err)
	want, err := plan.GraphDef(t.Context())
	require.NoError(t, err)

	var first, second bytes.Buffer
	var written, size int64
	require.NoError(t, plan.Write(t.Context(), &first, &freeze.WriteOptions{Progress: func(done, total int64) { written, size = done, total }}))
	assert.EqualValues(t, first.Len(), written)
	assert.Equal(t, plan.Report().Size, written)
	assert.Equal(t, plan.Report().Size, size)
	require.NoError(t, plan.Write(t.Context(), &second, nil))
	assert.Equal(t, first.Bytes(), second.Bytes())

	got := &graphdef.GraphDef{}
	require.NoError(t, proto.Unmarshal(first.Bytes(), got))
	assert.True(t, proto.Equal(want, got))
	deterministic, err := proto.MarshalOptions{Deterministic: true}.Marshal(want)
	require.NoError(t, err)
	assert.Equal(t, deterministic, first.Bytes(), "byte for byte what marshaling would write")
}

func TestNewRefusesBadInput(t *testing.T) {
	t.Parallel()
	missing := `node { name: "a" op: "VariableV2" attr { key: "dtype" value { type: DT_FLOAT } } } node { name: "y" op: "Identity" input: "gone" }`
	twice := `node { name: "y" op: "VariableV2" } node { name: "y" op: "NoOp" }`
	frozen := `node { name: "y" op: "Const" }`
	for _, c := range []struct {
		name   string
		text   string
		values memory
		o      *freeze.Options
		kind   error
		says   []string
	}{
		{"no output", linear, memory{"w": floats(2)}, nil, tfkeep.ErrArgument, nil},
		{"unknown output", linear, memory{"w": floats(2)}, &freeze.Options{Outputs: []string{"yy", "nope"}}, tfkeep.ErrNotFound, []string{`"yy" (did you mean y`, `"nope"`}},
		{"frozen already", frozen, nil, &freeze.Options{Outputs: []string{"y"}}, tfkeep.ErrNotFound, []string{"cannot freeze a graph twice"}},
		{"value missing", linear, memory{}, &freeze.Options{Outputs: []string{"y", "unused"}}, tfkeep.ErrNotFound, []string{"2 without a value: w, unused"}},
		{"another shape", linear, memory{"w": floats(3)}, &freeze.Options{Outputs: []string{"y"}}, tfkeep.ErrMismatch, []string{"w: the graph has shape [2], the checkpoint [3]"}},
		{"another type", linear, memory{"w": {DType: dtype.Int32, Shape: []int64{2}, Bytes: 8}}, &freeze.Options{Outputs: []string{"y"}}, tfkeep.ErrMismatch, []string{"float32, the checkpoint int32"}},
		{"larger than 2 GiB", linear2GiB, memory{"w": floats(1 << 29)}, &freeze.Options{Outputs: []string{"y"}}, tfkeep.ErrTooLarge, []string{"SavedModel"}},
		{"input names nothing", missing, nil, &freeze.Options{Outputs: []string{"y"}}, tfkeep.ErrCorrupt, []string{"gone, an input of y"}},
		{"name stands twice", twice, nil, &freeze.Options{Outputs: []string{"y"}}, tfkeep.ErrCorrupt, []string{"twice"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := freeze.New(t.Context(), graph(t, c.text), c.values, c.o)
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
	t.Parallel()
	two := linear + `
node { name: "v" op: "VariableV2" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "z" op: "Add" input: "y" input: "v" attr { key: "T" value { type: DT_FLOAT } } }`
	for _, o := range []*freeze.Options{
		{Outputs: []string{"z"}, VariableAllowlist: []string{"w"}},
		{Outputs: []string{"z"}, VariableDenylist: []string{"v"}},
	} {
		plan, err := freeze.New(t.Context(), graph(t, two), memory{"w": floats(2)}, o)
		require.NoError(t, err)
		assert.Equal(t, []string{"v"}, plan.Report().Kept)
		assert.Len(t, plan.Report().Frozen, 1)
	}
}

func TestWritesAreRemovedAndReported(t *testing.T) {
	t.Parallel()
	text := linear + `
node { name: "delta" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "add" op: "AssignAdd" input: "w" input: "delta" input: "^y" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "out" op: "Neg" input: "y" input: "^add" attr { key: "T" value { type: DT_FLOAT } } }`
	plan, err := freeze.New(t.Context(), graph(t, text), memory{"w": floats(2)}, &freeze.Options{Outputs: []string{"out"}})
	require.NoError(t, err)
	assert.Equal(t, []freeze.Repair{{Node: "add", From: "AssignAdd"}}, plan.Report().Repairs)
	def, err := plan.GraphDef(t.Context())
	require.NoError(t, err)
	for _, n := range def.Node {
		assert.NotEqual(t, "add", n.Name)
		assert.NotContains(t, n.Input, "^add")
	}
}

func TestUpdateAsOutputIsRefused(t *testing.T) {
	t.Parallel()
	text := `
node { name: "h" op: "VarHandleOp" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "step" op: "ResourceApplyGradientDescent" input: "h" }`
	_, err := freeze.New(t.Context(), graph(t, text), memory{"h": floats(2)}, &freeze.Options{Outputs: []string{"step"}})
	require.ErrorIs(t, err, tfkeep.ErrUnsupported)
	var where *tfkeep.Error
	require.ErrorAs(t, err, &where)
	assert.Equal(t, "step", where.Name)
	assert.Contains(t, where.Detail, "operation ResourceApplyGradientDescent")
}

func TestRecursiveFunctionIsRefused(t *testing.T) {
	t.Parallel()
	call := func(name string, inputs ...string) *graphdef.NodeDef {
		return &graphdef.NodeDef{Name: name, Op: "PartitionedCall", Input: inputs, Attr: map[string]*graphdef.AttrValue{
			"f":   {Value: &attrpb.AttrValue_Func{Func: &attrpb.NameAttrList{Name: "f"}}},
			"Tin": {Value: &attrpb.AttrValue_List{List: &attrpb.AttrValue_ListValue{}}},
		}}
	}
	def := &graphdef.GraphDef{
		Node: []*graphdef.NodeDef{
			{Name: "h", Op: "VarHandleOp", Attr: map[string]*graphdef.AttrValue{"dtype": {Value: &attrpb.AttrValue_Type{Type: dtype.Float32}}}},
			call("y", "h"),
		},
		Library: &function_go_proto.FunctionDefLibrary{Function: []*function_go_proto.FunctionDef{{
			Signature: &graphdef.OpDef{Name: "f", InputArg: []*opdefpb.OpDef_ArgDef{{Name: "a"}}, OutputArg: []*opdefpb.OpDef_ArgDef{{Name: "r"}}},
			NodeDef:   []*graphdef.NodeDef{call("again", "a")},
			Ret:       map[string]string{"r": "again:output:0"},
		}}},
	}
	_, err := freeze.New(t.Context(), def, memory{"h": floats(2)}, &freeze.Options{Outputs: []string{"y"}})
	require.ErrorIs(t, err, tfkeep.ErrCorrupt)
	assert.ErrorContains(t, err, "calls itself")
}

func TestFailedWriteKeepsTheOldFile(t *testing.T) {
	t.Parallel()
	plan, err := freeze.New(t.Context(), graph(t, linear), failing{memory{"w": floats(2)}}, &freeze.Options{Outputs: []string{"y"}})
	require.NoError(t, err)
	dir := t.TempDir()
	path := filepath.Join(dir, "frozen.pb")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o644))
	err = plan.WriteFile(t.Context(), path, nil)
	require.ErrorContains(t, err, `value of "w"`)
	left, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "old", string(left))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1)

	err = plan.WriteFile(t.Context(), dir, nil)
	require.Error(t, err, "a directory is not replaced by a file")
}

func TestCanceledWriteStops(t *testing.T) {
	t.Parallel()
	plan, err := freeze.New(t.Context(), graph(t, linear), memory{"w": floats(2)}, &freeze.Options{Outputs: []string{"y"}})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, plan.Write(ctx, io.Discard, nil), context.Canceled)
}

// failing is a source whose data turn out damaged.
type failing struct{ memory }

func (failing) OpenTensor(context.Context, string, checkpoint.Slice) (io.ReadCloser, error) {
	return io.NopCloser(iotestErr{}), nil
}

type iotestErr struct{}

func (iotestErr) Read([]byte) (int, error) { return 0, fmt.Errorf("damaged") }

// closable is a source that counts how often it is closed.
type closable struct {
	memory
	closed *int
}

func (c closable) Close() error { *c.closed++; return nil }

func TestCloseSourceIsClosedByThePlan(t *testing.T) {
	t.Parallel()
	closed := 0
	src := closable{memory{"w": floats(2)}, &closed}
	for _, closeSource := range []bool{false, true} {
		plan, err := freeze.New(t.Context(), graph(t, linear), src, &freeze.Options{Outputs: []string{"y"}, CloseSource: closeSource})
		require.NoError(t, err)
		require.NoError(t, plan.Close())
	}
	assert.Equal(t, 1, closed)
	_, err := freeze.New(t.Context(), graph(t, linear), src, &freeze.Options{CloseSource: true})
	require.Error(t, err)
	assert.Equal(t, 1, closed, "with an error, the source stays the caller's")
}

// words is a source with a variable of strings.
type words struct{ memory }

func (words) ReadStrings(context.Context, string, checkpoint.Slice) ([][]byte, error) {
	return [][]byte{[]byte("a"), []byte("bc")}, nil
}

func TestStringVariablesAreReadAtOnce(t *testing.T) {
	t.Parallel()
	text := `node { name: "s" op: "VariableV2" attr { key: "dtype" value { type: DT_STRING } } } node { name: "y" op: "Identity" input: "s" }`
	values := memory{"s": {Name: "s", DType: dtype.String, Shape: []int64{2}}}
	plan, err := freeze.New(t.Context(), graph(t, text), words{values}, &freeze.Options{Outputs: []string{"y"}})
	require.NoError(t, err)
	def, err := plan.GraphDef(t.Context())
	require.NoError(t, err)
	assert.Equal(t, [][]byte{[]byte("a"), []byte("bc")}, def.Node[0].Attr["value"].GetTensor().GetStringVal())
	_, err = freeze.New(t.Context(), graph(t, text), values, &freeze.Options{Outputs: []string{"y"}})
	assert.ErrorIs(t, err, tfkeep.ErrUnsupported)
}

func TestNewRefusesNilArguments(t *testing.T) {
	t.Parallel()
	withVariable := &graphdef.GraphDef{Node: []*graphdef.NodeDef{{Name: "y", Op: "VariableV2"}}}
	for _, def := range []*graphdef.GraphDef{nil, withVariable} {
		_, err := freeze.New(t.Context(), def, nil, &freeze.Options{Outputs: []string{"y"}})
		require.ErrorIs(t, err, tfkeep.ErrArgument)
	}
}

// Devices stay with KeepDevices, and Rename gives variables other keys.
func TestDevicesAndKeysOfOptions(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		plan, err := freeze.New(t.Context(), graph(t, strings.Replace(linear, `name: "y" op: "Mul"`, `name: "y" op: "Mul" device: "/device:GPU:0"`, 1)), memory{"average": floats(2)}, &freeze.Options{
			Outputs: []string{"y"}, KeepDevices: keep, Rename: []freeze.Rename{{Variable: "(w)", Key: "average"}}})
		require.NoError(t, err)
		def, err := plan.GraphDef(t.Context())
		require.NoError(t, err)
		devices := map[string]string{}
		for _, n := range def.Node {
			devices[n.Name] = n.Device
		}
		want := ""
		if keep {
			want = "/device:GPU:0"
		}
		assert.Equal(t, want, devices["y"])
	}
}
