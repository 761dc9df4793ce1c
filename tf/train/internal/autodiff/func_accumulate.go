package autodiff

import (
	"strconv"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// The lists in which a functional loop keeps the values that its gradient needs.

// accumulate lets the loop collect what the gradient needs. It returns the lists, and the number
// of iterations.
func (l *functionalLoop) accumulate(b *builder, n *node) (lists []output, total output, err error) {
	before := n.op.NumOutputs()
	existing := l.accumulators()
	var added []variable
	at := make([]int, len(l.p.saved))
	for k, t := range l.p.saved {
		if i, ok := existing[graphbuild.TensorName(t)]; ok {
			at[k] = i
			continue
		}
		v, err := l.accumulator(b, k, t)
		if err != nil {
			return nil, total, err
		}
		at[k] = before + len(added)
		added = append(added, v)
	}
	counterAt := 0
	if !l.hasCounter(n) {
		v, err := l.ownCounter(b)
		if err != nil {
			return nil, total, err
		}
		counterAt = before + len(added)
		added = append(added, v)
	}
	if err := l.rewrite(b, n, added); err != nil {
		return nil, total, err
	}
	for _, i := range at {
		lists = append(lists, n.op.Output(i))
	}
	return lists, n.op.Output(counterAt), nil
}

// accumulators returns the variables that are accumulators already, by the tensors that they
// collect.
func (l *functionalLoop) accumulators() map[string]int {
	found := make(map[string]int)
	for i, r := range l.c.results {
		if r.Op.Type() != "TensorListPushBack" {
			continue
		}
		in, err := capi.Inputs(r.Op)
		if err == nil && graphbuild.TensorName(in[0]) == graphbuild.TensorName(l.c.args[i]) {
			found[graphbuild.TensorName(in[1])] = i
		}
	}
	return found
}

func (l *functionalLoop) accumulator(b *builder, k int, t output) (variable, error) {
	v := variable{node: l.p.freeName("accumulator_arg_" + strconv.Itoa(k))}
	value := elementShapeOf(t)
	shape := graphbuild.First(b.Op("Const", attrs{"dtype": dtype.Int32, "value": value}))
	v.initial = b.one("EmptyTensorList", attrs{"element_dtype": graphbuild.TypeOf(t), "shape_type": dtype.Int32}, shape, b.int32(-1))
	push, err := newNode("TensorListPushBack", l.p.freeName("TensorListPushBack"), attrs{"element_dtype": graphbuild.TypeOf(t)},
		v.node, tensorRef(t.Op.Name(), t.Index))
	if err != nil {
		return v, err
	}
	l.p.forward = append(l.p.forward, push)
	v.result = push.GetName() + ":0"
	return v, b.Err()
}

// hasCounter reports whether the first variable counts the iterations, as that of Python's
// loops does.
func (l *functionalLoop) hasCounter(n *node) bool {
	dt := graphbuild.TypeOf(l.c.args[0])
	if dt != dtype.Int32 && dt != dtype.Int64 || !isConstant(n.x(0), 0) {
		return false
	}
	next := l.c.results[0].Op
	if next.Type() != "AddV2" && next.Type() != "Add" {
		return false
	}
	in, err := capi.Inputs(next)
	return err == nil && graphbuild.TensorName(in[0]) == graphbuild.TensorName(l.c.args[0]) && isConstant(in[1], 1)
}

// isConstant reports whether x is a constant scalar integer of a value.
func isConstant(x output, value int64) bool {
	if x.Op.Type() != "Const" || x.Shape().NumDimensions() != 0 {
		return false
	}
	v, err := capi.Attr(x.Op, "value")
	if err != nil {
		return false
	}
	t := v.GetTensor()
	if content := t.GetTensorContent(); len(content) > 0 {
		var n int64
		for i := len(content) - 1; i >= 0; i-- {
			n = n<<8 | int64(content[i])
		}
		return n == value
	}
	var n int64
	if len(t.GetIntVal()) > 0 {
		n = int64(t.GetIntVal()[0])
	}
	if len(t.GetInt64Val()) > 0 {
		n = t.GetInt64Val()[0]
	}
	return n == value
}

func (l *functionalLoop) ownCounter(b *builder) (variable, error) {
	v := variable{node: l.p.freeName("iterations_arg"), initial: b.int32(0)}
	one, err := constantOne(l.p.freeName("iterations_one"), dtype.Int32)
	if err != nil {
		return v, err
	}
	next, err := newNode("AddV2", l.p.freeName("iterations_next"), attrs{"T": dtype.Int32}, v.node, one.GetName())
	if err != nil {
		return v, err
	}
	l.p.forward = append(l.p.forward, one, next)
	v.result = next.GetName() + ":0"
	return v, b.Err()
}
