package inference

import (
	"math"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
)

// Folded is a batch normalisation that went into the weights before it.
type Folded struct {
	Node    string // the batch normalisation, or the multiplication it was spelled out with
	Weights string // the operation whose weights were scaled
}

// fusedNorms are the batch normalisations that are one operation: where their
// parameters stand among the inputs, and the attribute with epsilon.
var fusedNorms = map[string]struct {
	gamma, beta, mean, variance int
	epsilon                     string
}{
	"BatchNormWithGlobalNormalization": {gamma: 4, beta: 3, mean: 1, variance: 2, epsilon: "variance_epsilon"},
	"FusedBatchNorm":                   {gamma: 1, beta: 2, mean: 3, variance: 4, epsilon: "epsilon"},
	"FusedBatchNormV2":                 {gamma: 1, beta: 2, mean: 3, variance: 4, epsilon: "epsilon"},
	"FusedBatchNormV3":                 {gamma: 1, beta: 2, mean: 3, variance: 4, epsilon: "epsilon"},
}

// FoldBatchNorms multiplies every batch normalisation with constant parameters
// into the constant weights of the Conv2D, DepthwiseConv2dNative or MatMul
// before it, and keeps what it adds as a BiasAdd (or the Add that was there).
// Names stay: the node of the batch normalisation becomes the addition.
// Normalisations in training mode, and products that something else reads too,
// stay as they are. outputs are nodes whose value must not change.
func FoldBatchNorms(def *graphpb.GraphDef, outputs []string) (*graphpb.GraphDef, []Folded) {
	g := open(def, outputs)
	var done []Folded
	unused := map[string]bool{}
	for _, n := range append([]*nodepb.NodeDef(nil), g.def.Node...) {
		var w *weighted
		if _, ok := fusedNorms[n.Op]; ok {
			w = g.foldFused(n)
		} else if n.Op == "Mul" {
			w = g.foldMul(n)
		}
		if w == nil {
			continue
		}
		done = append(done, Folded{Node: n.Name, Weights: w.op.Name})
		for _, in := range append(append([]string(nil), n.Input...), w.op.Input...) {
			unused[nodeOf(in)] = true
		}
		delete(unused, w.op.Name)
	}
	g.prune(unused)
	return g.def, done
}

// weighted is an operation with constant weights, one set for each output channel.
type weighted struct {
	op      *nodepb.NodeDef
	weights *value
	at      int // input that holds the weights
	index   int // which of the inputs of the normalisation it is
}

// foldFused folds a batch normalisation that is one operation.
func (g *net) foldFused(n *nodepb.NodeDef) *weighted {
	at := fusedNorms[n.Op]
	if a, ok := n.Attr["is_training"]; n.Op != "BatchNormWithGlobalNormalization" && (!ok || a.GetB()) {
		return nil // true is the default
	}
	for _, o := range g.def.Node { // only the first output has a meaning once folded
		for _, in := range o.Input {
			if nodeOf(in) == n.Name && in != n.Name && in != n.Name+":0" {
				return nil
			}
		}
	}
	w := g.weightedInput(n, 0)
	if w == nil {
		return nil
	}
	params := map[int][]float64{}
	for _, i := range []int{at.gamma, at.beta, at.mean, at.variance} {
		v, ok := constValue(g.through(g.input(n, i)))
		if !ok || len(v.data) != w.channels() {
			return nil
		}
		params[i] = v.data
	}
	eps := float64(n.Attr[at.epsilon].GetF())
	if _, ok := n.Attr[at.epsilon]; !ok {
		eps = 1e-4
	}
	scaleAfter := n.Op != "BatchNormWithGlobalNormalization" || n.Attr["scale_after_normalization"].GetB()
	scale := make([]float64, w.channels())
	offset := &value{dtype: w.weights.dtype, dims: []int64{int64(len(scale))}, data: make([]float64, len(scale))}
	for c := range scale {
		scale[c] = 1 / math.Sqrt(params[at.variance][c]+eps)
		if scaleAfter {
			scale[c] *= params[at.gamma][c]
		}
		offset.data[c] = params[at.beta][c] - params[at.mean][c]*scale[c]
	}
	g.scale(w, scale)
	bias := offset.node(g.fresh(w.op.Name + "_bn_offset"))
	add := &nodepb.NodeDef{Name: n.Name, Op: "BiasAdd", Device: n.Device, Input: []string{w.op.Name, bias.Name},
		Attr: map[string]*attrpb.AttrValue{"T": {Value: &attrpb.AttrValue_Type{Type: w.weights.dtype}}}}
	if f, ok := w.op.Attr["data_format"]; ok {
		add.Attr["data_format"] = f
	}
	g.replace(n.Name, bias, add)
	return w
}

