package autodiff

import (
	"fmt"
	"regexp"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/capi"
)

// backward carries gradients from the ys to the xs.
type backward struct {
	*builder
	schedule *schedule
	pending  map[port][]Gradient // the gradients so far, to be summed up
	total    map[port]Gradient   // of xs in a region: the library's sums
}

func backprop(b *builder, s *schedule, gradYs []tensorflow.Output) ([]Gradient, error) {
	bw := &backward{b, s, make(map[port][]Gradient), make(map[port]Gradient)}
	for i, y := range s.graph.ys {
		if !y.isLive() {
			continue
		}
		bw.setScope(fmt.Sprintf("grad_ys_%d", i))
		g := Gradient{}
		if i < len(gradYs) {
			g.Dense = gradYs[i]
		}
		if g.IsNone() {
			g.Dense = bw.ones(y.output())
		}
		bw.add(y, g)
	}
	for level := range s.regions {
		if err := bw.differentiateRegion(&s.regions[level]); err != nil {
			return nil, err
		}
		for _, n := range s.separate[level] {
			if err := bw.differentiateNode(n); err != nil {
				return nil, err
			}
		}
	}
	grads := make([]Gradient, len(s.graph.xs))
	for i, x := range s.graph.xs {
		if x.node == nil {
			continue
		}
		if g, ok := bw.total[x]; ok {
			grads[i] = g
		} else {
			grads[i] = bw.gradientOf(x)
		}
	}
	return grads, bw.Err()
}

// ones returns ones in the shape and type of y.
func (b *builder) ones(y output) output {
	if dims, ok := fullShape(y.Shape()); ok && len(dims) == 0 {
		return b.scalar(1, y)
	}
	return b.one("Fill", nil, b.shape(y), b.scalar(1, y))
}

// add adds a part of the gradient of p.
func (bw *backward) add(p port, g Gradient) {
	if !g.IsNone() {
		bw.pending[p] = append(bw.pending[p], g)
	}
}

// gradientOf returns the gradient of p, when all its parts are there.
func (bw *backward) gradientOf(p port) Gradient {
	parts := bw.pending[p]
	if len(parts) > 1 {
		bw.setScope(p.node.name + "_grad")
		parts = []Gradient{bw.sum(parts)}
		bw.pending[p] = parts
	}
	return bw.sum(parts)
}

// differentiateRegion lets the library differentiate a region.
func (bw *backward) differentiateRegion(r *region) error {
	var ys, xs, dys []output
	inside := func(n *node) bool { return r.has[n] }
	for _, y := range r.y {
		g := bw.gradientOf(y)
		if g.IsNone() {
			continue
		}
		bw.setScope(y.node.name + "_grad")
		dys = append(dys, bw.dense(g))
		if len(r.y) > 1 && y.hasUse(inside) {
			// The library loses gradients of ys that depend on one another. Nothing
			// depends on an identity.
			ys = append(ys, bw.Value("Identity", "out", y.output()))
		} else {
			ys = append(ys, y.output())
		}
	}
	if bw.Err() != nil || len(ys) == 0 {
		return bw.Err()
	}
	for _, x := range r.x {
		xs = append(xs, x.output())
	}
	dxs, err := bw.callLibrary("part", ys, xs, dys)
	if err != nil {
		return libraryError(err, r.nodes)
	}
	for i, x := range r.x {
		if r.has[x.node] {
			bw.total[x] = dxs[i]
		} else {
			bw.add(x, dxs[i])
		}
	}
	return nil
}

// callLibrary calls TF_AddGradients.
func (bw *backward) callLibrary(name string, ys, xs, dys []output) ([]Gradient, error) {
	scope := bw.Within(bw.base).Unique(name)
	dxs, err := bw.graph.AddGradients(scope, ys, xs, dys)
	if err != nil {
		return nil, err
	}
	grads := make([]Gradient, len(dxs))
	for i, dx := range dxs {
		// The C operation of a tensor without influence is nil.
		if _, err := capi.Inputs(dx.Op); err == nil {
			grads[i] = Gradient{Dense: dx}
		}
	}
	return grads, nil
}

// differentiateNode differentiates a separate node: by its rule, or as a copy.
func (bw *backward) differentiateNode(n *node) error {
	dy := make([]Gradient, len(n.live))
	none := true
	for i := range dy {
		dy[i] = bw.gradientOf(port{n, i})
		none = none && dy[i].IsNone()
	}
	if bw.Err() != nil || none {
		return bw.Err()
	}
	bw.setScope(n.name + "_grad")
	differentiate := bw.differentiateCopy
	if n.rule != nil {
		differentiate = func(n *node, dy []Gradient) ([]Gradient, error) { return n.rule(bw.builder, n, dy) }
	}
	dx, err := differentiate(n, dy)
	if err == nil {
		err = bw.Err()
	}
	if err != nil {
		return err
	}
	for i, g := range dx {
		if n.in[i].isLive() {
			bw.add(n.in[i], g)
		}
	}
	return nil
}

// noGradientFor finds the operation in the library's message about it.
var noGradientFor = regexp.MustCompile(`No gradient defined for op: (\w+)`)

// libraryError returns an error that names the node, if the library complains about an
// operation.
func libraryError(err error, nodes []*node) error {
	if m := noGradientFor.FindStringSubmatch(err.Error()); m != nil {
		for _, n := range nodes {
			if n.typ == m[1] {
				return noGradient(n)
			}
		}
	}
	return err
}
