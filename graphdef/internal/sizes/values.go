package sizes

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// maxValues is the number of elements whose values are followed: more than the dimensions of
// any shape, and their paddings.
const maxValues = 512

// constant returns what is known about a constant.
func constant(n *graphdef.NodeDef) Tensor {
	p := n.GetAttr()["value"].GetTensor()
	dims, ok := nodedef.Dims(p.GetTensorShape())
	if !ok {
		return shaped() // TensorFlow refuses it
	}
	t := shaped(dims...)
	if dtype.Base(p.GetDtype()) == dtype.String {
		last := int64(0)
		for _, s := range p.GetStringVal() {
			last = int64(len(s))
			t.Text = Sum(t.Text, last)
		}
		if more := t.Elems - int64(len(p.GetStringVal())); more > 0 {
			t.Text = Sum(t.Text, Product(last, more))
		}
		return t
	}
	if t.Elems > maxValues {
		return t
	}
	t.Values = numbers(p, int(t.Elems))
	return t
}

// numbers returns the elements of a small tensor of numbers, or nil.
func numbers(p *graphdef.TensorProto, count int) []float64 {
	values := []float64{}
	content := p.GetTensorContent()
	switch {
	case p.GetDtype() == dtype.Int32 && len(content) > 0:
		for ; len(content) >= 4; content = content[4:] {
			values = append(values, float64(int32(binary.LittleEndian.Uint32(content))))
		}
	case p.GetDtype() == dtype.Int64 && len(content) > 0:
		for ; len(content) >= 8; content = content[8:] {
			values = append(values, float64(int64(binary.LittleEndian.Uint64(content))))
		}
	case p.GetDtype() == dtype.Float32 && len(content) > 0:
		for ; len(content) >= 4; content = content[4:] {
			values = append(values, float64(math.Float32frombits(binary.LittleEndian.Uint32(content))))
		}
	case len(content) > 0:
		return nil
	case p.GetDtype() == dtype.Int32 || p.GetDtype() == dtype.Int16 || p.GetDtype() == dtype.Int8 || p.GetDtype() == dtype.Uint8:
		values = appendNumbers(values, p.GetIntVal())
	case p.GetDtype() == dtype.Int64:
		values = appendNumbers(values, p.GetInt64Val())
	case p.GetDtype() == dtype.Float32:
		values = appendNumbers(values, p.GetFloatVal())
	case p.GetDtype() == dtype.Float64:
		values = appendNumbers(values, p.GetDoubleVal())
	case p.GetDtype() == dtype.Bool:
		for _, v := range p.GetBoolVal() {
			values = append(values, boolean(v))
		}
	default:
		return nil
	}
	if len(values) == 0 && count > 0 {
		values = append(values, 0)
	}
	for len(values) < count { // equal elements at the end are stored once
		values = append(values, values[len(values)-1])
	}
	return values[:count]
}

