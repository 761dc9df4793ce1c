package autodiff

import (
	"fmt"
	"slices"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
)

// backward carries gradients from the ys to the xs.
type backward struct {
	*builder
	pending map[port][]Gradient // the gradients so far, to be summed up
}

// backprop adds the gradients of a subgraph that has found its rules.
func backprop(b *builder, s *subgraph, gradYs []tensorflow.Output) ([]Gradient, error) {
	bw := &backward{b, make(map[port][]Gradient)}
	for i, y := range s.ys {
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
	for _, n := range slices.Backward(s.nodes) {
		if !n.onPath {
			continue
		}
		if err := bw.differentiate(n); err != nil {
			return nil, err
		}
	}
	grads := make([]Gradient, len(s.xs))
	for i, x := range s.xs {
		if x.node != nil {
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

// differentiate adds the gradient of a node by its rule.
func (bw *backward) differentiate(n *node) error {
	dy := make([]Gradient, len(n.live))
	none := true
	for i := range dy {
		if n.loop != nil && !n.loop.exits[i].passes {
			continue
		}
		dy[i] = bw.gradientOf(port{n, i})
		none = none && dy[i].IsNone()
	}
	if bw.Err() != nil || none {
		return bw.Err()
	}
	bw.setScope(n.name + "_grad")
	dx, err := n.rule(bw.builder, n, dy)
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
