package inference

import (
	"math"
	"slices"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Folded is a batch normalization that went into the weights before it.
type Folded struct {
	Node    string // the batch normalization, or the multiplication that it was spelled out with
	Weights string // the operation whose weights were scaled
}

// fusedNorms are the batch normalizations that are one operation: the positions of their
// parameters among the inputs, and the attribute with epsilon.
var fusedNorms = map[string]struct {
	gamma, beta, mean, variance int
	epsilon                     string
}{
	globalNorm:         {gamma: 4, beta: 3, mean: 1, variance: 2, epsilon: "variance_epsilon"},
	"FusedBatchNorm":   {gamma: 1, beta: 2, mean: 3, variance: 4, epsilon: "epsilon"},
	"FusedBatchNormV2": {gamma: 1, beta: 2, mean: 3, variance: 4, epsilon: "epsilon"},
	"FusedBatchNormV3": {gamma: 1, beta: 2, mean: 3, variance: 4, epsilon: "epsilon"},
}

// globalNorm is the oldest batch normalization, which has no training mode.
const globalNorm = "BatchNormWithGlobalNormalization"

// foldBatchNorms multiplies every batch normalization with constant parameters into the
// constant weights of the Conv2D, DepthwiseConv2dNative or MatMul before it, and keeps
// the offset as a BiasAdd (or as the Add that was there). Names stay: the node of the
// batch normalization becomes the addition. Normalizations in training mode, and products
// that another node reads too, stay as they are. outputs are nodes whose value must not
// change.
func foldBatchNorms(def *graphdef.GraphDef, outputs []string) (*graphdef.GraphDef, []Folded) {
	g := newGraph(def, outputs)
	var folded []Folded
	unused := map[string]bool{}
	for _, n := range slices.Clone(g.def.Node) {
		var p *product
		if _, ok := fusedNorms[n.Op]; ok {
			p = g.foldFused(n)
		} else if n.Op == "Mul" {
			p = g.foldMul(n)
		}
		if p == nil {
			continue
		}
		folded = append(folded, Folded{Node: n.Name, Weights: p.op.Name})
		for _, in := range slices.Concat(n.Input, p.op.Input) {
			unused[nodedef.NodeName(in)] = true
		}
		delete(unused, p.op.Name)
	}
	g.prune(unused)
	return g.def, folded
}

// product is an operation with constant weights, one set for each output channel.
type product struct {
	op      *graphdef.NodeDef
	weights *value
	waits   []string // control inputs of the weights: constants in a loop wait for its start
}

// weightsInput is the input of a product that has the weights.
const weightsInput = 1

// foldFused folds a batch normalization that is one operation. It returns nil if that is
// not possible.
func (g *graph) foldFused(n *graphdef.NodeDef) *product {
	training, ok := n.Attr["is_training"]
	if n.Op != globalNorm && (!ok || training.GetB()) { // true is the default
		return nil
	}
	if g.readsOtherOutputs(n) { // only the first output has a meaning once folded
		return nil
	}
	p := g.productInput(n, 0)
	if p == nil {
		return nil
	}
	scale, offset := g.scaleAndOffset(n, p.channels())
	if scale == nil {
		return nil
	}
	g.scale(p, scale)
	dt := p.weights.dtype
	bias := (&value{dtype: dt, dims: []int64{int64(len(offset))}, data: offset}).node(g.freeName(p.op.Name + "_bn_offset"))
	bias.Input = p.waits
	add := &graphdef.NodeDef{Name: n.Name, Op: "BiasAdd", Device: n.Device, Input: []string{p.op.Name, bias.Name},
		Attr: map[string]*graphdef.AttrValue{"T": nodedef.TypeAttr(dt)}}
	if format, ok := p.op.Attr["data_format"]; ok {
		add.Attr["data_format"] = format
	}
	g.replace(n.Name, bias, add)
	return p
}

// readsOtherOutputs reports whether a node takes another output of n than the first, or
// waits for n.
func (g *graph) readsOtherOutputs(n *graphdef.NodeDef) bool {
	return slices.ContainsFunc(g.def.Node, func(o *graphdef.NodeDef) bool {
		return slices.ContainsFunc(o.Input, func(in string) bool {
			return nodedef.NodeName(in) == n.Name && in != n.Name && in != n.Name+":0"
		})
	})
}

// scaleAndOffset returns the factor and the summand that a batch normalization applies to
// each channel, nil if its parameters are not constant.
func (g *graph) scaleAndOffset(n *graphdef.NodeDef, channels int) (scale, offset []float64) {
	at := fusedNorms[n.Op]
	param := func(i int) []float64 {
		v, ok := constValue(g.skipIdentities(g.input(n, i)))
		if !ok || len(v.data) != channels {
			return nil
		}
		return v.data
	}
	gamma, beta, mean, variance := param(at.gamma), param(at.beta), param(at.mean), param(at.variance)
	if gamma == nil || beta == nil || mean == nil || variance == nil {
		return nil, nil
	}
	epsilon := 1e-4
	if a, ok := n.Attr[at.epsilon]; ok {
		epsilon = float64(a.GetF())
	}
	withGamma := n.Op != globalNorm || n.Attr["scale_after_normalization"].GetB()
	scale, offset = make([]float64, channels), make([]float64, channels)
	for c := range scale {
		scale[c] = 1 / math.Sqrt(variance[c]+epsilon)
		if withGamma {
			scale[c] *= gamma[c]
		}
		offset[c] = beta[c] - mean[c]*scale[c]
	}
	return scale, offset
}

// foldMul folds the multiplication with which a spelled-out batch normalization begins: of
// a product that has constant weights by one constant for each channel. It returns nil if
// n is anything else.
func (g *graph) foldMul(n *graphdef.NodeDef) *product {
	for side := range 2 {
		p := g.productInput(n, side)
		if p == nil {
			continue
		}
		factor := g.evaluate(g.input(n, 1-side), 0)
		if factor == nil {
			continue
		}
		fromEnd := 1
		if string(p.op.Attr["data_format"].GetS()) == "NCHW" {
			fromEnd = 3
		}
		scale, ok := factor.perChannel(p.channels(), fromEnd)
		if !ok {
			continue
		}
		g.scale(p, scale)
		// The node stays, for readers that know its name, and does nothing.
		g.replace(n.Name, &graphdef.NodeDef{Name: n.Name, Op: "Identity", Device: n.Device, Input: []string{p.op.Name},
			Attr: map[string]*graphdef.AttrValue{"T": nodedef.TypeAttr(p.weights.dtype)}})
		return p
	}
	return nil
}

// productInput returns the product with constant weights that is input i of n. It returns
// nil if there is none, or if another node than n reads it.
func (g *graph) productInput(n *graphdef.NodeDef, i int) *product {
	op := g.input(n, i)
	if op == nil || g.uses[op.Name] != 1 || g.keep[op.Name] {
		return nil
	}
	rank := 4
	switch op.Op {
	case "MatMul":
		rank = 2
	case "Conv2D", "DepthwiseConv2dNative":
	default:
		return nil
	}
	weights := g.skipIdentities(g.input(op, weightsInput))
	v, ok := constValue(weights)
	if !ok || len(v.dims) != rank {
		return nil
	}
	return &product{op: op, weights: v, waits: weights.Input}
}

// channels returns the number of output channels.
func (p *product) channels() int {
	d := p.weights.dims
	switch {
	case p.op.Op == "DepthwiseConv2dNative":
		return int(d[2] * d[3])
	case p.isTransposed():
		return int(d[0])
	}
	return int(d[len(d)-1])
}

func (p *product) isTransposed() bool {
	return p.op.Op == "MatMul" && p.op.Attr["transpose_b"].GetB()
}

// scale multiplies the weights of each output channel.
func (g *graph) scale(p *product, by []float64) {
	scaled := &value{dtype: p.weights.dtype, dims: p.weights.dims, data: make([]float64, len(p.weights.data))}
	perChannel := len(p.weights.data) / max(len(by), 1)
	for i, x := range p.weights.data {
		// The channels are the innermost dimension, or the innermost two of a depthwise
		// convolution, but the outermost of a transposed matrix.
		channel := i % len(by)
		if p.isTransposed() {
			channel = i / perChannel
		}
		scaled.data[i] = x * by[channel]
	}
	weights := scaled.node(g.freeName(p.op.Name + "_weights"))
	weights.Input = p.waits
	op := clone(p.op)
	op.Input[weightsInput] = weights.Name
	g.replace(p.op.Name, weights, op)
	g.uses[weights.Name] = 1
}