func appendNumbers[T int32 | int64 | float32 | float64](to []float64, from []T) []float64 {
	for _, v := range from {
		to = append(to, float64(v))
	}
	return to
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// limits returns the least and the largest value of an integer type.
func limits(t dtype.DataType) (least, most float64) {
	switch t {
	case dtype.Int8:
		return math.MinInt8, math.MaxInt8
	case dtype.Uint8:
		return 0, math.MaxUint8
	case dtype.Int16:
		return math.MinInt16, math.MaxInt16
	case dtype.Uint16:
		return 0, math.MaxUint16
	case dtype.Int32:
		return math.MinInt32, math.MaxInt32
	case dtype.Uint32:
		return 0, math.MaxUint32
	case dtype.Int64, dtype.Uint64:
		return math.MinInt64, math.MaxInt64
	}
	return -math.MaxFloat64, math.MaxFloat64
}

// checked returns values of a type, or nil if one of them does not fit: TensorFlow's integers
// wrap around.
func checked(values []float64, t dtype.DataType) []float64 {
	least, most := limits(t)
	for _, v := range values {
		if math.IsNaN(v) || v < least || v > most {
			return nil
		}
	}
	return values
}

var unaryValues = map[string]func(x float64) float64{
	"Neg": func(x float64) float64 { return -x }, "Abs": math.Abs, "Square": func(x float64) float64 { return x * x },
	"Floor": math.Floor, "Ceil": math.Ceil, "Round": math.RoundToEven, "Rint": math.RoundToEven, "Sqrt": math.Sqrt,
	"Sign":       func(x float64) float64 { return boolean(x > 0) - boolean(x < 0) },
	"LogicalNot": func(x float64) float64 { return 1 - x },
	"ZerosLike":  func(float64) float64 { return 0 }, "OnesLike": func(float64) float64 { return 1 },
	"Relu": func(x float64) float64 { return max(x, 0) },
}

var binaryValues = map[string]func(x, y float64) float64{
	"Add": func(x, y float64) float64 { return x + y }, "AddV2": func(x, y float64) float64 { return x + y },
	"Sub": func(x, y float64) float64 { return x - y }, "Mul": func(x, y float64) float64 { return x * y },
	"FloorDiv": func(x, y float64) float64 { return math.Floor(x / y) }, "RealDiv": func(x, y float64) float64 { return x / y },
	"TruncateDiv": func(x, y float64) float64 { return math.Trunc(x / y) },
	"FloorMod":    func(x, y float64) float64 { return x - y*math.Floor(x/y) }, "TruncateMod": math.Mod,
	"Maximum": math.Max, "Minimum": math.Min, "Pow": math.Pow,
	"SquaredDifference": func(x, y float64) float64 { return (x - y) * (x - y) },
	"Less":              func(x, y float64) float64 { return boolean(x < y) }, "LessEqual": func(x, y float64) float64 { return boolean(x <= y) },
	"Greater": func(x, y float64) float64 { return boolean(x > y) }, "GreaterEqual": func(x, y float64) float64 { return boolean(x >= y) },
	"Equal": func(x, y float64) float64 { return boolean(x == y) }, "NotEqual": func(x, y float64) float64 { return boolean(x != y) },
	"LogicalAnd": func(x, y float64) float64 { return x * y }, "LogicalOr": func(x, y float64) float64 { return max(x, y) },
}

// elementwise computes an op of two inputs, or returns nil.
func elementwise(op string, t dtype.DataType, x, y []float64) []float64 {
	f := binaryValues[op]
	if f == nil || x == nil || y == nil || len(x) != len(y) && len(x) != 1 && len(y) != 1 {
		return nil
	}
	count := max(len(x), len(y))
	if len(x) == 0 || len(y) == 0 {
		count = 0
	}
	values := make([]float64, count)
	for i := range values {
		values[i] = f(x[i%len(x)], y[i%len(y)])
	}
	return checked(values, t)
}

// selected computes a SelectV2 with count elements, or returns nil.
func selected(cond, x, y []float64, count int64) []float64 {
	if len(cond) == 1 { // the other values need not be known
		if cond[0] == 0 {
			x = y
		}
		y = x
	}
	fits := func(v []float64) bool { return len(v) == 1 || len(v) > 0 && int64(len(v)) == count }
	if count < 0 || count > maxValues || !fits(cond) || !fits(x) || !fits(y) {
		return nil
	}
	values := make([]float64, count)
	for i := range values {
		values[i] = x[i%len(x)]
		if cond[i%len(cond)] == 0 {
			values[i] = y[i%len(y)]
		}
	}
	return values
}

// broadcastArgs returns the shape that two shapes are broadcast to.
func broadcastArgs(x, y Tensor) Tensor {
	if len(x.Dims) != 1 || len(y.Dims) != 1 || x.Dims[0] < 0 || y.Dims[0] < 0 {
		return Tensor{Dims: []int64{-1}, Elems: Sum(x.Elems, y.Elems)}
	}
	if x.Dims[0] < y.Dims[0] {
		x, y = y, x
	}
	if y.Dims[0] == 0 {
		return x
	}
	t := shaped(x.Dims[0])
	if x.Values == nil || y.Values == nil {
		return t
	}
	t.Values = slices.Clone(x.Values)
	ahead := len(x.Values) - len(y.Values)
	for i, d := range y.Values {
		if t.Values[ahead+i] == 1 {
			t.Values[ahead+i] = d
		}
	}
	return t
}

// reduced computes a reduction of all elements, or returns nil.
func reduced(op string, t dtype.DataType, x []float64) []float64 {
	if len(x) == 0 {
		return nil
	}
	v := x[0]
	for _, e := range x[1:] {
		switch op {
		case "Sum":
			v += e
		case "Prod":
			v *= e
		case "Max", "Any":
			v = max(v, e)
		case "Min", "All":
			v = min(v, e)
		default:
			return nil
		}
		if checked([]float64{v}, t) == nil {
			return nil
		}
	}
	return []float64{v}
}

// sliced computes a slice of a vector: the indices of a StridedSlice with one specification.
func sliced(n *graphdef.NodeDef, x, begin, end, stride []float64) []float64 {
	if x == nil || len(begin) != 1 || len(end) != 1 || len(stride) != 1 || stride[0] == 0 ||
		n.GetAttr()["ellipsis_mask"].GetI() != 0 || n.GetAttr()["new_axis_mask"].GetI() != 0 {
		return nil
	}
	count, step := float64(len(x)), stride[0]
	clamp := func(v float64) float64 {
		if v < 0 {
			v += count
		}
		if step > 0 {
			return min(max(v, 0), count)
		}
		return min(max(v, -1), count-1)
	}
	if n.GetAttr()["shrink_axis_mask"].GetI()&1 != 0 {
		at := begin[0]
		if at < 0 {
			at += count
		}
		if at < 0 || at >= count {
			return nil
		}
		return []float64{x[int(at)]}
	}
	from, to := clamp(begin[0]), clamp(end[0])
	if n.GetAttr()["begin_mask"].GetI()&1 != 0 {
		from = map[bool]float64{true: 0, false: count - 1}[step > 0]
	}
	if n.GetAttr()["end_mask"].GetI()&1 != 0 {
		to = map[bool]float64{true: count, false: -1}[step > 0]
	}
	values := []float64{}
	for at := from; step > 0 && at < to || step < 0 && at > to; at += step {
		values = append(values, x[int(at)])
	}
	return values
}

// rangeCount returns the number of elements of a Range.
func rangeCount(start, limit, delta []float64) int64 {
	if len(start) != 1 || len(limit) != 1 || len(delta) != 1 || delta[0] == 0 {
		return NotKnown
	}
	return whole(math.Ceil((limit[0] - start[0]) / delta[0]))
}

// whole returns a number as a size.
func whole(v float64) int64 {
	switch {
	case math.IsNaN(v):
		return NotKnown
	case v <= 0:
		return 0
	case v >= Most:
		return Most
	}
	return int64(v)
}

// dimsOf returns dimensions that are the values of a tensor. They are nil if the values are
// not known.
func dimsOf(values []float64) []int64 {
	if values == nil {
		return nil
	}
	dims := make([]int64, len(values))
	for i, v := range values {
		dims[i] = int64(max(-1, min(v, Most)))
	}
	return dims
}

func floats(dims []int64) []float64 {
	if dims == nil || slices.Contains(dims, -1) {
		return nil
	}
	return appendNumbers([]float64{}, dims)
}
