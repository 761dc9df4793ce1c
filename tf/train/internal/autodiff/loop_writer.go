package autodiff

import (
	"fmt"
	"slices"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// loopWriter writes the nodes of a loop's gradient: what the loop itself needs in addition, to
// count its iterations and to keep values, and the backward loop.
type loopWriter struct {
	*loopPlan
	*mover
	outer *builder // of the graph that the loop is in
	inner *builder // of the copy of one iteration

	hoisted  map[string]bool     // nodes of the gradient that the forward loop computes
	captured map[tensorID]string // values of the forward iteration, as the backward loop has them
	gradY    map[string]string   // placeholders of the copy, as the backward loop has them
	stacks   map[string]*stackNames
	shapes   map[string][]int32    // the values of constants that are the shape of a tensor
	same     map[tensorID]tensorID // tensors of the copy that equal others
	forwards []string              // names of the nodes that belong to the forward side
	added    []addedInput          // of loops in the iteration

	frame string // of the backward loop
	// Of the loop: its counter in an iteration, after it was raised, and in the outer graph.
	alive, begin, start, counter, count, nextForward string
	pushes, maybePushes                              []string
	// Of the backward loop: what is there when it is, what is there in each iteration, and its
	// condition.
	gate, pivot, cond, rest, nextBackward, end string
	pops, maybePops                            []string
	// results and sums are the gradients of the active variables and invariants. A sum of
	// slices has two tensors; the name "" means that there is no gradient.
	results []string
	sums    [][]string
}

// shapeOps say something about the shape of a tensor. If they can, the forward loop runs them, so
// that not the whole tensor has to be kept.
var shapeOps = set(`Shape ShapeN Size Rank VariableShape BroadcastGradientArgs`)

// findHoisted finds the nodes of the gradient that the forward loop computes.
func (w *loopWriter) findHoisted() {
	fold := newFolding(w)
	for _, n := range w.order {
		if w.forward[n.Name] {
			continue
		}
		if w.makeConstant(n) || fold.skip(n) || !shapeOps[n.Op] {
			continue
		}
		forward, varies := true, false
		for _, ref := range n.Input {
			id := parseRef(ref)
			forward = forward && id.index >= 0 && w.isForward(id.op)
			varies = varies || w.entryOf(id) < 0
		}
		if forward && varies {
			w.hoisted[n.Name] = true
		}
	}
}

func (w *loopWriter) isForward(name string) bool { return w.forward[name] || w.hoisted[name] }

// makeConstant makes a constant of a node whose value the graph knows.
func (w *loopWriter) makeConstant(n *nodeDef) bool {
	if n.Op != "Shape" && n.Op != "ZerosLike" || len(n.Input) != 1 {
		return false
	}
	id := parseRef(n.Input[0])
	x := w.inner.graph.Operation(id.op).Output(id.index)
	dims, ok := fullShape(x.Shape())
	dt := graphbuild.TypeOf(x)
	if !ok || dt == dtype.Variant || dt == dtype.Resource || dt == dtype.String {
		return false
	}
	w.shapes[n.Name] = dims
	value := graphbuild.Vector(dims)
	if n.Op == "ZerosLike" {
		wide := make([]int64, len(dims))
		for i, d := range dims {
			wide[i] = int64(d)
		}
		var err error
		if value, err = graphbuild.Filled(dt, 0, wide); err != nil {
			return false
		}
	} else if v := n.Attr["out_type"]; v != nil && v.GetType() != dtype.Int32 {
		return false
	}
	n.Op, n.Input = "Const", nil
	n.Attr = attrValues{"value": value}
	typeAttr, err := capi.AttrValue(value.GetTensor().GetDtype())
	if err != nil {
		return false
	}
	n.Attr["dtype"] = typeAttr
	return true
}

// moveNeeded moves the nodes that are needed.
func (w *loopWriter) moveNeeded() {
	for _, a := range w.added {
		w.movedName(a.in.Op.Name())
	}
	for _, end := range sortedKeys(w.ends) {
		w.maybePops = append(w.maybePops, "^"+w.movedName(end))
	}
	w.moveAll(func(name string) {
		if w.isForward(name) {
			w.moveForward(name)
		} else {
			w.moveBackward(name)
		}
	})
}

// moveForward moves a node that the gradient adds to the forward iteration.
func (w *loopWriter) moveForward(name string) {
	def := w.copyOf(name)
	for i, ref := range def.Input {
		id := parseRef(ref)
		o, fromOutside := w.origin(id)
		switch {
		case w.part.stacks[id.op] != 0:
			def.Input[i] = w.stackOf(id.op).forward
		case id.index < 0 && fromOutside:
			def.Input[i] = w.after(o.Op)
		case id.index < 0:
			def.Input[i] = "^" + w.movedName(id.op)
		case fromOutside:
			def.Input[i] = w.take(o)
		default:
			def.Input[i] = tensorRef(w.movedName(id.op), id.index)
		}
	}
	if len(def.Input) == 0 {
		def.Input = []string{"^" + w.start}
	}
	if w.begins[name] {
		def.Input = append(def.Input, "^"+w.counter)
	}
	w.forwards = append(w.forwards, def.Name)
	w.move(def)
}

// moveBackward moves a node of the gradient into the backward loop.
func (w *loopWriter) moveBackward(name string) {
	def := w.copyOf(name)
	var inputs []string
	for _, ref := range def.Input {
		id := parseRef(ref)
		switch {
		case id.index < 0 && w.isForward(id.op):
			// The forward loop has ended.
		case id.index < 0 && w.gradY[id.op] != "":
			inputs = append(inputs, "^"+w.gradY[id.op])
		case id.index < 0:
			inputs = append(inputs, "^"+w.movedName(id.op))
		default:
			inputs = append(inputs, w.backward(id))
		}
	}
	if len(inputs) == 0 {
		inputs = []string{"^" + w.pivot}
	}
	def.Input = inputs
	w.renameFrame(def)
	w.move(def)
}

// backward returns a tensor of the copy as the backward loop has it.
func (w *loopWriter) backward(id tensorID) string {
	for same, ok := w.same[id]; ok; same, ok = w.same[id] {
		id = same
	}
	switch {
	case w.gradY[id.op] != "":
		return w.gradY[id.op]
	case w.isForward(id.op):
		return w.capture(id)
	}
	return tensorRef(w.movedName(id.op), id.index)
}

// finish adds all nodes to the graph and returns the gradients of the entries.
func (w *loopWriter) finish(n *node) ([]Gradient, error) {
	names := slices.Clone(w.results)
	for _, s := range w.sums {
		names = append(names, s...)
	}
	results := len(names)
	for _, a := range w.added {
		names = append(names, tensorRef(w.fullName(a.in.Op.Name()), a.in.Index))
	}
	outs, err := w.importInto(w.outer, names)
	if err == nil {
		err = addInputs(w.added, outs[results:])
	}
	if err != nil {
		return nil, fmt.Errorf("add the backward loop of %q: %w", w.loop.frame, err)
	}
	if p := w.outer.owner; p != nil {
		for _, name := range w.forwards {
			p.forward[name] = true
		}
		p.begins[w.begin], p.ends[w.end] = true, true
	}
	dx := make([]Gradient, len(n.in))
	for _, i := range w.vars {
		dx[i] = Gradient{Dense: outs[0]}
		outs = outs[1:]
	}
	for k, i := range w.consts {
		entry := len(w.loop.vars) + i
		if len(w.sums[k]) == 1 {
			if outs[0].Op != nil {
				dx[entry] = Gradient{Dense: outs[0]}
			}
			outs = outs[1:]
			continue
		}
		table := w.loop.entries[entry]
		shape := w.tableShape(table)
		dx[entry] = Gradient{Slices: &Slices{Values: outs[0], Indices: outs[1], DenseShape: shape}}
		outs = outs[2:]
	}
	return dx, w.outer.Err()
}

// tableShape returns the shape of a tensor, or of the variable that it is the handle of.
func (w *loopWriter) tableShape(table output) output {
	if graphbuild.TypeOf(table) == dtype.Resource {
		return w.outer.one("VariableShape", nil, table)
	}
	return w.outer.shape(table)
}
