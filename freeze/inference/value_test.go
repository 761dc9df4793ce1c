package inference

import (
	"math"
	"testing"

	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	shapepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

func shape(dims ...int64) *shapepb.TensorShapeProto {
	s := &shapepb.TensorShapeProto{}
	for _, d := range dims {
		s.Dim = append(s.Dim, &shapepb.TensorShapeProto_Dim{Size: d})
	}
	return s
}

func TestConstValueReadsEveryEncoding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		tensor *tensorpb.TensorProto
		want   []float64 // nil where the constant is refused
	}{
		{"packed float32", &tensorpb.TensorProto{Dtype: dtype.Float32, TensorShape: shape(1), TensorContent: []byte{0, 0, 0x80, 0x3f}}, []float64{1}},
		{"packed float64", &tensorpb.TensorProto{Dtype: dtype.Float64, TensorShape: shape(1), TensorContent: []byte{0, 0, 0, 0, 0, 0, 0xf0, 0x3f}}, []float64{1}},
		{"listed", &tensorpb.TensorProto{Dtype: dtype.Float64, TensorShape: shape(2), DoubleVal: []float64{1, 2}}, []float64{1, 2}},
		{"last element repeats", &tensorpb.TensorProto{Dtype: dtype.Float32, TensorShape: shape(2, 2), FloatVal: []float32{1, 2}}, []float64{1, 2, 2, 2}},
		{"no elements stored", &tensorpb.TensorProto{Dtype: dtype.Float32, TensorShape: shape(2)}, []float64{0, 0}},
		{"empty", &tensorpb.TensorProto{Dtype: dtype.Float32, TensorShape: shape(0)}, []float64{}},
		{"too many elements", &tensorpb.TensorProto{Dtype: dtype.Float32, TensorShape: shape(1), FloatVal: []float32{1, 2}}, nil},
		{"too few bytes", &tensorpb.TensorProto{Dtype: dtype.Float32, TensorShape: shape(2), TensorContent: make([]byte, 4)}, nil},
		{"negative shape", &tensorpb.TensorProto{Dtype: dtype.Float32, TensorShape: shape(-1)}, nil},
		{"huge shape", &tensorpb.TensorProto{Dtype: dtype.Float32, TensorShape: shape(1<<40, 1<<40)}, nil},
		{"huge repeat", &tensorpb.TensorProto{Dtype: dtype.Float32, TensorShape: shape(1 << 30), FloatVal: []float32{1}}, nil},
		{"another type", &tensorpb.TensorProto{Dtype: dtype.Int32, TensorShape: shape(1), IntVal: []int32{1}}, nil},
		{"unknown rank", &tensorpb.TensorProto{Dtype: dtype.Float32, TensorShape: &shapepb.TensorShapeProto{UnknownRank: true}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v, ok := constValue(nodedef.Const("k", c.tensor))
			assert.Equal(t, c.want != nil, ok)
			if ok {
				assert.Equal(t, c.want, v.data)
				again, ok := constValue(v.node("k"))
				require.True(t, ok)
				assert.Equal(t, v.data, again.data)
			}
		})
	}
	_, ok := constValue(nil)
	assert.False(t, ok)
	_, ok = constValue(&graphdef.NodeDef{Op: "NoOp"})
	assert.False(t, ok)
}