// foldMul folds the multiplication that a spelled-out batch normalisation
// begins with: of a product with weights and one constant a channel.
func (g *net) foldMul(n *nodepb.NodeDef) *weighted {
	for side := 0; side < 2; side++ {
		w := g.weightedInput(n, side)
		if w == nil {
			continue
		}
		factor := g.evaluate(g.input(n, 1-side), 0)
		if factor == nil {
			continue
		}
		fromEnd := 1
		if string(w.op.Attr["data_format"].GetS()) == "NCHW" {
			fromEnd = 3
		}
		scale, ok := factor.perChannel(w.channels(), fromEnd)
		if !ok {
			continue
		}
		g.scale(w, scale)
		// The node stays, for what reads it by name, and does nothing.
		id := &nodepb.NodeDef{Name: n.Name, Op: "Identity", Device: n.Device, Input: []string{w.op.Name},
			Attr: map[string]*attrpb.AttrValue{"T": {Value: &attrpb.AttrValue_Type{Type: w.weights.dtype}}}}
		g.replace(n.Name, id)
		return w
	}
	return nil
}

// weightedInput finds the product with constant weights at input i of n, if
// nothing but n reads it.
func (g *net) weightedInput(n *nodepb.NodeDef, i int) *weighted {
	op := g.input(n, i)
	if op == nil || g.uses[op.Name] != 1 || g.keep[op.Name] {
		return nil
	}
	switch op.Op {
	case "Conv2D", "DepthwiseConv2dNative", "MatMul":
	default:
		return nil
	}
	v, ok := constValue(g.through(g.input(op, 1)))
	if !ok || op.Op == "MatMul" && len(v.dims) != 2 || op.Op != "MatMul" && len(v.dims) != 4 {
		return nil
	}
	return &weighted{op: op, weights: v, at: 1, index: i}
}

// channels is the number of output channels.
func (w *weighted) channels() int {
	d := w.weights.dims
	switch {
	case w.op.Op == "DepthwiseConv2dNative":
		return int(d[2] * d[3])
	case w.op.Op == "MatMul" && w.op.Attr["transpose_b"].GetB():
		return int(d[0])
	}
	return int(d[len(d)-1])
}

// scale multiplies the weights of each output channel.
func (g *net) scale(w *weighted, by []float64) {
	scaled := &value{dtype: w.weights.dtype, dims: w.weights.dims, data: make([]float64, len(w.weights.data))}
	rows := w.op.Op == "MatMul" && w.op.Attr["transpose_b"].GetB()
	width := len(w.weights.data) / max(len(by), 1)
	for i, x := range w.weights.data {
		if rows {
			scaled.data[i] = x * by[i/width]
		} else {
			// The channels, for a depthwise convolution both of its last dimensions, are innermost.
			scaled.data[i] = x * by[i%len(by)]
		}
	}
	k := scaled.node(g.fresh(w.op.Name + "_weights"))
	op := clone(w.op)
	op.Input[w.at] = k.Name
	g.replace(w.op.Name, k, op)
	g.uses[k.Name] = 1
}
