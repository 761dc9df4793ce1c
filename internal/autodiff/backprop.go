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
	plan    *plan
	pending map[port][]Gradient // what has come back so far
	total   map[port]Gradient   // of xs within a region, from the library
}

func backprop(b *builder, p *plan, gradYs []tensorflow.Output) ([]Gradient, error) {
	bw := &backward{b, p, make(map[port][]Gradient), make(map[port]Gradient)}
	for i, y := range p.w.ys {
		if !y.isLive() {
			continue
		}
		bw.within(fmt.Sprintf("grad_ys_%d", i))
		g := Gradient{}
		if i < len(gradYs) {
			g.Dense = gradYs[i]
		}
		if g.IsNone() {
			g.Dense = bw.ones(y.output())
		}
		bw.pending[y] = append(bw.pending[y], g)
	}
	for level := range p.regions {
		if err := bw.region(p.regions[level]); err != nil {
			return nil, err
		}
		for _, n := range p.holes[level] {
			if err := bw.hole(n); err != nil {
				return nil, err
			}
		}
	}
	grads := make([]Gradient, len(p.w.xs))
	for i, x := range p.w.xs {
		if x.node == nil {
			continue
		}
		if g, ok := bw.total[x]; ok {
			grads[i] = g
		} else {
			grads[i] = bw.arrived(x)
		}
	}
	return grads, bw.err
}

// ones has the shape and the type of y.
func (b *builder) ones(y output) output {
	if dims, ok := fullShape(y.Shape()); ok && len(dims) == 0 {
		return b.scalar(1, y)
	}
	return b.one("Fill", nil, b.shape(y), b.scalar(1, y))
}

// arrived is the sum of what came back to p; all that is to come has.
func (bw *backward) arrived(p port) Gradient {
	gs := bw.pending[p]
	if len(gs) > 1 {
		bw.within(p.node.name + "_grad")
		gs = []Gradient{bw.sum(gs)}
		bw.pending[p] = gs
	}
	return bw.builder.sum(gs)
}

func (bw *backward) pass(p port, g Gradient) {
	if !g.IsNone() {
		bw.pending[p] = append(bw.pending[p], g)
	}
}

// region lets the library differentiate a region.
func (bw *backward) region(r region) error {
	var ys, xs, dys []output
	for _, y := range r.y {
		g := bw.arrived(y)
		if g.IsNone() {
			continue
		}
		bw.within(y.node.name + "_grad")
		dys = append(dys, bw.dense(g))
		if len(r.y) > 1 && r.goesOn(y) {
			// Of ys that depend on one another the library loses gradients; on
			// an identity nothing depends.
			ys = append(ys, bw.named("Identity", "out", nil, y.output()))
		} else {
			ys = append(ys, y.output())
		}
	}
	if bw.err != nil || len(ys) == 0 {
		return bw.err
	}
	for _, x := range r.x {
		xs = append(xs, x.output())
	}
	dxs, err := bw.library("part", ys, xs, dys)
	if err != nil {
		return libraryError(err, r.nodes)
	}
	for i, x := range r.x {
		if r.has[x.node] {
			bw.total[x] = dxs[i]
		} else {
			bw.pass(x, dxs[i])
		}
	}
	return nil
}

// library calls TF_AddGradients.
func (bw *backward) library(name string, ys, xs, dys []output) ([]Gradient, error) {
	dxs, err := bw.graph.AddGradients(bw.unique(bw.base+"/"+name), ys, xs, dys)
	if err != nil {
		return nil, err
	}
	grads := make([]Gradient, len(dxs))
	for i, dx := range dxs {
		// A tensor without influence comes back with a C operation that is nil.
		if _, err := capi.Inputs(dx.Op); err == nil {
			grads[i] = Gradient{Dense: dx}
		}
	}
	return grads, nil
}

// hole differentiates one node: by its rule, or as a copy.
func (bw *backward) hole(n *node) error {
	dy := make([]Gradient, len(n.live))
	none := true
	for i := range dy {
		dy[i] = bw.arrived(port{n, i})
		none = none && dy[i].IsNone()
	}
	if bw.err != nil || none {
		return bw.err
	}
	bw.within(n.name + "_grad")
	var dx []Gradient
	var err error
	if n.rule != nil {
		dx, err = n.rule(bw.builder, n, dy)
	} else {
		dx, err = bw.isolated(n, dy)
	}
	if err == nil {
		err = bw.err
	}
	if err != nil {
		return err
	}
	for i, g := range dx {
		if n.in[i].isLive() {
			bw.pass(n.in[i], g)
		}
	}
	return nil
}

var undefined = regexp.MustCompile(`No gradient defined for op: (\w+)`)

// libraryError turns the library's complaint about an operation into ours,
// which names the node.
func libraryError(err error, nodes []*node) error {
	if m := undefined.FindStringSubmatch(err.Error()); m != nil {
		for _, n := range nodes {
			if n.typ == m[1] {
				return noGradient(n)
			}
		}
	}
	return fmt.Errorf("autodiff: TF_AddGradients: %w", err)
}
