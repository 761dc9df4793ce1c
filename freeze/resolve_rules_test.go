package freeze

import (
	"bytes"
	"context"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/sources"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// tensors is a source of numbers and nothing else.
type tensors []checkpoint.TensorInfo

func (s tensors) Tensors() iter.Seq[checkpoint.TensorInfo] { return slices.Values(s) }

func (s tensors) Lookup(name string) (checkpoint.TensorInfo, bool) {
	i := slices.IndexFunc(s, func(t checkpoint.TensorInfo) bool { return t.Name == name })
	if i < 0 {
		return checkpoint.TensorInfo{}, false
	}
	return s[i], true
}

func (s tensors) ReadStrings(_ context.Context, name string, _ checkpoint.Slice) ([][]byte, error) {
	return nil, sources.NoStrings(name)
}

func (s tensors) OpenTensor(_ context.Context, name string, part checkpoint.Slice) (io.ReadCloser, error) {
	if err := sources.WholeOnly(name, part); err != nil {
		return nil, err
	}

	return io.NopCloser(strings.NewReader("short")), nil
}

func info(name string, dt dtype.DataType, shape ...int64) checkpoint.TensorInfo {
	return checkpoint.TensorInfo{Name: name, DType: dt, Shape: shape}
}

func variable(name string, dt dtype.DataType, shape []int64) *graphdef.NodeDef {
	n := &graphdef.NodeDef{Name: name, Op: "VariableV2", Attr: attrs{"dtype": nodedef.TypeAttr(dt)}}
	if shape != nil {
		n.Attr["shape"] = &graphdef.AttrValue{Value: &attrpb.AttrValue_Shape{Shape: nodedef.ShapeProto(shape)}}
	}
	return n
}

// finder returns a resolver for variables that savers restore from keys: "v" → "first", …
func finder(nodes []*graphdef.NodeDef, saved ...[]savedAs) *resolver {
	r := &resolver{keys: newKeys(), parts: map[string]int{}}
	for i, n := range nodes {
		r.keys.addVariable(n)
		if i < len(saved) {
			for _, c := range saved[i] {
				r.keys.saved[variableID(n)] = append(r.keys.saved[variableID(n)], c)
				own(r.keys.owners, c.key, variableID(n))
				own(r.keys.savers, c.saver, variableID(n))
			}
		}
	}
	return r
}

func sum(name string, crc uint32) checkpoint.TensorInfo {
	return checkpoint.TensorInfo{Name: name, DType: dtype.Float32, Bytes: 4, CRC32C: crc}
}

func TestFindTakesKnownKeysOnly(t *testing.T) {
	t.Parallel()
	v, w := variable("v", dtype.Float32, nil), variable("w", dtype.Float32, nil)
	shared := variable("s/v", dtype.Float32, nil)
	shared.Attr["shared_name"] = &graphdef.AttrValue{Value: &attrpb.AttrValue_S{S: []byte("v")}}
	averages, all := savedAs{key: "v/avg", saver: "a"}, savedAs{key: "v", saver: "b"}
	mine := averages
	mine.preferred = true
	both := tensors{sum("v", 1), sum("v/avg", 2)}
	for _, c := range []struct {
		name    string
		nodes   []*graphdef.NodeDef // the first is looked for
		saved   [][]savedAs
		src     tensors
		want    string // the key
		others  []string
		problem string
		unclear bool
	}{
		{name: "a saver's key", nodes: []*graphdef.NodeDef{v}, saved: [][]savedAs{{averages}}, src: both, want: "v/avg"},
		{name: "the name, where savers differ", nodes: []*graphdef.NodeDef{v}, saved: [][]savedAs{{averages, all}}, src: both, want: "v", others: []string{"v/avg"}},
		{name: "equal values", nodes: []*graphdef.NodeDef{v}, saved: [][]savedAs{{averages, all}}, src: tensors{sum("v", 2), sum("v/avg", 2)}, want: "v/avg"},
		{name: "the preferred saver", nodes: []*graphdef.NodeDef{v}, saved: [][]savedAs{{mine, all}}, src: both, want: "v/avg"},
		{name: "the preferred saver is of another checkpoint", nodes: []*graphdef.NodeDef{v}, saved: [][]savedAs{{mine, all}}, src: both[:1], want: "v"},
		{name: "the saver of all", nodes: []*graphdef.NodeDef{v, w}, saved: [][]savedAs{{averages, {key: "model/v", saver: "b"}}, {{key: "model/w", saver: "b"}}},
			src: tensors{sum("v/avg", 1), sum("model/v", 2)}, want: "model/v", others: []string{"v/avg"}},
		{name: "two savers that cover the same", nodes: []*graphdef.NodeDef{v}, saved: [][]savedAs{{averages, {key: "model/v", saver: "b"}}},
			src: tensors{sum("v/avg", 1), sum("model/v", 2)}, problem: `v: the graph names "v/avg" and "model/v" for it, which have different values; name the saver that is meant`, unclear: true},
		{name: "two variables for one key", nodes: []*graphdef.NodeDef{v, w}, saved: [][]savedAs{{all}, {all}}, src: both,
			problem: `v: the saver restores "v" into w too`, unclear: true},
		{name: "names exchanged", nodes: []*graphdef.NodeDef{v, w}, saved: [][]savedAs{{{key: "w", saver: "a"}}, {{key: "v", saver: "a"}}}, src: tensors{sum("v", 1)},
			problem: `v (saved as "w")`},
		{name: "the name, where no saver is", nodes: []*graphdef.NodeDef{v}, src: both, want: "v"},
		{name: "the name, where the saver's key is missing", nodes: []*graphdef.NodeDef{v}, saved: [][]savedAs{{averages}}, src: both[:1], want: "v"},
		{name: "the shared name", nodes: []*graphdef.NodeDef{shared}, src: both, want: "v"},
		{name: "the shared name, of one variable", nodes: []*graphdef.NodeDef{shared, v}, src: both, want: "v"},
		{name: "a name of another container", nodes: []*graphdef.NodeDef{contained(shared, "other"), v}, src: both, problem: "s/v"},
		{name: "another type", nodes: []*graphdef.NodeDef{v}, src: tensors{info("v", dtype.Int32)}, problem: "v: the graph has float32, the checkpoint int32"},
		{name: "another key fits", nodes: []*graphdef.NodeDef{v}, saved: [][]savedAs{{averages, all}}, src: tensors{info("v/avg", dtype.Int32), sum("v", 1)}, want: "v"},
		{name: "nothing", nodes: []*graphdef.NodeDef{v}, src: tensors{}, problem: "v"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := finder(c.nodes, c.saved...)
			r.src = c.src
			ref, trouble := r.find(t.Context(), c.nodes[0])
			if c.problem != "" {
				require.NotNil(t, trouble)
				assert.Equal(t, c.problem, trouble.text)
				assert.Equal(t, c.unclear, trouble.unclear)
				assert.Nil(t, ref)
				return
			}
			require.Nil(t, trouble)
			assert.Equal(t, c.want, ref.key)
			assert.Equal(t, c.others, ref.others)
		})
	}
}

