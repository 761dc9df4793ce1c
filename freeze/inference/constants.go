package inference

import (
	"math"
	"slices"

	"github.com/tfkeep/tfkeep/graphdef"
)

// maxFoldDepth bounds the expressions that evaluate follows. The expression that a batch
// normalization is spelled out with is five deep.
const maxFoldDepth = 16

// maxFoldElements limits evaluate to parameters. Weights are larger.
const maxFoldElements = 1 << 16

var unaryOps = map[string]func(float64) float64{
	"Rsqrt":      func(x float64) float64 { return 1 / math.Sqrt(x) },
	"Sqrt":       math.Sqrt,
	"Neg":        func(x float64) float64 { return -x },
	"Reciprocal": func(x float64) float64 { return 1 / x },
	"Inv":        func(x float64) float64 { return 1 / x },
}

var binaryOps = map[string]func(a, b float64) float64{
	"Add":     func(a, b float64) float64 { return a + b },
	"AddV2":   func(a, b float64) float64 { return a + b },
	"Sub":     func(a, b float64) float64 { return a - b },
	"Mul":     func(a, b float64) float64 { return a * b },
	"RealDiv": func(a, b float64) float64 { return a / b },
	"Div":     func(a, b float64) float64 { return a / b },
}

// evaluate computes a small constant expression. It returns nil if n is not one.
func (g *graph) evaluate(n *graphdef.NodeDef, depth int) *value {
	if n == nil || depth > maxFoldDepth {
		return nil
	}
	if v, ok := constValue(n); ok {
		if len(v.data) > maxFoldElements {
			return nil
		}
		return v
	}
	unary, binary := unaryOps[n.Op], binaryOps[n.Op]
	if n.Op != "Identity" && unary == nil && binary == nil {
		return nil
	}
	a := g.evaluate(g.input(n, 0), depth+1)
	switch {
	case a == nil || n.Op == "Identity":
		return a
	case unary != nil:
		r := &value{dtype: a.dtype, dims: a.dims, data: make([]float64, len(a.data))}
		for i, x := range a.data {
			r.data[i] = unary(x)
		}
		return r
	}
	b := g.evaluate(g.input(n, 1), depth+1)
	if b == nil || a.dtype != b.dtype {
		return nil
	}
	return combine(a, b, binary)
}

// combine applies f to each pair of elements. One side may be a single number. It returns
// nil for shapes that would broadcast in any other way.
func combine(a, b *value, f func(a, b float64) float64) *value {
	isSingle := len(a.data) == 1 || len(b.data) == 1
	isEmpty := len(a.data) == 0 || len(b.data) == 0
	if (!isSingle || isEmpty) && !slices.Equal(a.dims, b.dims) {
		return nil
	}
	shape := a.dims
	if len(b.data) > len(a.data) || len(b.data) == len(a.data) && len(b.dims) > len(a.dims) {
		shape = b.dims
	}
	r := &value{dtype: a.dtype, dims: shape, data: make([]float64, max(len(a.data), len(b.data)))}
	for i := range r.data {
		r.data[i] = f(a.data[i%len(a.data)], b.data[i%len(b.data)])
	}
	return r
}
