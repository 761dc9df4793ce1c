package freeze

import (
	"slices"
	"strings"

	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// A write whose value is needed becomes the operations that compute the same value, bit for
// bit, from the old one.

// arithmetic computes the value that a write leaves in the variable at input 0.
type arithmetic struct {
	op     string // of the node that the write becomes
	output string // the name of its output
	turn   func(t *turning)
}

// arithmeticOf returns the arithmetic of a write.
func arithmeticOf(op string) (arithmetic, bool) {
	if _, sparse, ok := optimizerOf(op); sparse && ok {
		return arithmetic{"TensorScatterUpdate", "output", (*turning).optimize}, true
	} else if ok {
		return arithmetic{"Identity", "output", (*turning).optimize}, true
	}
	op = strings.TrimSuffix(strings.TrimPrefix(op, "Resource"), "VariableOp")
	a, ok := arithmetics[op]
	return a, ok
}

var arithmetics = map[string]arithmetic{
	"Assign":             {"Identity", "output", (*turning).assign},
	"AssignAdd":          {"AddV2", "z", (*turning).plain},
	"AssignSub":          {"Sub", "z", (*turning).plain},
	"ScatterUpdate":      {"TensorScatterUpdate", "output", (*turning).scatter},
	"ScatterAdd":         {"TensorScatterAdd", "output", (*turning).scatter},
	"ScatterSub":         {"TensorScatterSub", "output", (*turning).scatter},
	"ScatterMin":         {"TensorScatterMin", "output", (*turning).scatter},
	"ScatterMax":         {"TensorScatterMax", "output", (*turning).scatter},
	"ScatterMul":         {"TensorScatterUpdate", "output", (*turning).scatterUnique},
	"ScatterDiv":         {"TensorScatterUpdate", "output", (*turning).scatterUnique},
	"ScatterNdUpdate":    {"TensorScatterUpdate", "output", (*turning).scatterND},
	"ScatterNdAdd":       {"TensorScatterAdd", "output", (*turning).scatterND},
	"ScatterNdSub":       {"TensorScatterSub", "output", (*turning).scatterND},
	"ScatterNdMin":       {"TensorScatterMin", "output", (*turning).scatterND},
	"ScatterNdMax":       {"TensorScatterMax", "output", (*turning).scatterND},
	"StridedSliceAssign": {"TensorStridedSliceUpdate", "output", (*turning).slice},
	"CountUpTo":          {"Identity", "output", (*turning).countUpTo},
}

// writeValues returns the tensors with the values that a write leaves in its variables.
func (c *carrying) writeValues(i int) (map[string]string, error) {
	n := c.nodes[i]
	a, ok := arithmeticOf(n.Op)
	in := c.frozenInputs(n, c.reached)
	target, reached := in[0]
	if !ok || !reached {
		return nil, nodeError(c.body, n, tfkeep.ErrUnsupported, "it changes a frozen variable that is used afterwards, and no operation on values does the same; %s", orderRemedy)
	}
	if strings.HasSuffix(n.Op, "ScatterMul") || strings.HasSuffix(n.Op, "ScatterDiv") {
		if !c.uniqueIndices(n.Input[1]) {
			return nil, c.repeatedIndices(n, target)
		}
	}
	values := map[string]string{}
	if strings.HasSuffix(n.Op, "CountUpTo") {
		values[target.variable] = c.slotValue(i, "new", target)
		return values, nil
	}
	if err := c.slotValues(i, in, values); err != nil {
		return nil, err
	}
	t := c.outputOf(n.Name, []string{a.output}, 0)
	c.reached[t] = target
	values[target.variable] = c.nameOf(t)
	return values, nil
}

func (c *carrying) repeatedIndices(n *graphdef.NodeDef, target carrier) error {
	return nodeError(c.body, n, tfkeep.ErrUnsupported, "its indices are not known to be different numbers, and %s is used afterwards; %s", c.describe(target.variable), orderRemedy)
}

// slotValue adds the node that will give the new value of a variable that the value of the
// write itself is not, and returns its output.
func (c *carrying) slotValue(i int, suffix string, slot carrier) string {
	node := c.newNode(i, c.nodes[i].Name+"/"+suffix, "Identity", nil, attrs{"T": nodedef.TypeAttr(slot.dtype)})
	c.need(node)
	c.slots[i] = append(c.slots[i], node)
	t := c.outputOf(node, []string{"output"}, 0)
	c.reached[t] = slot
	return c.nameOf(t)
}

// setSlot sets the input of a node that slotValue added.
func (t *turning) setSlot(k int, value string) {
	t.mutable(t.index[t.slots[t.i][k]]).Input = []string{value}
}

// uniqueIndices reports whether a tensor is a list of different integers.
func (c *carrying) uniqueIndices(in string) bool {
	from := c.origin(in)
	n := c.node(from.node)
	switch {
	case n == nil:
		return false
	case n.Op == "Unique" || n.Op == "UniqueV2":
		return from == c.outputOf(n.Name, []string{"y"}, 0)
	case n.Op != "Const":
		return false
	}
	values, ok := integers(n.Attr["value"].GetTensor())
	slices.Sort(values)
	return ok && len(slices.Compact(slices.Clone(values))) == len(values)
}

// integers returns the elements of a constant of a few integers.
func integers(t *tensorpb.TensorProto) ([]int64, bool) {
	dims, _ := nodedef.Dims(t.GetTensorShape())
	elements, ok := dtype.NumElements(dims)
	if !ok || elements > 1<<16 {
		return nil, false
	}
	var values []int64
	if raw := t.GetTensorContent(); len(raw) > 0 {
		size := dtype.Size(t.Dtype)
		if int64(len(raw)) != elements*int64(size) || size != 4 && size != 8 {
			return nil, false
		}
		for ; len(raw) > 0; raw = raw[size:] {
			var v uint64
			for k := range size {
				v |= uint64(raw[k]) << (8 * k)
			}
			values = append(values, int64(v))
		}
		return values, true
	}
	for _, v := range t.GetIntVal() {
		values = append(values, int64(v))
	}
	values = append(values, t.GetInt64Val()...)
	return values, int64(len(values)) == elements // a shorter list repeats its last element
}

// turning turns one write into operations on values.
type turning struct {
	*carrying
	i      int
	n      *graphdef.NodeDef
	op     string // what it was
	a      arithmetic
	target carrier
	data   []string // its data inputs
	after  []string // its control inputs
}

// turnWrite turns a write, whose inputs are values now, into arithmetic.
func (c *carrying) turnWrite(i int) error {
	n := c.mutable(i)
	a, _ := arithmeticOf(n.Op)
	t := &turning{carrying: c, i: i, n: n, op: n.Op, a: a, data: slices.Clone(nodedef.DataInputs(n)), after: slices.Clone(controlInputs(n))}
	for _, x := range c.at[i] {
		if x.writes && slices.Contains(x.inputs, 0) {
			t.target = c.carrierOf(c.variableAt(i, x))
		}
	}
	c.repaired(n, a.op)
	c.done[n.Name] = true
	c.renamed[n.Name+":output_ref"] = n.Name + ":" + a.output
	a.turn(t)
	return nil
}

func (c *carrying) variableAt(i int, a *access) string {
	for variable, x := range c.at[i] {
		if x == a {
			return variable
		}
	}
	return ""
}

// become sets the operation of the write, and its inputs.
func (t *turning) become(set attrs, inputs ...string) {
	turnInto(t.n, t.a.op, set)
	t.n.Input = slices.Concat(inputs, t.after)
}

func (t *turning) dtype() *graphdef.AttrValue { return nodedef.TypeAttr(t.target.dtype) }

// node adds a node and returns its output.
func (t *turning) node(suffix, op, output string, set attrs, inputs ...string) string {
	name := t.newNode(t.i, t.n.Name+"/"+suffix, op, inputs, set)
	return t.nameOf(t.outputOf(name, []string{output}, 0))
}

// constant adds a constant in the branch and the loop of an input.
func (t *turning) constant(suffix string, value *tensorpb.TensorProto, near string) string {
	var after []string
	if anchor := t.anchor(near); anchor != "" {
		after = []string{"^" + anchor}
	}
	n := nodedef.Const("", value)
	return t.node(suffix, "Const", "output", n.Attr, after...)
}

func (t *turning) assign() {
	value := t.data[1]
	if validatesShape(t.n, t.op) {
		value = t.ensureShape(value, t.target.shape)
	}
	t.become(attrs{"T": t.dtype()}, value)
}

func (t *turning) plain() {
	t.become(attrs{"T": t.dtype()}, t.data[0], t.ensureShape(t.data[1], t.target.shape))
}

func (t *turning) indexType() dtype.DataType { return t.n.Attr["Tindices"].GetType() }

// scatter changes rows: the updates get the shape of the rows.
func (t *turning) scatter() {
	variable, indices := t.data[0], t.data[1]
	shape := t.node("shape", "Shape", "output", attrs{"T": t.dtype(), "out_type": nodedef.TypeAttr(dtype.Int32)}, t.rows("rows", variable, indices))
	t.becomeScatter(indices, t.node("updates", "BroadcastTo", "output", attrs{"T": t.dtype(), "Tidx": nodedef.TypeAttr(dtype.Int32)}, t.data[2], shape))
}

// becomeScatter becomes a TensorScatter operation with some updates of rows.
func (t *turning) becomeScatter(indices, updates string) {
	set, inputs := t.scatterOf("", t.data[0], indices, updates)
	t.become(set, inputs...)
}

// scatterOf returns the attributes and the inputs of a TensorScatter operation that changes
// rows. The indices get one more dimension. One more at the front makes a scalar index a list.
func (t *turning) scatterOf(prefix, variable, indices, updates string) (attrs, []string) {
	indexType := nodedef.TypeAttr(t.indexType())
	last, first := t.constant(prefix+"last", intScalar(dtype.Int32, -1), indices), t.constant(prefix+"first", intScalar(dtype.Int32, 0), indices)
	expand := func(suffix string, of *graphdef.AttrValue, in, at string) string {
		return t.node(prefix+suffix, "ExpandDims", "output", attrs{"T": of, "Tdim": nodedef.TypeAttr(dtype.Int32)}, in, at)
	}
	rows := expand("indices", indexType, expand("index", indexType, indices, last), first)
	return attrs{"T": t.dtype(), "Tindices": indexType}, []string{variable, rows, expand("update", t.dtype(), updates, first)}
}

// rows are the present rows of a variable at some indices.
func (t *turning) rows(suffix, variable, indices string) string {
	axis := t.constant(suffix+"_axis", intScalar(dtype.Int32, 0), indices)
	return t.node(suffix, "GatherV2", "output", attrs{
		"Tparams": t.dtype(), "Tindices": nodedef.TypeAttr(t.indexType()), "Taxis": nodedef.TypeAttr(dtype.Int32),
	}, variable, indices, axis)
}

// scatterUnique multiplies or divides rows whose indices are different.
func (t *turning) scatterUnique() {
	op := "Mul"
	if strings.HasSuffix(t.op, "Div") {
		op = "Div"
	}
	t.becomeScatter(t.data[1], t.node("updates", op, "z", attrs{"T": t.dtype()}, t.rows("rows", t.data[0], t.data[1]), t.data[2]))
}

func (t *turning) scatterND() {
	t.become(attrs{"T": t.dtype(), "Tindices": nodedef.TypeAttr(t.indexType())}, t.data[0], t.data[1], t.data[2])
}

func (t *turning) slice() {
	set := attrs{"T": t.dtype(), "Index": t.n.Attr["Index"]}
	for _, mask := range []string{"begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"} {
		if v := t.n.Attr[mask]; v != nil {
			set[mask] = v
		}
	}
	t.become(set, t.data...)
}

// countUpTo returns the old value, and fails at the limit.
func (t *turning) countUpTo() {
	below := t.node("below", "Less", "z", attrs{"T": t.dtype()}, t.data[0], t.constant("limit", intScalar(t.target.dtype, t.n.Attr["limit"].GetI()), t.data[0]))
	name := t.newNode(t.i, t.n.Name+"/check", "Assert", []string{below, t.data[0]}, attrs{"T": typeListAttr(t.target.dtype)})
	one := t.constant("one", intScalar(t.target.dtype, 1), t.data[0])
	t.setSlot(0, t.node("count", "AddV2", "z", attrs{"T": t.dtype()}, t.data[0], one))
	t.after = append(t.after, "^"+name)
	t.become(attrs{"T": t.dtype()}, t.data[0])
}