func contained(n *graphdef.NodeDef, container string) *graphdef.NodeDef {
	n = proto.Clone(n).(*graphdef.NodeDef)
	n.Attr["container"] = &graphdef.AttrValue{Value: &attrpb.AttrValue_S{S: []byte(container)}}
	return n
}

// Handles without a shared name are one resource in TensorFlow, the one without a name.
func TestNamelessHandlesAreOneVariable(t *testing.T) {
	t.Parallel()
	a, b := variable("a", dtype.Float32, nil), variable("b", dtype.Float32, nil)
	a.Op, b.Op = "VarHandleOp", "VarHandleOp"
	r := finder([]*graphdef.NodeDef{a, b})
	r.src = tensors{sum("a", 1), sum("b", 2)}
	_, trouble := r.find(t.Context(), a)
	require.NotNil(t, trouble)
	assert.True(t, trouble.unclear)
}

func TestSameValueReadsWhatHasNoChecksum(t *testing.T) {
	t.Parallel()
	src := tensors{info("a", dtype.Float32), info("b", dtype.Float32), info("i", dtype.Int32)}
	a, b, i := &valueRef{key: "a", dtype: dtype.Float32}, &valueRef{key: "b", dtype: dtype.Float32}, &valueRef{key: "i", dtype: dtype.Int32}
	same, err := sameValue(t.Context(), src, a, b)
	require.NoError(t, err)
	assert.True(t, same, "every tensor of this source has the same bytes")
	same, err = sameValue(t.Context(), src, a, i)
	require.NoError(t, err)
	assert.False(t, same)
	for _, c := range []struct {
		name, a, b string
		same       bool
	}{{"equal", "abc", "abc", true}, {"shorter", "abc", "ab", false}, {"different", "abc", "abd", false}, {"empty", "", "", true}} {
		same, err := sameBytes(strings.NewReader(c.a), strings.NewReader(c.b))
		require.NoError(t, err)
		assert.Equal(t, c.same, same, c.name)
	}
}

