package autodiff

import (
	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// The notation of the rules: the tensors and attributes of a node, and the operations that
// formulas consist of.

func (n *node) x(i int) output { return n.in[i].output() }
func (n *node) y(i int) output { return n.op.Output(i) }

// flag returns a boolean attribute, false if the node lacks it.
func (n *node) flag(name string) bool {
	v, err := capi.Attr(n.op, name)
	return err == nil && v.GetB()
}

// integer returns an integer attribute, 0 if the node lacks it.
func (n *node) integer(name string) int64 {
	v, err := capi.Attr(n.op, name)
	if err != nil {
		return 0
	}
	return v.GetI()
}

// text returns a string attribute, "" if the node lacks it.
func (n *node) text(name string) string {
	v, err := capi.Attr(n.op, name)
	if err != nil {
		return ""
	}
	return string(v.GetS())
}

func (b *builder) plus(x, y output) output  { return b.one("AddV2", nil, x, y) }
func (b *builder) minus(x, y output) output { return b.one("Sub", nil, x, y) }
func (b *builder) over(x, y output) output  { return b.one("RealDiv", nil, x, y) }
func (b *builder) neg(x output) output      { return b.one("Neg", nil, x) }
func (b *builder) square(x output) output   { return b.one("Square", nil, x) }
func (b *builder) exp(x output) output      { return b.one("Exp", nil, x) }
func (b *builder) log(x output) output      { return b.one("Log", nil, x) }
func (b *builder) zeros(x output) output    { return b.one("ZerosLike", nil, x) }
func (b *builder) onesLike(x output) output { return b.one("OnesLike", nil, x) }

// times multiplies x by a number.
func (b *builder) times(x output, v float64) output { return b.mul(x, b.scalar(v, x)) }

// offset adds a number to x.
func (b *builder) offset(x output, v float64) output { return b.plus(x, b.scalar(v, x)) }

// conj returns the conjugate of a complex tensor, and any other as it is.
func (b *builder) conj(x output) output {
	if b.Err() != nil || !isComplex(x) {
		return x
	}
	return b.one("Conj", nil, x)
}

func isComplex(x output) bool {
	dt := graphbuild.TypeOf(x)
	return dt == dtype.Complex64 || dt == dtype.Complex128
}

func (b *builder) equal(x, y output) output   { return b.one("Equal", nil, x, y) }
func (b *builder) less(x, y output) output    { return b.one("Less", nil, x, y) }
func (b *builder) greater(x, y output) output { return b.one("Greater", nil, x, y) }
func (b *builder) isZero(x output) output     { return b.equal(x, b.scalar(0, x)) }

// where chooses between x and y, element by element, with broadcasting.
func (b *builder) where(condition, x, y output) output {
	return b.one("SelectV2", nil, condition, x, y)
}

// castLike returns x in the type of like.
func (b *builder) castLike(x, like output) output {
	if b.Err() != nil {
		return output{}
	}
	return b.Cast(x, graphbuild.TypeOf(like))
}

func (b *builder) reshape(x, shape output) output   { return b.one("Reshape", nil, x, shape) }
func (b *builder) expand(x output, at int32) output { return b.one("ExpandDims", nil, x, b.int32(at)) }

// rows gathers along the first dimension.
func (b *builder) rows(x, indices output) output {
	return b.one("GatherV2", nil, x, indices, b.int32(0))
}

// sumOver sums over some dimensions.
func (b *builder) sumOver(x, axes output, keep bool) output {
	return b.one("Sum", attrs{"keep_dims": keep}, x, axes)
}

// rank returns the number of dimensions of x. As a constant it is folded with what depends on
// it, and a loop does not have to save it in each iteration.
func (b *builder) rank(x output) output {
	if b.Err() == nil {
		if n := x.Shape().NumDimensions(); n >= 0 {
			return b.int32(int32(n))
		}
	}
	return b.one("Rank", nil, x)
}

func (b *builder) pack(xs ...output) output { return b.one("Pack", nil, tensorflow.OutputList(xs)) }

// several returns the outputs of an operation, or nils after an error.
func (b *builder) several(op string, a attrs, count int, inputs ...input) []output {
	outputs := make([]output, count)
	made := b.Op(op, a, inputs...)
	if made == nil {
		return outputs
	}
	for i := range outputs {
		outputs[i] = made.Output(i)
	}
	return outputs
}

// grads returns dense gradients. An output without an operation is an empty gradient.
func grads(dx ...output) []Gradient {
	list := make([]Gradient, len(dx))
	for i, d := range dx {
		list[i] = Gradient{Dense: d}
	}
	return list
}

// formula makes a rule of a function on the gradient of the first output.
func formula(f func(b *builder, n *node, grad output) []Gradient) rule {
	return func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
		if dy[0].IsNone() {
			return nil, nil
		}
		return f(b, n, b.dense(dy[0])), nil
	}
}

// slope makes the rule of an operation on elements whose derivative f gives.
func slope(f func(b *builder, x, y output) output) rule {
	return formula(func(b *builder, n *node, grad output) []Gradient {
		return grads(b.mul(grad, f(b, n.x(0), n.y(0))))
	})
}

// addRules adds the rules of a theme.
func addRules(theme map[string]rule) {
	for op, r := range theme {
		rules[op] = r
	}
}

func list(xs ...output) tensorflow.OutputList { return xs }
