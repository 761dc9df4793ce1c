package freeze

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// TensorFlow's kernels of writes compare shapes, where the operations on values that replace
// them broadcast. So an EnsureShape compares the shapes.

// knownShape is a shape as text, "[2,3]". It is "" if the shape is not known.
type knownShape string

const scalarShape knownShape = "[]"

func shapeOf(dims []int64) knownShape {
	text := make([]string, len(dims))
	for i, d := range dims {
		text[i] = strconv.FormatInt(d, 10)
	}
	return knownShape("[" + strings.Join(text, ",") + "]")
}

func (s knownShape) dims() []int64 {
	var dims []int64
	for text := range strings.SplitSeq(strings.Trim(string(s), "[]"), ",") {
		if d, err := strconv.ParseInt(text, 10, 64); err == nil {
			dims = append(dims, d)
		}
	}
	return dims
}

// rows is the shape of any number of rows of a variable.
func (s knownShape) rows() knownShape {
	dims := s.dims()
	if len(dims) == 0 {
		return ""
	}
	return shapeOf(append([]int64{-1}, dims[1:]...))
}

// keepsShapes reports whether no node of the graph, and of the functions that variables reach,
// can give a variable a value of another shape.
func (t *tracer) keepsShapes(b *body) bool {
	changes := func(n *graphdef.NodeDef) bool {
		return (n.Op == "Assign" || n.Op == "AssignVariableOp") && !validatesShape(n, n.Op)
	}
	if slices.ContainsFunc(b.nodes, changes) {
		return false
	}
	for key := range t.traced {
		if slices.ContainsFunc(t.lib.functions[key.name].GetNodeDef(), changes) {
			return false
		}
	}
	return true
}

// validatesShape reports whether an assignment fails for a value of another shape.
func validatesShape(n *graphdef.NodeDef, op string) bool {
	if v, ok := n.Attr["validate_shape"]; ok {
		return v.GetB()
	}
	return op == "Assign" // the defaults of the two operations differ
}

// ensureShape returns a tensor that is value, and fails if value has another shape. A shape that
// is not known is not compared.
func (t *turning) ensureShape(value string, shape knownShape) string {
	if shape == "" || !t.keepsShapes {
		return value
	}
	if n := t.body.node(t.origin(value).node); n != nil && n.Op == "Const" {
		if dims, ok := nodedef.Dims(n.Attr["value"].GetTensor().GetTensorShape()); ok && shapeOf(dims) == shape {
			return value
		}
	}
	return t.node("shaped", "EnsureShape", "output", attrs{"T": t.dtype(), "shape": shapeAttr(shape.dims())}, value)
}
