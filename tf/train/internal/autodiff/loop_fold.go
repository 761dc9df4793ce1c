package autodiff

import "slices"

// folding finds operations of a gradient that do nothing because shapes are known: a rule
// sums over broadcast dimensions even if there are none. TensorFlow's own optimizer does not see
// that, because it does not know the shapes of what comes from a Stack.
type folding struct {
	w    *loopWriter
	none map[tensorID]bool // lists of dimensions that are empty
}

func newFolding(w *loopWriter) *folding { return &folding{w, make(map[tensorID]bool)} }

// skip reports whether a node does nothing, and notes what it equals.
func (f *folding) skip(n *nodeDef) bool {
	if len(n.Input) != 2 {
		return false
	}
	a, b := parseRef(n.Input[0]), parseRef(n.Input[1])
	if a.index < 0 || b.index < 0 {
		return false
	}
	out := tensorID{n.Name, 0}
	switch n.Op {
	case "BroadcastGradientArgs":
		x, known := f.w.shapes[a.op]
		y, both := f.w.shapes[b.op]
		if known && both && slices.Equal(x, y) {
			f.none[out], f.none[tensorID{n.Name, 1}] = true, true
		}
	case "Sum":
		if f.none[b] {
			f.w.same[out] = a
		}
	case "Reshape":
		from, known := fullShape(f.w.inner.graph.Operation(a.op).Output(a.index).Shape())
		to, both := fullShape(f.w.inner.graph.Operation(n.Name).Output(0).Shape())
		if known && both && slices.Equal(from, to) {
			f.w.same[out] = a
		}
	}
	_, skipped := f.w.same[out]
	return skipped
}