func TestFitComparesTypeAndShape(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		node  *graphdef.NodeDef
		info  checkpoint.TensorInfo
		slice string
		why   string // "" where the value fits
		shape []int64
	}{
		{"exact", variable("v", dtype.Float32, []int64{2, 3}), info("v", dtype.Float32, 2, 3), "", "", []int64{2, 3}},
		{"a free dimension", variable("v", dtype.Float32, []int64{-1, 3}), info("v", dtype.Float32, 2, 3), "", "", []int64{2, 3}},
		{"no declared shape", variable("v", dtype.Float32, nil), info("v", dtype.Float32, 2, 3), "", "", []int64{2, 3}},
		{"another rank", variable("v", dtype.Float32, []int64{6}), info("v", dtype.Float32, 2, 3), "", "v: the graph has shape [6], the checkpoint [2 3]", nil},
		{"another type", variable("v", dtype.Float64, nil), info("v", dtype.Float32), "", "v: the graph has float64, the checkpoint float32", nil},
		{"a slice", variable("v", dtype.Float32, []int64{1, 3}), info("v", dtype.Float32, 2, 3), "2 3 1,1:-", "", []int64{1, 3}},
		{"a slice of another tensor", variable("v", dtype.Float32, nil), info("v", dtype.Float32, 4, 3), "2 3 1,1:-",
			`v: part of a tensor of shape [2 3], but "v" has shape [4 3]`, nil},
		{"a slice beyond the end", variable("v", dtype.Float32, nil), info("v", dtype.Float32, 2, 3), "2 3 2,1:-", `v: slice "2 3 2,1:-"`, nil},
		{"not a slice", variable("v", dtype.Float32, nil), info("v", dtype.Float32, 2, 3), "two", `v: slice "two"`, nil},
		{"too large", variable("v", dtype.Float32, nil), info("v", dtype.Float32, 1<<40, 1<<40), "", "is too large", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ref, why := fit(c.node, c.info, savedAs{key: "v", slice: c.slice})
			if c.why != "" {
				assert.Nil(t, ref)
				assert.Contains(t, why, c.why)
				return
			}
			require.NotNil(t, ref, why)
			assert.Equal(t, c.shape, ref.shape)
		})
	}
	old := variable("v", dtype.Float32, []int64{})
	old.Op = "Variable"
	_, ok := nodedef.VariableShape(old)
	assert.False(t, ok, "old graphs write an unknown shape as a scalar")
}

func TestPartsWithoutASaverAreSlices(t *testing.T) {
	t.Parallel()
	rows := func(start, length int64) checkpoint.SliceInfo {
		return checkpoint.SliceInfo{Slice: checkpoint.Slice{{Start: start, Length: length}, {Start: 0, Length: -1}}}
	}
	w := info("w", dtype.Float32, 3, 2)
	w.Slices = []checkpoint.SliceInfo{rows(1, 2), rows(0, 1)} // not in order
	r := finder(nil)
	r.src, r.parts = tensors{w}, map[string]int{"w": 2}
	ref, problem := r.find(t.Context(), variable("w/part_1", dtype.Float32, []int64{2, 2}))
	require.Nil(t, problem)
	assert.Equal(t, int64(1), ref.slice[0].Start)
	_, problem = r.find(t.Context(), variable("w/part_2", dtype.Float32, nil))
	assert.True(t, problem.missing, "there are two parts")
	r.parts["w"] = 3
	_, problem = r.find(t.Context(), variable("w/part_1", dtype.Float32, []int64{2, 2}))
	require.NotNil(t, problem, "the graph has three parts, the checkpoint two")
	assert.True(t, problem.missing)
}

func TestWriteNoticesShortValues(t *testing.T) {
	t.Parallel()
	def := &graphdef.GraphDef{Node: []*graphdef.NodeDef{variable("v", dtype.Float32, []int64{2})}}
	src := tensors{{Name: "v", DType: dtype.Float32, Shape: []int64{2}, Bytes: 8}}
	plan, err := New(t.Context(), def, src, &Options{Outputs: []string{"v"}})
	require.NoError(t, err)
	err = plan.Write(t.Context(), &bytes.Buffer{}, nil)
	require.ErrorIs(t, err, tfkeep.ErrMismatch)
	assert.ErrorContains(t, err, `freeze: value of "v": `)
	_, err = plan.GraphDef(t.Context())
	assert.ErrorIs(t, err, tfkeep.ErrMismatch)
}
