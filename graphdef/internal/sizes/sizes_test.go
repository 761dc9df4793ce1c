package sizes_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef/internal/sizes"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

const types = `attr { key: "T" value { type: DT_INT32 } } attr { key: "dtype" value { type: DT_INT32 } } `

func ints(name, dims, values string) string {
	return fmt.Sprintf(`node { name: %q op: "Const" attr { key: "dtype" value { type: DT_INT32 } } attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { %s } %s } } } } `, name, dims, values)
}

func bools(name, dims, values string) string {
	return strings.ReplaceAll(ints(name, dims, values), "DT_INT32", "DT_BOOL")
}

var constants = ints("zero", "", "int_val: 0") + ints("one", "", "int_val: 1") + ints("two", "", "int_val: 2") + ints("minus", "", "int_val: -1") +
	ints("big", "", "int_val: 65536") + ints("huge", "", "int_val: 2147483647") +
	ints("dims", "dim { size: 2 }", "int_val: 3 int_val: 5") + ints("ones", "dim { size: 2 }", "int_val: 1") + ints("first", "dim { size: 1 }", "int_val: 0") +
	ints("second", "dim { size: 1 }", "int_val: 1") + ints("matrix", "dim { size: 2 } dim { size: 3 }", "int_val: 7") +
	ints("pads", "dim { size: 2 } dim { size: 2 }", "int_val: 1 int_val: 2 int_val: 0 int_val: 4") + `
	node { name: "x" op: "Placeholder" attr { key: "shape" value { shape { unknown_rank: true } } } }
	node { name: "image" op: "Placeholder" attr { key: "shape" value { shape { dim { size: -1 } dim { size: 8 } } } } }
	node { name: "text" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape { dim { size: 3 } } string_val: "ab" string_val: "c" } } } } `

func of(t *testing.T, text string) sizes.Tensor {
	t.Helper()
	return sizes.Infer(tftest.ParseGraph(t, constants+text).Node, nil, nil).Of("n")
}

func node(op, inputs string, attrs ...string) string {
	s := fmt.Sprintf(`node { name: "n" op: %q %s %s`, op, types, "")
	for _, in := range strings.Fields(inputs) {
		s += fmt.Sprintf(` input: %q`, in)
	}
	for _, a := range attrs {
		s += " attr { " + a + " }"
	}
	return s + " } "
}

func TestInferFollowsShapesAndValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, graph string
		dims        []int64
		values      []float64
	}{
		{"a constant", node("Identity", "dims"), []int64{2}, []float64{3, 5}},
		{"a fill", node("Fill", "dims two"), []int64{3, 5}, make15(2)},
		{"arithmetic", node("Mul", "dims two"), []int64{2}, []float64{6, 10}},
		{"an overflow", node("Mul", "big big"), []int64{}, nil},
		{"a division by zero", node("FloorDiv", "one zero"), []int64{}, nil},
		{"a comparison", node("Less", "dims big"), []int64{2}, []float64{1, 1}},
		{"a cast", node("Cast", "dims", `key: "DstT" value { type: DT_INT64 }`), []int64{2}, []float64{3, 5}},
		{"a product", node("Prod", "dims zero"), []int64{}, []float64{15}},
		{"a product that keeps dimensions", node("Prod", "dims zero", `key: "keep_dims" value { b: true }`), []int64{1}, []float64{15}},
		{"a sum over one axis", node("Sum", "matrix zero"), []int64{3}, nil},
		{"a packed shape", node("Pack", "one two"), []int64{2}, []float64{1, 2}},
		{"a concatenation", node("ConcatV2", "dims ones zero"), []int64{4}, []float64{3, 5, 1, 1}},
		{"a concatenation of columns", node("ConcatV2", "matrix matrix one"), []int64{2, 6}, nil},
		{"an element", node("StridedSlice", "dims second second second", `key: "shrink_axis_mask" value { i: 1 }`), []int64{}, []float64{5}},
		{"a slice", node("StridedSlice", "dims first second second"), []int64{1}, []float64{3}},
		{"a shape", node("Shape", "matrix"), []int64{2}, []float64{2, 3}},
		{"a shape with an unknown dimension", node("Shape", "image"), []int64{2}, nil},
		{"a size", node("Size", "matrix"), []int64{}, []float64{6}},
		{"a rank", node("Rank", "image"), []int64{}, []float64{2}},
		{"a rank that is not known, at most", node("Rank", "x"), []int64{}, []float64{254}},
		{"a range", node("Range", "zero two one"), []int64{2}, []float64{0, 1}},
		{"a tile", node("Tile", "dims second"), []int64{2}, []float64{3, 5}},
		{"paddings", node("Pad", "matrix pads"), []int64{5, 7}, nil},
		{"a reshape", node("Reshape", "matrix second"), []int64{1}, []float64{7, 7, 7, 7, 7, 7}},
		{"a transpose", node("Transpose", "matrix p") + ints("p", "dim { size: 2 }", "int_val: 1 int_val: 0"), []int64{3, 2}, nil},
		{"a new dimension", node("ExpandDims", "dims zero"), []int64{1, 2}, []float64{3, 5}},
		{"gathered", node("GatherV2", "dims second zero"), []int64{1}, []float64{5}},
		{"a shape that two are broadcast to", node("BroadcastArgs", "dims second"), []int64{2}, []float64{3, 5}},
		{"a shape that is not broadcast", node("BroadcastArgs", "none dims") + ints("none", "dim { }", ""), []int64{2}, []float64{3, 5}},
		{"a choice by elements", node("SelectV2", "yes dims two") + bools("yes", "dim { size: 2 }", "bool_val: true bool_val: false"), []int64{2}, []float64{3, 2}},
		{"a choice of a scalar with the shape of a vector", node("SelectV2", "yes two dims") + bools("yes", "", "bool_val: true"), []int64{2}, []float64{2, 2}},
		{"a column and a row", node("Mul", "column row") + ints("column", "dim { size: 2 } dim { size: 1 }", "int_val: 3") + ints("row", "dim { size: 1 } dim { size: 2 }", "int_val: 3"), []int64{2, 2}, nil},
		{"a batch of products", node("BatchMatMulV2", "batch matrix", `key: "adj_y" value { b: true }`) + ints("batch", "dim { size: 4 } dim { size: 5 } dim { size: 3 }", "int_val: 1"), []int64{4, 5, 2}, nil},
		{"a product of matrices", node("MatMul", "matrix matrix", `key: "transpose_b" value { b: true }`), []int64{2, 2}, nil},
		{"a broadcast", node("Add", "image second"), []int64{-1, 8}, nil},
		{"an unpacked element", node("Identity", "u:1") + `node { name: "u" op: "Unpack" input: "dims" attr { key: "num" value { i: 2 } } }`, []int64{}, []float64{5}},
		{"stitched", node("DynamicStitch", "i dims") + ints("i", "dim { size: 2 }", "int_val: 1 int_val: 0"), []int64{2}, []float64{5, 3}},
		{"selected", node("SelectV2", "zero one two"), []int64{}, []float64{2}},
		{"a loop's value", node("Exit", "m") + `node { name: "m" op: "Merge" input: "e" input: "next" } node { name: "e" op: "Enter" input: "matrix" } node { name: "next" op: "NextIteration" input: "m" }`, []int64{-1, -1}, nil},
	} {
		got := of(t, c.graph)
		assert.Equal(t, c.dims, got.Dims, c.name)
		assert.Equal(t, c.values, got.Values, c.name)
	}
}

func make15(v float64) []float64 {
	values := make([]float64, 15)
	for i := range values {
		values[i] = v
	}
	return values
}

func TestInferBoundsSizes(t *testing.T) {
	t.Parallel()
	const none = sizes.NotKnown
	for _, c := range []struct {
		name, graph string
		elems, text int64
	}{
		{"a fill", node("Fill", "d one") + ints("d", "dim { size: 2 }", "int_val: 65536"), 1 << 32, 0},
		{"a fill of text", node("Fill", "dims t") + `node { name: "t" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape { } string_val: "abc" } } } }`, 15, 45},
		{"a fill of a size that is not known", node("Fill", "x one"), none, none},
		{"a range", node("Range", "zero huge one"), 1<<31 - 1, 0},
		{"a broadcast sum", node("Add", "a b") + `node { name: "a" op: "Reshape" input: "r" input: "d" } node { name: "b" op: "ExpandDims" input: "r" input: "zero" } node { name: "r" op: "Range" input: "zero" input: "big" input: "one" } ` + ints("d", "dim { size: 2 }", "int_val: 65536 int_val: 1"), 1 << 32, 0},
		{"a diagonal", node("Diag", "r") + `node { name: "r" op: "Range" input: "zero" input: "big" input: "one" }`, 1 << 32, 0},
		{"an outer product", node("Einsum", "r r", `key: "equation" value { s: "i,j->ij" }`) + `node { name: "r" op: "Range" input: "zero" input: "big" input: "one" }`, 1 << 32, 0},
		{"repeated labels", node("Einsum", "r", `key: "equation" value { s: "i->ii" }`) + `node { name: "r" op: "Range" input: "zero" input: "big" input: "one" }`, 1 << 32, 0},
		{"one-hot vectors", node("OneHot", "dims big"), 2 << 16, 0},
		{"segments", node("UnsortedSegmentSum", "dims dims huge"), 1<<31 - 1, 0},
		{"segments by their largest number", node("SegmentSum", "dims ids") + ints("ids", "dim { size: 2 }", "int_val: 0 int_val: 65535"), 1 << 16, 0},
		{"means of segments", node("SegmentMean", "dims ids") + ints("ids", "dim { size: 2 }", "int_val: 0 int_val: 65535"), 1 << 16, 0},
		{"joined text", node("StringJoin", "text text"), 3, 8},
		{"joined text that is broadcast", node("StringJoin", "text t") + `node { name: "t" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape { } string_val: "abc" } } } }`, 3, 4 + 9},
		{"numbers as text", node("AsString", "dims", `key: "width" value { i: 1000000 }`), 2, 2 * 1000400},
		{"raw bytes", node("DecodeRaw", "text"), 4, 0},
		{"padded bytes", node("DecodePaddedRaw", "text big"), 3 << 16, 4 * 3 << 16},
		{"a replacement", node("StaticRegexReplace", "text", `key: "rewrite" value { s: "aaaa" }`), 3, 7 * 5},
		{"the axes of a rank that is not known", node("Range", "zero s one") + `node { name: "s" op: "Size" input: "h" } node { name: "h" op: "Shape" input: "x" } `, 254, 0},
		{"the shape of a sum over axes of a rank that is not known", node("DynamicStitch", "r m h ones") + `node { name: "r" op: "Range" input: "zero" input: "s" input: "one" } node { name: "m" op: "FloorMod" input: "dims" input: "s" } node { name: "s" op: "Size" input: "h" } node { name: "h" op: "Shape" input: "x" } `, 255 * 254, 0},
		{"axes of an unbounded size", node("Range", "zero s one") + `node { name: "s" op: "Size" input: "x" } `, none, 0},
		{"a reshape to a known shape", node("Reshape", "x dims"), 15, none},
		{"n-grams", node("StringNGrams", "text first", `key: "ngram_widths" value { list { i: 2 } }`, `key: "separator" value { s: " " }`), 6, 2*4 + 6*2*2},
		{"a random tensor", node("RandomUniform", "dims"), 15, 0},
		{"a handle of an array", node("TensorArrayV3", "huge"), 1<<31 - 1, 0},
		{"a list that is stacked", node("TensorListStack", "x ones"), none, none},
	} {
		got := of(t, c.graph)
		assert.Equal(t, c.elems, got.Elems, c.name)
		assert.Equal(t, c.text, got.Text, c.name)
	}
}

