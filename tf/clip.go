package tf

import (
	"math"

	"github.com/tfkeep/tfkeep/dtype"
)

// ClipByValue limits every element of every gradient to [lo, hi]; of slices
// those of their rows. Pairs without a gradient stay as they are.
func ClipByValue(g *Graph, grads []GradientVariable, lo, hi float64) ([]GradientVariable, error) {
	if !(lo <= hi) {
		return nil, invalidf("clip by value: the range [%v, %v] is empty", lo, hi)
	}
	return clipEach(g, grads, "clip_by_value", func(n *nodes, x Output) Output {
		x = n.value("Minimum", "Minimum", x, n.like(x, "Minimum/y", hi))
		return n.value("Maximum", "Maximum", x, n.like(x, "Maximum/y", lo))
	})
}

// ClipByNorm scales every gradient that is longer than norm, in the Euclidean
// sense, down to that length. Rows of slices that come twice count twice, as in
// Python's tf.clip_by_norm.
func ClipByNorm(g *Graph, grads []GradientVariable, norm float64) ([]GradientVariable, error) {
	if err := checkNorm(norm); err != nil {
		return nil, err
	}
	return clipEach(g, grads, "clip_by_norm", func(n *nodes, x Output) Output {
		all := n.value("Range", "Range", n.constant(n.unique("Range/start"), Int32, 0),
			n.value("Rank", "Rank", x), n.constant(n.unique("Range/delta"), Int32, 1))
		sum := n.value("Sum", "Sum", n.value("Mul", "mul", x, x), all)
		// The root is taken of positive numbers only: at 0 its derivative, which
		// somebody may ask for, is infinite.
		positive := n.value("Greater", "Greater", sum, n.like(x, "Greater/y", 0))
		safe := n.value("SelectV2", "Select", positive, sum, n.value("OnesLike", "ones_like", sum))
		length := n.value("SelectV2", "Select", positive, n.value("Sqrt", "Sqrt", safe), sum)
		limit := n.like(x, "clip_norm", norm)
		return n.value("RealDiv", "truediv", n.value("Mul", "mul", x, limit), n.value("Maximum", "Maximum", length, limit))
	})
}

// ClipByGlobalNorm scales all gradients by one factor, so that GlobalNorm is
// norm at most. It also gives what GlobalNorm was. Where that is infinite or
// not a number all gradients become NaN, so that the fault shows.
func ClipByGlobalNorm(g *Graph, grads []GradientVariable, norm float64) ([]GradientVariable, Output, error) {
	if err := checkNorm(norm); err != nil {
		return nil, Output{}, err
	}
	global, err := GlobalNorm(g, grads)
	if err != nil {
		return nil, Output{}, err
	}
	n := newNodes(g, "clip_by_global_norm")
	one := n.like(global, "truediv/x", 1)
	limit := n.like(global, "clip_norm", norm)
	least := n.value("Minimum", "Minimum", n.value("RealDiv", "truediv", one, global), n.value("RealDiv", "truediv", one, limit))
	finite := n.value("IsFinite", "IsFinite", global)
	scale := n.value("SelectV2", "Select", finite, n.value("Mul", "mul", limit, least), n.like(global, "Const", math.NaN()))
	clipped := n.each(grads, func(x Output) Output {
		if *n.err != nil {
			return x
		}
		return n.value("Mul", "mul", x, n.cast(scale, dtype.Base(x.DataType())))
	})
	return clipped, global, *n.err
}

// GlobalNorm is the Euclidean length of all gradients put together, a scalar of
// the type of the first.
func GlobalNorm(g *Graph, grads []GradientVariable) (Output, error) {
	n := newNodes(g, "global_norm")
	var halves []Output
	n.each(grads, func(x Output) Output {
		if *n.err == nil {
			halves = append(halves, n.value("L2Loss", "L2Loss", x))
		}
		return x
	})
	if *n.err != nil {
		return Output{}, *n.err
	}
	if len(halves) == 0 {
		return Output{}, invalidf("global norm: there is no gradient")
	}
	dt := dtype.Base(halves[0].DataType())
	for i, half := range halves {
		halves[i] = n.cast(half, dt)
	}
	if *n.err != nil {
		return Output{}, *n.err
	}
	stack, err := g.AddOp(OpSpec{Type: "Pack", Name: n.scope + "/stack", Input: []Input{OutputList(halves)}})
	if err != nil {
		return Output{}, err
	}
	sum := n.value("Sum", "Sum", stack.Output(0), n.constant(n.unique("Const"), Int32, 0, 1))
	norm := n.value("Sqrt", "global_norm", n.value("Mul", "mul", sum, n.like(sum, "Const", 2)))
	return norm, *n.err
}

func checkNorm(norm float64) error {
	if !(norm > 0) || math.IsInf(norm, 0) {
		return invalidf("clip: the norm %v is not a positive number", norm)
	}
	return nil
}

// like is a constant of the type of x.
func (n *nodes) like(x Output, name string, v float64) Output {
	if *n.err != nil {
		return Output{}
	}
	return n.constant(n.unique(name), dtype.Base(x.DataType()), v)
}

// clipEach changes every gradient by itself, each under a scope of its own.
func clipEach(g *Graph, grads []GradientVariable, name string, clip func(n *nodes, x Output) Output) ([]GradientVariable, error) {
	failed := new(error)
	top := &nodes{g: g, err: failed}
	clipped := top.each(grads, func(x Output) Output {
		if *failed != nil {
			return x
		}
		n := newNodes(g, name)
		n.err = failed
		return clip(n, x)
	})
	return clipped, *failed
}

// each maps the numbers of all gradients: dense ones, and the rows of slices.
func (n *nodes) each(grads []GradientVariable, f func(Output) Output) []GradientVariable {
	mapped := make([]GradientVariable, len(grads))
	for i, gv := range grads {
		mapped[i] = gv
		switch s := gv.Gradient.Slices; {
		case s != nil:
			changed := *s
			changed.Values = f(s.Values)
			mapped[i].Gradient = Gradient{Slices: &changed}
		case gv.Gradient.Dense.Op != nil:
			mapped[i].Gradient = Gradient{Dense: f(gv.Gradient.Dense)}
		}
	}
	return mapped
}
