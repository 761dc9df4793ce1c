package inference

import (
	"math"

	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
)

// maxFoldDepth bounds the expressions that evaluate follows; what a batch
// normalisation is spelled out with is five deep.
const maxFoldDepth = 16

// maxFoldElements keeps evaluate to parameters, and away from weights.
const maxFoldElements = 1 << 16

// evaluate computes a small constant expression, or returns nil if n is none.
func (g *net) evaluate(n *nodepb.NodeDef, depth int) *value {
	if n == nil || depth > maxFoldDepth {
		return nil
	}
	if v, ok := constValue(n); ok {
		if len(v.data) > maxFoldElements {
			return nil
		}
		return v
	}
	arg := func(i int) *value { return g.evaluate(g.input(n, i), depth+1) }
	unary := func(f func(float64) float64) *value {
		a := arg(0)
		if a == nil {
			return nil
		}
		r := &value{dtype: a.dtype, dims: a.dims, data: make([]float64, len(a.data))}
		for i, x := range a.data {
			r.data[i] = f(x)
		}
		return r
	}
	binary := func(f func(a, b float64) float64) *value {
		a, b := arg(0), arg(1)
		if a == nil || b == nil || a.dtype != b.dtype {
			return nil
		}
		return combine(a, b, f)
	}
	switch n.Op {
	case "Identity":
		return arg(0)
	case "Rsqrt":
		return unary(func(x float64) float64 { return 1 / math.Sqrt(x) })
	case "Sqrt":
		return unary(math.Sqrt)
	case "Neg":
		return unary(func(x float64) float64 { return -x })
	case "Reciprocal", "Inv":
		return unary(func(x float64) float64 { return 1 / x })
	case "Add", "AddV2":
		return binary(func(a, b float64) float64 { return a + b })
	case "Sub":
		return binary(func(a, b float64) float64 { return a - b })
	case "Mul":
		return binary(func(a, b float64) float64 { return a * b })
	case "RealDiv", "Div":
		return binary(func(a, b float64) float64 { return a / b })
	}
	return nil
}

// combine applies f to each pair; one side may be a single number.
func combine(a, b *value, f func(a, b float64) float64) *value {
	shaped := a
	if len(b.data) > len(a.data) || len(b.data) == len(a.data) && len(b.dims) > len(a.dims) {
		shaped = b
	}
	if len(a.data) != len(b.data) && len(a.data) != 1 && len(b.data) != 1 {
		return nil
	}
	if len(a.data) == len(b.data) && len(a.dims) == len(b.dims) {
		for i := range a.dims {
			if a.dims[i] != b.dims[i] {
				return nil // they would broadcast into a larger tensor
			}
		}
	} else if len(a.data) == len(b.data) && len(a.data) > 1 {
		return nil
	}
	r := &value{dtype: a.dtype, dims: shaped.dims, data: make([]float64, len(shaped.data))}
	for i := range r.data {
		r.data[i] = f(a.data[i%len(a.data)], b.data[i%len(b.data)])
	}
	return r
}
