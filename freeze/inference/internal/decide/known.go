package decide

import (
	"math"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// known is a tensor whose elements all have the same value, which constants alone decide.
type known struct {
	dtype  dtype.DataType
	value  float64
	scalar bool // it has no dimensions; otherwise its shape does not matter here
}

func (k known) isTrue() bool { return k.value != 0 }

// maxKnownElements bounds the constants that are looked at.
const maxKnownElements = 1 << 12

// maxExact is the largest integer below which all are exact as float64.
const maxExact = 1 << 53

// evaluator finds known tensors of a body.
type evaluator struct {
	*body
	memo  map[string]*known // nil: not known, or being found
	plain map[string]bool
}

func newEvaluator(b *body) *evaluator {
	return &evaluator{body: b, memo: map[string]*known{}, plain: map[string]bool{}}
}

// eval returns what a tensor is known to be, or nil.
func (e *evaluator) eval(in string) *known {
	t := tensor(in)
	if k, ok := e.memo[t]; ok {
		return k
	}
	e.memo[t] = nil // so that a loop ends
	r := parse(t)
	if n := e.byName[r.node]; n != nil {
		e.memo[t] = e.node(n, r.output)
	}
	return e.memo[t]
}

func (e *evaluator) input(n *graphdef.NodeDef, i int) *known {
	if in := data(n); i < len(in) {
		return e.eval(in[i])
	}
	return nil
}

func (e *evaluator) node(n *graphdef.NodeDef, output int) *known {
	switch n.Op {
	case "Const":
		return constant(n)
	case "IdentityN":
		return e.input(n, output)
	case "Identity", "Switch", "Enter", "Snapshot", "StopGradient", "PreventGradient", "EnsureShape":
		return e.input(n, 0)
	case "Merge":
		if output == 0 && len(data(n)) == 1 {
			return e.input(n, 0)
		}
	case "Reshape", "ExpandDims", "Squeeze", "BroadcastTo", "Tile":
		return e.input(n, 0).unshaped()
	case "Fill":
		return e.input(n, 1).unshaped()
	case "Select", "SelectV2":
		if p := e.input(n, 0); p != nil {
			k := e.input(n, 2)
			if p.isTrue() {
				k = e.input(n, 1)
			}
			return k.unshaped()
		}
	case "LogicalNot":
		return e.input(n, 0).with(func(k *known) { k.value = toFloat(k.value == 0) })
	case "ToBool":
		return e.input(n, 0).scalarOnly().with(func(k *known) { k.dtype, k.value = dtype.Bool, toFloat(k.value != 0) })
	case "LogicalAnd", "LogicalOr":
		return e.logical(n)
	case "Cast":
		return e.cast(n)
	case "Any", "All", "Max", "Min", "Sum", "Prod", "Mean":
		return e.input(n, 0).scalarOnly()
	}
	return e.arithmetic(n)
}

// logical evaluates And and Or, which one side may decide.
func (e *evaluator) logical(n *graphdef.NodeDef) *known {
	a, b := e.input(n, 0), e.input(n, 1)
	for _, k := range []*known{a, b} {
		if k != nil && k.isTrue() == (n.Op == "LogicalOr") {
			return &known{dtype: dtype.Bool, value: k.value, scalar: a != nil && b != nil && a.scalar && b.scalar}
		}
	}
	if a == nil || b == nil {
		return nil
	}
	return &known{dtype: dtype.Bool, value: a.value, scalar: a.scalar && b.scalar}
}

func (e *evaluator) cast(n *graphdef.NodeDef) *known {
	k, to := e.input(n, 0), n.Attr["DstT"].GetType()
	if k == nil {
		return nil
	}
	v := k.value
	switch {
	case to == dtype.Bool:
		v = toFloat(v != 0)
	case isInteger(to):
		v = math.Trunc(v)
	}
	return fits(&known{dtype: to, value: v, scalar: k.scalar})
}

var comparisons = map[string]func(a, b float64) bool{
	"Equal": func(a, b float64) bool { return a == b }, "NotEqual": func(a, b float64) bool { return a != b },
	"Less": func(a, b float64) bool { return a < b }, "LessEqual": func(a, b float64) bool { return a <= b },
	"Greater": func(a, b float64) bool { return a > b }, "GreaterEqual": func(a, b float64) bool { return a >= b },
}

var binaryOps = map[string]func(a, b float64) float64{
	"Add": func(a, b float64) float64 { return a + b }, "AddV2": func(a, b float64) float64 { return a + b },
	"Sub": func(a, b float64) float64 { return a - b }, "Mul": func(a, b float64) float64 { return a * b },
	"Minimum": math.Min, "Maximum": math.Max,
}

func (e *evaluator) arithmetic(n *graphdef.NodeDef) *known {
	compare, compute := comparisons[n.Op], binaryOps[n.Op]
	if compare == nil && compute == nil {
		return nil
	}
	a, b := e.input(n, 0), e.input(n, 1)
	if a == nil || b == nil || a.dtype != b.dtype {
		return nil
	}
	if compare != nil {
		return &known{dtype: dtype.Bool, value: toFloat(compare(a.value, b.value)), scalar: a.scalar && b.scalar}
	}
	return fits(&known{dtype: a.dtype, value: compute(a.value, b.value), scalar: a.scalar && b.scalar})
}

// fits returns k if its type has its value exactly, or a float32 can be rounded to it.
func fits(k *known) *known {
	switch {
	case k.dtype == dtype.Float32:
		k.value = float64(float32(k.value))
	case k.dtype == dtype.Float64 || k.dtype == dtype.Bool:
	case !isInteger(k.dtype) || math.Abs(k.value) > math.MaxInt8 && !(math.Abs(k.value) < math.MaxInt32 && (k.dtype == dtype.Int32 || k.dtype == dtype.Int64)):
		return nil
	}
	if math.IsNaN(k.value) || k.value < 0 && (k.dtype == dtype.Uint8 || k.dtype == dtype.Uint16 || k.dtype == dtype.Uint32 || k.dtype == dtype.Uint64) {
		return nil
	}
	return k
}

func isInteger(dt dtype.DataType) bool {
	switch dt {
	case dtype.Int8, dtype.Int16, dtype.Int32, dtype.Int64, dtype.Uint8, dtype.Uint16, dtype.Uint32, dtype.Uint64:
		return true
	}
	return false
}

func toFloat(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (k *known) with(change func(*known)) *known {
	if k == nil {
		return nil
	}
	c := *k
	change(&c)
	return &c
}

func (k *known) unshaped() *known { return k.with(func(k *known) { k.scalar = false }) }

func (k *known) scalarOnly() *known {
	if k == nil || !k.scalar {
		return nil
	}
	return k
}

// constant returns the value of a Const whose elements are all the same.
func constant(n *graphdef.NodeDef) *known {
	t := n.Attr["value"].GetTensor()
	if t == nil || t.GetTensorShape().GetUnknownRank() {
		return nil
	}
	dims, _ := nodedef.Dims(t.GetTensorShape())
	count, ok := dtype.NumElements(dims)
	if !ok || count == 0 || count > maxKnownElements {
		return nil
	}
	var values []float64
	switch {
	case len(t.TensorContent) > 0:
		if size := dtype.Size(t.Dtype); size <= 0 || len(t.TensorContent) != size*int(count) {
			return nil
		}
		values = make([]float64, count)
		if !dtype.Float64s(t.Dtype, t.TensorContent, values) {
			return nil
		}
	case t.Dtype == dtype.Bool:
		for _, v := range t.BoolVal {
			values = append(values, toFloat(v))
		}
	case t.Dtype == dtype.Float32:
		for _, v := range t.FloatVal {
			values = append(values, float64(v))
		}
	case t.Dtype == dtype.Float64:
		values = t.DoubleVal
	case t.Dtype == dtype.Int64:
		for _, v := range t.Int64Val {
			values = append(values, float64(v))
		}
	case t.Dtype == dtype.Int32 || t.Dtype == dtype.Int16 || t.Dtype == dtype.Int8 || t.Dtype == dtype.Uint8 || t.Dtype == dtype.Uint16:
		for _, v := range t.IntVal {
			values = append(values, float64(v))
		}
	default:
		return nil
	}
	if len(values) == 0 {
		values = []float64{0} // an absent list means zeros
	}
	for _, v := range values {
		if v != values[0] || math.Abs(v) >= maxExact {
			return nil
		}
	}
	return &known{dtype: t.Dtype, value: values[0], scalar: len(dims) == 0}
}
