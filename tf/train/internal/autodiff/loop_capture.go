package autodiff

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// entryOf returns the entry that is a tensor of the copy, or -1 if iterations compute it.
func (w *loopWriter) entryOf(id tensorID) int {
	if w.inputs[id.op].Op == nil || !strings.HasPrefix(id.op, "const_") {
		return -1
	}
	i, err := strconv.Atoi(id.op[len("const_"):])
	if err != nil {
		return -1
	}
	return len(w.loop.vars) + i
}

// capture returns a value of the forward iteration in the backward loop.
func (w *loopWriter) capture(id tensorID) string {
	name := w.captured[id]
	if name != "" {
		return name
	}
	def := w.defs[id.op]
	switch entry := w.entryOf(id); {
	case w.part.stacks[id.op] != 0:
		name = w.stackOf(id.op).backward
	case entry >= 0:
		o := w.loop.entries[entry]
		name = w.add("Enter", "invariant", w.enter(graphbuild.TypeOf(o), w.frame, true), w.take(o))
	case def.Op == "Const":
		name = w.name("const")
		clone := proto.Clone(def).(*nodeDef)
		clone.Name, clone.Input = name, []string{"^" + w.pivot}
		w.move(clone)
	default:
		name = w.stack(id)
	}
	w.captured[id] = name
	return name
}

// stack puts a value on a Stack in each iteration of the loop, and takes it from there in each
// iteration of the backward loop.
func (w *loopWriter) stack(id tensorID) string {
	o := w.inner.graph.Operation(id.op).Output(id.index)
	dt := graphbuild.TypeOf(o)
	around, err := w.inner.branches().of(o)
	if err != nil {
		w.fail(err)
		return ""
	}
	var value string
	if origin, ok := w.origin(id); ok {
		value = w.take(origin)
	} else {
		value = tensorRef(w.movedName(id.op), id.index)
	}
	stack := w.newStack(dt)
	swap := w.inner.call.options.Loops[w.loop.frame].SwapMemory
	push := w.forwardNode("StackPushV2", "f_push", attrs{"T": dt, "swap_memory": swap}, stack.forward, value, "^"+w.counter)
	handle := stack.backward
	preds, err := w.inner.branches().ordered(around)
	if err != nil {
		w.fail(err)
		return ""
	}
	for _, pred := range preds {
		// Nothing was put on the Stack in a branch that was not taken.
		sw := w.add("Switch", "b_branch", typed(dtype.Resource), handle, w.capture(pred))
		handle = tensorRef(sw, around[pred])
	}
	pop := w.add("StackPopV2", "b_pop", attrs{"elem_type": dt}, handle, "^"+w.pivot)
	if len(around) == 0 {
		w.pushes, w.pops = append(w.pushes, "^"+push), append(w.pops, "^"+pop)
	} else {
		w.maybePushes, w.maybePops = append(w.maybePushes, "^"+push), append(w.maybePops, "^"+pop)
	}
	return pop
}

// stackNames are the names of a Stack in the loop and in the backward loop.
type stackNames struct{ forward, backward string }

// newStack adds a Stack. It is made outside all loops.
func (w *loopWriter) newStack(elements dtype.DataType) *stackNames {
	var stack string
	if p := w.outer.owner; p != nil {
		o, err := p.addStack(elements)
		if err != nil {
			w.fail(err)
			return new(stackNames)
		}
		stack = w.take(o)
	} else {
		size := w.forwardNode("Const", "f_size", attrs{"dtype": dtype.Int32, "value": graphbuild.Scalar(int32(-1))}, "^"+w.alive)
		stack = w.forwardNode("StackV2", "f_stack", attrs{"elem_type": elements}, size)
	}
	return &stackNames{
		forward:  w.forwardNode("Enter", "f_stack_enter", w.enter(dtype.Resource, w.loop.frame, true), stack),
		backward: w.add("Enter", "b_stack_enter", w.enter(dtype.Resource, w.frame, true), stack),
	}
}

// stackOf returns the names of a Stack that a loop in this one uses.
func (w *loopWriter) stackOf(placeholder string) *stackNames {
	if w.stacks[placeholder] == nil {
		w.stacks[placeholder] = w.newStack(w.part.stacks[placeholder])
	}
	return w.stacks[placeholder]
}
