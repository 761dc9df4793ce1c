package autodiff

import (
	"errors"
	"strings"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// Custom adds the gradient of an operation that the caller defines. The graph is that of the
// call of Build, or a copy of a part of it, such as the body of a loop. Names begin with scope,
// which is unique. grads has the gradients of the operation's outputs: zeros for one that does
// not influence the ys, and no operation for one that has no derivative, such as an integer.
type Custom func(g *tensorflow.Graph, scope string, op *tensorflow.Operation, inputs, grads []tensorflow.Output) ([]Gradient, error)

// Known reports whether operations of a type have a gradient, or have none on purpose.
func Known(opType string) bool {
	return rules[opType] != nil || stops[opType] || controlFlowOps[opType] || functional[opType] != nil || opType == "PreventGradient"
}

// override returns the name of the gradient that a node has instead of that of its operation,
// "" for none: tf.custom_gradient and Graph.gradient_override_map set it. Python also sets it
// for calls of functions, whose gradient is the usual one.
func (n *node) override() string {
	name := n.text("_gradient_op_type")
	if strings.HasPrefix(name, n.typ+"-") || name != "" && n.isSwish() {
		return ""
	}
	return name
}

// isSwish reports whether a node is the end of tf.nn.swish, x·sigmoid(βx) with x and β as
// further values. Its own gradient only saves memory; that of its operations has the same
// numbers.
func (n *node) isSwish() bool {
	if n.typ != "IdentityN" || len(n.in) != 3 {
		return false
	}
	x, beta, product := n.in[1], n.in[2], n.in[0].node
	if product.typ != "Mul" || product.in[0] != x || product.in[1].node.typ != "Sigmoid" {
		return false
	}
	scaled := product.in[1].node.in[0].node
	return scaled.typ == "Mul" && scaled.in[0] == beta && scaled.in[1] == x
}

// stops reports whether no gradient passes through a node.
func (n *node) stops() bool { return n.stopped || stops[n.typ] && n.override() == "" }

// customFor returns the caller's gradient for a node, or nil, and the name of the gradient.
func customFor(n *node, o *Options) (Custom, string) {
	name := n.override()
	if name == "" && !Known(n.typ) {
		name = n.typ
	}
	if name == "" || o.Custom == nil {
		return nil, name
	}
	return o.Custom(name), name
}

// customRule makes a rule of a gradient that the caller defines.
func customRule(f Custom, name string) rule {
	return func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
		dx, err := callCustom(b, f, n, dy)
		var e *tfkeep.Error
		if err == nil || b.Err() != nil || errors.As(err, &e) && e.Op == "differentiate" {
			return dx, err
		}
		return nil, &tfkeep.Error{Op: "differentiate", Item: "operation", Name: n.name, Cause: err, Detail: "gradient " + name}
	}
}

func callCustom(b *builder, f Custom, n *node, dy []Gradient) ([]Gradient, error) {
	inputs, grads := make([]output, len(n.in)), make([]output, len(n.live))
	for i := range inputs {
		inputs[i] = n.x(i)
	}
	for i := range grads {
		switch dt := graphbuild.TypeOf(n.y(i)); {
		case !dy[i].IsNone():
			grads[i] = b.dense(dy[i])
		case differentiable(dt) && dt != dtype.Resource && dt != dtype.Variant:
			grads[i] = b.zeros(n.y(i))
		}
	}
	scope := b.Unique("custom")
	if b.Err() != nil {
		return nil, b.Err()
	}
	dx, err := f(b.graph, scope, n.op, inputs, grads)
	if err != nil {
		return nil, err
	}
	if len(dx) > len(n.in) {
		return nil, invalid("the gradient of %q, %s, has %d results for %d inputs", n.name, n.typ, len(dx), len(n.in))
	}
	for i, d := range dx {
		if err := checkCustom(b.graph, n, i, d); err != nil {
			return nil, err
		}
	}
	return dx, nil
}

// checkCustom checks the caller's gradient of an input: its type, and its shape as far as it
// is known.
func checkCustom(g *tensorflow.Graph, n *node, i int, d Gradient) error {
	if d.IsNone() {
		return nil
	}
	parts := []output{d.Dense}
	if s := d.Slices; s != nil {
		parts = []output{s.Values, s.Indices, s.DenseShape}
	}
	for _, o := range parts {
		if err := inGraph(g, o); err != nil {
			return invalid("the gradient of input %d of %q, %s: %v", i, n.name, n.typ, err)
		}
	}
	x := n.x(i)
	if got, want := graphbuild.TypeOf(parts[0]), graphbuild.TypeOf(x); got != want && want != dtype.Resource {
		return invalid("the gradient of input %d of %q, %s, has the type %s, not %s", i, n.name, n.typ, dtype.Name(got), dtype.Name(want))
	}
	if d.Slices != nil || graphbuild.TypeOf(x) == dtype.Resource {
		return nil
	}
	if got, want := d.Dense.Shape(), x.Shape(); !graphbuild.Compatible(got, want) {
		return invalid("the gradient of input %d of %q, %s, has the shape %v, not %v", i, n.name, n.typ, got, want)
	}
	return nil
}
