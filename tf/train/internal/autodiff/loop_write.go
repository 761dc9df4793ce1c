package autodiff

import (
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// forwardNode adds a node to the forward side.
func (w *loopWriter) forwardNode(typ, name string, a attrs, inputs ...string) string {
	full := w.add(typ, name, a, inputs...)
	w.forwards = append(w.forwards, full)
	return full
}

func (w *loopWriter) enter(dt dtype.DataType, frame string, constant bool) attrs {
	return attrs{"T": dt, "frame_name": frame, "is_constant": constant, "parallel_iterations": w.loop.parallel}
}

func typed(dt dtype.DataType) attrs { return attrs{"T": dt} }

func mergeOf(dt dtype.DataType) attrs { return attrs{"T": dt, "N": int64(2)} }

// openLoops adds a counter to the loop, and begins the backward loop, which counts down.
func (w *loopWriter) openLoops() {
	frame := w.loop.frame
	entry := w.loop.entries[0]
	// A constant without an input is alive even if a conditional does not run the loop.
	w.alive = w.forwardNode("Identity", "f_gate", typed(graphbuild.TypeOf(entry)), w.take(entry))
	w.begin = w.forwardNode("Const", "f_zero", attrs{"dtype": dtype.Int32, "value": graphbuild.Scalar(int32(0))}, "^"+w.alive)
	enter := w.forwardNode("Enter", "f_enter", w.enter(dtype.Int32, frame, false), w.begin)
	merge, next := w.name("f_merge"), w.name("f_next")
	w.forwards = append(w.forwards, merge, next)
	w.addNamed("Merge", merge, mergeOf(dtype.Int32), enter, next)
	sw := w.forwardNode("Switch", "f_switch", typed(dtype.Int32), merge, w.take(w.loop.cond.Output(0)))
	w.start = w.forwardNode("Identity", "f_pivot", typed(dtype.Int32), tensorRef(sw, 1))
	one := w.forwardNode("Const", "f_one", attrs{"dtype": dtype.Int32, "value": graphbuild.Scalar(int32(1))}, "^"+w.start)
	w.counter = w.forwardNode("AddV2", "f_count", typed(dtype.Int32), w.start, one)
	w.count = w.forwardNode("Exit", "f_exit", typed(dtype.Int32), sw)
	w.nextForward = next

	w.frame = w.scope + "/frame"
	w.gate = w.add("Identity", "b_gate", typed(dtype.Int32), w.count)
	outerOne := w.scalar("b_one", dtype.Int32, 1, w.gate)
	enter = w.add("Enter", "b_enter", w.enter(dtype.Int32, w.frame, false), w.count)
	least := w.add("Enter", "b_least", w.enter(dtype.Int32, w.frame, true), outerOne)
	merge, next = w.name("b_merge"), w.name("b_next")
	w.addNamed("Merge", merge, mergeOf(dtype.Int32), enter, next)
	more := w.add("GreaterEqual", "b_more", typed(dtype.Int32), merge, least)
	w.cond = w.add("LoopCond", "b_cond", nil, more)
	sw = w.add("Switch", "b_switch", typed(dtype.Int32), merge, w.cond)
	w.end = w.add("Exit", "b_exit", typed(dtype.Int32), sw)
	w.pivot = w.add("Identity", "b_pivot", typed(dtype.Int32), tensorRef(sw, 1))
	w.nextBackward, w.rest = next, w.add("Sub", "b_count", typed(dtype.Int32), w.pivot, least)
}

// closeLoops ends the iterations of both loops: the next one begins after all values of this one
// are on the Stacks, or taken from them, so that they keep their order.
func (w *loopWriter) closeLoops() {
	pushes := w.pushes
	if len(w.maybePushes) > 0 {
		// A push in a branch that was not taken would stop the loop; a ControlTrigger does not.
		pushes = append(pushes, "^"+w.forwardNode("ControlTrigger", "f_sync", nil, w.maybePushes...))
	}
	w.addNamed("NextIteration", w.nextForward, typed(dtype.Int32), append([]string{w.counter}, pushes...)...)
	pops := w.pops
	if len(w.maybePops) > 0 {
		pops = append(pops, "^"+w.add("ControlTrigger", "b_sync", nil, w.maybePops...))
	}
	w.addNamed("NextIteration", w.nextBackward, typed(dtype.Int32), append([]string{w.rest}, pops...)...)
}

// variable adds a variable to the backward loop. It returns its value in an iteration, its value
// after the loop, and the name of the node for its next value.
func (w *loopWriter) variable(name string, dt dtype.DataType, initial string) (value, result, next string) {
	enter := w.add("Enter", name+"_enter", w.enter(dt, w.frame, false), initial)
	merge, next := w.name(name+"_merge"), w.name(name+"_next")
	w.addNamed("Merge", merge, mergeOf(dt), enter, next)
	sw := w.add("Switch", name+"_switch", typed(dt), merge, w.cond)
	result = w.add("Exit", name+"_exit", typed(dt), sw)
	return w.add("Identity", name, typed(dt), tensorRef(sw, 1)), result, next
}

// addVariables adds the gradients of the loop's variables.
func (w *loopWriter) addVariables(initial []string, grads []Gradient) {
	next := make([]string, len(initial))
	for k, i := range w.vars {
		dt := graphbuild.TypeOf(w.xs[k])
		var result string
		w.gradY[gradName(i)], result, next[k] = w.variable(gradName(i), dt, initial[k])
		w.results = append(w.results, result)
	}
	for k := range w.vars {
		w.addNamed("NextIteration", next[k], typed(graphbuild.TypeOf(w.xs[k])), w.backward(idOf(grads[k].Dense)))
	}
}

// addSum adds the gradient of an invariant: the sum over all iterations.
func (w *loopWriter) addSum(i int, g Gradient) {
	if g.IsNone() {
		w.sums = append(w.sums, []string{""})
		return
	}
	entry := w.loop.entries[len(w.loop.vars)+i]
	if g.Slices != nil {
		w.addRows(entry, g.Slices)
		return
	}
	dt := graphbuild.TypeOf(g.Dense)
	value, result, next := w.variable("sum", dt, w.zeros(entry, entry, dt))
	typ, a := "AddV2", typed(dt)
	if dt == dtype.Variant {
		typ, a = "AddN", attrs{"T": dt, "N": int64(2)}
	}
	sum := w.add(typ, "sum_add", a, value, w.backward(idOf(g.Dense)))
	w.addNamed("NextIteration", next, typed(dt), sum)
	w.sums = append(w.sums, []string{result})
}

// addRows joins the slices of all iterations. As in Python, the first row is zeros for row 0:
// TensorFlow has no loop variable without a value.
func (w *loopWriter) addRows(table output, s *Slices) {
	b := w.outer
	dt, indexType := graphbuild.TypeOf(s.Values), graphbuild.TypeOf(s.Indices)
	rowShape := b.concat(b.int32s(1), b.from(w.tableShape(table), 1))
	row := b.one("Fill", nil, rowShape, b.Const(b.Unique("Const"), dt, 0))
	if b.Err() != nil {
		return
	}
	values := w.join("rows", dt, w.take(row), w.backward(idOf(s.Values)))
	indices := w.join("indices", indexType, w.fill("index", indexType, 0, []int64{1}, w.gate), w.backward(idOf(s.Indices)))
	w.sums = append(w.sums, []string{values, indices})
}

// join adds a variable to which each iteration appends, and returns its last value.
func (w *loopWriter) join(name string, dt dtype.DataType, initial, more string) string {
	value, result, next := w.variable(name, dt, initial)
	axis := w.scalar(name+"_axis", dtype.Int32, 0, w.pivot)
	joined := w.add("ConcatV2", name+"_join", attrs{"T": dt, "N": int64(2), "Tidx": dtype.Int32}, value, more, axis)
	w.addNamed("NextIteration", next, typed(dt), joined)
	return result
}
