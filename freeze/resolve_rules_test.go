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

func TestFindTriesKeysInOrder(t *testing.T) {
	t.Parallel()
	v := variable("v", dtype.Float32, nil)
	v.Attr["shared_name"] = &graphdef.AttrValue{Value: &attrpb.AttrValue_S{S: []byte("shared")}}
	r := &resolver{
		saved:   map[string][]savedAs{"v": {{key: "first", saver: "save/"}, {key: "second", saver: "save_1/"}}},
		prefer:  "save_1/",
		aliases: map[string]string{"shared": "objects/v"},
	}
	keys := []string{}
	for _, c := range r.candidates(v) {
		keys = append(keys, c.key)
	}
	assert.Equal(t, []string{"second", "first", "v", "shared", "objects/v"}, keys)

	for _, key := range keys {
		r.src = tensors{info(key, dtype.Float32, 2)}
		ref, problem := r.find(v)
		require.Nil(t, problem, key)
		assert.Equal(t, key, ref.key)
		assert.EqualValues(t, 8, ref.bytes)
	}
	r.src = tensors{info("first", dtype.Int32, 2), info("v", dtype.Float32, 2)}
	ref, _ := r.find(v)
	assert.Equal(t, "v", ref.key, "a key whose value does not fit is passed over")

	r.src = tensors{info("first", dtype.Int32, 2)}
	_, trouble := r.find(v)
	assert.Equal(t, &problem{"v: the graph has float32, the checkpoint int32", false}, trouble)
	r.src = tensors{}
	_, trouble = r.find(v)
	assert.Equal(t, &problem{`v (saved as "second")`, true}, trouble)
	r = &resolver{src: tensors{}}
	_, trouble = r.find(v)
	assert.Equal(t, &problem{"v", true}, trouble)
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
	r := &resolver{src: tensors{w}}
	ref, problem := r.find(variable("w/part_1", dtype.Float32, []int64{2, 2}))
	require.Nil(t, problem)
	assert.Equal(t, int64(1), ref.slice[0].Start)
	_, problem = r.find(variable("w/part_2", dtype.Float32, nil))
	assert.True(t, problem.missing, "there are two parts")
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
