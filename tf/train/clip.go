package train

import (
	"math"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/tf"
)

// ClipByValue limits every element of every gradient to [lo, hi]; of slices, the elements
// of their rows. Pairs without a gradient stay as they are.
func ClipByValue(g *tf.Graph, grads []GradientVariable, lo, hi float64) ([]GradientVariable, error) {
	if !(lo <= hi) {
		return nil, invalid("clip by value", "the range [%v, %v] is empty", lo, hi)
	}
	return clipEach(g, grads, "clip_by_value", func(b *graphbuild.Builder, x tf.Output) tf.Output {
		x = b.Value("Minimum", "Minimum", x, like(b, x, "Minimum/y", hi))
		return b.Value("Maximum", "Maximum", x, like(b, x, "Maximum/y", lo))
	})
}

// ClipByNorm scales every gradient whose Euclidean length is more than norm down to that
// length. Rows of slices that come twice count twice, as in Python's tf.clip_by_norm.
func ClipByNorm(g *tf.Graph, grads []GradientVariable, norm float64) ([]GradientVariable, error) {
	if err := checkNorm("clip by norm", norm); err != nil {
		return nil, err
	}
	return clipEach(g, grads, "clip_by_norm", func(b *graphbuild.Builder, x tf.Output) tf.Output {
		all := b.Value("Range", "Range", b.Const(b.Unique("Range/start"), dtype.Int32, 0),
			b.Value("Rank", "Rank", x), b.Const(b.Unique("Range/delta"), dtype.Int32, 1))
		sum := b.Value("Sum", "Sum", b.Value("Mul", "mul", x, x), all)
		// The root is taken of positive numbers only: at 0 its derivative, which a caller
		// may ask for, is infinite.
		positive := b.Value("Greater", "Greater", sum, like(b, x, "Greater/y", 0))
		safe := b.Value("SelectV2", "Select", positive, sum, b.Value("OnesLike", "ones_like", sum))
		length := b.Value("SelectV2", "Select", positive, b.Value("Sqrt", "Sqrt", safe), sum)
		limit := like(b, x, "clip_norm", norm)
		return b.Value("RealDiv", "truediv", b.Value("Mul", "mul", x, limit), b.Value("Maximum", "Maximum", length, limit))
	})
}

// ClipByGlobalNorm scales all gradients by one factor, so that GlobalNorm is at most
// norm. It also returns what GlobalNorm was before. If that is infinite or NaN, all
// gradients become NaN, so that the fault shows.
func ClipByGlobalNorm(g *tf.Graph, grads []GradientVariable, norm float64) ([]GradientVariable, tf.Output, error) {
	if err := checkNorm("clip by global norm", norm); err != nil {
		return nil, tf.Output{}, err
	}
	global, err := GlobalNorm(g, grads)
	if err != nil {
		return nil, tf.Output{}, err
	}
	b := graphbuild.Open(g, "clip_by_global_norm")
	one := like(b, global, "truediv/x", 1)
	limit := like(b, global, "clip_norm", norm)
	least := b.Value("Minimum", "Minimum", b.Value("RealDiv", "truediv", one, global), b.Value("RealDiv", "truediv", one, limit))
	finite := b.Value("IsFinite", "IsFinite", global)
	scale := b.Value("SelectV2", "Select", finite, b.Value("Mul", "mul", limit, least), like(b, global, "Const", math.NaN()))
	clipped := mapGradients(grads, func(x tf.Output) tf.Output {
		if b.Err() != nil {
			return x
		}
		return b.Value("Mul", "mul", x, b.Cast(scale, graphbuild.TypeOf(x)))
	})
	return clipped, global, b.Err()
}

// GlobalNorm returns the Euclidean length of all gradients together, a scalar of the type
// of the first gradient.
func GlobalNorm(g *tf.Graph, grads []GradientVariable) (tf.Output, error) {
	if err := checkGradients(g, "compute the global norm", grads); err != nil {
		return tf.Output{}, err
	}
	b := graphbuild.Open(g, "global_norm")
	var halves []tf.Output
	mapGradients(grads, func(x tf.Output) tf.Output {
		if b.Err() == nil {
			halves = append(halves, b.Value("L2Loss", "L2Loss", x))
		}
		return x
	})
	if err := b.Err(); err != nil {
		return tf.Output{}, err
	}
	if len(halves) == 0 {
		return tf.Output{}, invalid("compute global norm", "there is no gradient")
	}
	dt := graphbuild.TypeOf(halves[0])
	for i, half := range halves {
		halves[i] = b.Cast(half, dt)
	}
	stack := b.Value("Pack", "stack", tf.OutputList(halves))
	sum := b.Value("Sum", "Sum", stack, b.Const(b.Unique("Const"), dtype.Int32, 0, 1))
	norm := b.Value("Sqrt", "global_norm", b.Value("Mul", "mul", sum, like(b, sum, "Const", 2)))
	return norm, b.Err()
}

func checkNorm(op string, norm float64) error {
	if !(norm > 0) || math.IsInf(norm, 0) {
		return invalid(op, "the norm %v is not a positive number", norm)
	}
	return nil
}

// like adds a constant of the type of x.
func like(b *graphbuild.Builder, x tf.Output, name string, v float64) tf.Output {
	if b.Err() != nil {
		return tf.Output{}
	}
	return b.Const(b.Unique(name), graphbuild.TypeOf(x), v)
}

// clipEach changes every gradient by itself, each under a scope of its own.
// checkGradients returns an error if g is no graph, or if a gradient is not of an operation.
func checkGradients(g *tf.Graph, op string, grads []GradientVariable) error {
	if err := g.Err(); err != nil {
		return err
	}
	for _, gv := range grads {
		out := gv.Gradient.Dense
		if s := gv.Gradient.Slices; s != nil {
			out = s.Values
		} else if gv.Gradient.IsNone() {
			continue
		}
		if err := capi.CheckOutput(out); err != nil {
			return &tfkeep.Error{Op: op, Err: tfkeep.ErrArgument, Cause: err}
		}
	}
	return nil
}

func clipEach(g *tf.Graph, grads []GradientVariable, name string, clip func(b *graphbuild.Builder, x tf.Output) tf.Output) ([]GradientVariable, error) {
	failed := checkGradients(g, name, grads)
	if failed != nil {
		return nil, failed
	}
	clipped := mapGradients(grads, func(x tf.Output) tf.Output {
		if failed != nil {
			return x
		}
		b := graphbuild.Open(g, name)
		x, failed = clip(b, x), b.Err()
		return x
	})
	return clipped, failed
}

// mapGradients changes the numbers of all gradients: of dense ones, and of the rows of
// slices.
func mapGradients(grads []GradientVariable, f func(tf.Output) tf.Output) []GradientVariable {
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