func TestAsksCountsOnlyWhatTheGraphStates(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, constants+`node { name: "a" op: "Tile" input: "x" input: "t" } `+ints("t", "dim { size: 2 }", "int_val: 65536")+
		`node { name: "b" op: "Fill" input: "x" input: "one" } node { name: "c" op: "Add" input: "image" input: "x" } node { name: "d" op: "OneHot" input: "dims" input: "big" }
		node { name: "e" op: "TensorSliceDataset" input: "matrix" input: "matrix" } node { name: "f" op: "GatherV2" input: "matrix" input: "dims" input: "zero" }
		node { name: "g" op: "UnsortedSegmentSum" input: "dims" input: "dims" input: "big" }`)
	body := sizes.Infer(g.Node, nil, nil)
	asks := map[string]int64{}
	for _, n := range g.Node {
		asks[n.Name] = body.Asks(n).Elems
	}
	assert.EqualValues(t, 1<<32, asks["a"])
	assert.EqualValues(t, sizes.NotKnown, asks["b"])
	assert.EqualValues(t, 2<<16, asks["d"])
	assert.EqualValues(t, 1<<16, asks["g"])
	for _, name := range []string{"c", "e", "f"} { // only a bound is known
		assert.EqualValues(t, sizes.NotKnown, asks[name], name)
	}
}

// TestRestoreAsksForNothingKnown has a node that restores 2,000 variables: their sizes are those
// in the checkpoint, and do not follow from the number of names.
func TestRestoreAsksForNothingKnown(t *testing.T) {
	t.Parallel()
	names := ints("names", "dim { size: 2000 }", "int_val: 1") + ints("slices", "dim { size: 2000 }", "int_val: 1")
	for _, op := range []string{"RestoreV2", "RestoreSlice", "Restore"} {
		g := tftest.ParseGraph(t, constants+names+`node { name: "r" op: "`+op+`" input: "names" input: "names" input: "slices" }`)
		body := sizes.Infer(g.Node, nil, nil)
		assert.EqualValues(t, sizes.NotKnown, body.Asks(g.Node[len(g.Node)-1]).Elems, op)
	}
}

func TestSizesSaturate(t *testing.T) {
	t.Parallel()
	assert.EqualValues(t, sizes.Most, sizes.Product(1<<40, 1<<40))
	assert.EqualValues(t, 0, sizes.Product(0, sizes.NotKnown))
	assert.EqualValues(t, sizes.NotKnown, sizes.Product(2, sizes.NotKnown))
	assert.EqualValues(t, -1, sizes.Product(2, -1))
	assert.EqualValues(t, sizes.Most, sizes.Sum(sizes.Most, sizes.Most))
	assert.EqualValues(t, sizes.NotKnown, sizes.Sum(1, sizes.NotKnown))
	assert.EqualValues(t, 24*2, sizes.Bytes(dtype.String, 2))
}