func TestCombineBroadcastsSingleNumbersOnly(t *testing.T) {
	t.Parallel()
	of := func(dims []int64, data ...float64) *value {
		return &value{dtype: dtype.Float32, dims: dims, data: data}
	}
	sum := func(a, b float64) float64 { return a + b }
	for _, c := range []struct {
		name string
		a, b *value
		dims []int64 // nil where the result is unknown
		data []float64
	}{
		{"same shape", of([]int64{2}, 1, 2), of([]int64{2}, 3, 4), []int64{2}, []float64{4, 6}},
		{"number on the left", of([]int64{}, 1), of([]int64{2}, 3, 4), []int64{2}, []float64{4, 5}},
		{"number on the right", of([]int64{2}, 3, 4), of([]int64{1}, 1), []int64{2}, []float64{4, 5}},
		{"numbers of other rank", of([]int64{1, 1}, 1), of([]int64{}, 2), []int64{1, 1}, []float64{3}},
		{"another shape of that size", of([]int64{1, 2}, 1, 2), of([]int64{2, 1}, 3, 4), nil, nil},
		{"another rank", of([]int64{2}, 1, 2), of([]int64{1, 2}, 3, 4), nil, nil},
		{"another size", of([]int64{2}, 1, 2), of([]int64{3}, 1, 2, 3), nil, nil},
		{"nothing and a number", of([]int64{0}), of([]int64{}, 1), nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := combine(c.a, c.b, sum)
			if c.dims == nil {
				assert.Nil(t, got)
				return
			}
			require.NotNil(t, got)
			assert.Equal(t, c.dims, got.dims)
			assert.Equal(t, c.data, got.data)
		})
	}
}

func TestEvaluateComputesConstantExpressions(t *testing.T) {
	t.Parallel()
	g := newGraph(&graphdef.GraphDef{Node: []*graphdef.NodeDef{
		nodedef.Const("four", &tensorpb.TensorProto{Dtype: dtype.Float32, TensorShape: shape(), FloatVal: []float32{4}}),
		nodedef.Const("two", &tensorpb.TensorProto{Dtype: dtype.Float64, TensorShape: shape(), DoubleVal: []float64{2}}),
		{Name: "rsqrt", Op: "Rsqrt", Input: []string{"four"}},
		{Name: "y", Op: "Sub", Input: []string{"rsqrt", "four:0"}},
		{Name: "types", Op: "Add", Input: []string{"four", "two"}},
		{Name: "other", Op: "Add", Input: []string{"four", "x"}},
		{Name: "second", Op: "Neg", Input: []string{"four:1"}},
		{Name: "cycle", Op: "Neg", Input: []string{"cycle"}},
		{Name: "x", Op: "Placeholder"},
	}}, nil)
	v := g.evaluate(g.byName["y"], 0)
	require.NotNil(t, v)
	assert.Equal(t, []float64{-3.5}, v.data)
	for _, name := range []string{"types", "other", "second", "cycle", "x"} {
		assert.Nil(t, g.evaluate(g.byName[name], 0), name)
	}
}

func TestPerChannel(t *testing.T) {
	t.Parallel()
	v := &value{dims: []int64{3, 1, 1}, data: []float64{1, 2, 3}}
	_, ok := v.perChannel(3, 1)
	assert.False(t, ok)
	got, ok := v.perChannel(3, 3)
	assert.True(t, ok)
	assert.Equal(t, v.data, got)
	_, ok = v.perChannel(4, 3)
	assert.False(t, ok)
	_, ok = v.perChannel(3, 4)
	assert.False(t, ok)
}

func TestRoundReportsTheError(t *testing.T) {
	t.Parallel()
	half := encoder(func(x float32) (uint16, float32) { h := dtype.ToF16(x); return uint16(h), h.Float32() })
	content, r := half.round([]float64{1, 0.1, math.Inf(1), math.NaN()})
	assert.Len(t, content, 8)
	assert.Empty(t, r.Kept)
	assert.InDelta(t, 2.44e-5, r.MaxError, 1e-6)
	_, r = half.round([]float64{1, 1e6})
	assert.Equal(t, "the value 1e+06 does not fit", r.Kept)
}

func TestPruneRemovesWhatOnlyRemovedNodesUsed(t *testing.T) {
	t.Parallel()
	g := newGraph(&graphdef.GraphDef{Node: []*graphdef.NodeDef{
		{Name: "a"}, {Name: "b", Input: []string{"a"}}, {Name: "kept"}, {Name: "used"}, {Name: "y", Input: []string{"^used"}},
	}}, []string{"kept:0"})
	g.prune(map[string]bool{"b": true, "kept": true, "used": true})
	var left []string
	for _, n := range g.def.Node {
		left = append(left, n.Name)
	}
	assert.Equal(t, []string{"kept", "used", "y"}, left)
}
