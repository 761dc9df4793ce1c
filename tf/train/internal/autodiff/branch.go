package autodiff

import (
	"cmp"
	"slices"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/capi"
)

// tensorID names a tensor: an output of an operation of the graph.
type tensorID struct {
	op    string
	index int
}

func idOf(o output) tensorID { return tensorID{o.Op.Name(), o.Index} }

// branches has the conditionals in whose branches a tensor is computed: by predicate, which of
// its values the tensor needs. The tensor is dead if a predicate has another value.
type branches map[tensorID]int

// branchFinder finds the conditionals of TensorFlow 1 around tensors. Loops do not count: what it
// says holds for one iteration.
type branchFinder struct {
	known map[string]branches // of operations; of a Switch, without its own predicate
	// irregular operations have inputs from which a Merge cannot be understood.
	irregular map[string]bool
	pred      map[tensorID]output
}

func newBranchFinder() *branchFinder {
	return &branchFinder{make(map[string]branches), make(map[string]bool), make(map[tensorID]output)}
}

// of returns the branches around a tensor.
func (f *branchFinder) of(o output) (branches, error) {
	around, err := f.ofOp(o.Op)
	if err != nil || !isSwitch(o.Op.Type()) {
		return around, err
	}
	in, err := capi.Inputs(o.Op)
	if err != nil || in[1].Op.Type() == "LoopCond" {
		return around, err
	}
	pred, err := f.predicate(in[1])
	if err != nil {
		return nil, err
	}
	return around.and(pred, o.Index), nil
}

// predicate returns a predicate without the identities around it.
func (f *branchFinder) predicate(pred output) (tensorID, error) {
	for pred.Op.Type() == "Identity" {
		in, err := capi.Inputs(pred.Op)
		if err != nil {
			return tensorID{}, err
		}
		pred = in[0]
	}
	id := idOf(pred)
	f.pred[id] = pred
	return id, nil
}

func (b branches) and(pred tensorID, value int) branches {
	all := make(branches, len(b)+1)
	for p, v := range b {
		all[p] = v
	}
	all[pred] = value
	return all
}

// ofOp returns the branches around an operation. It has its own stack: graphs are deep.
func (f *branchFinder) ofOp(op *tensorflow.Operation) (branches, error) {
	type frame struct {
		op   *tensorflow.Operation
		deps []output // an Index of -1 means a control input
		next int
	}
	var stack []frame
	push := func(op *tensorflow.Operation) error {
		f.known[op.Name()] = nil // ends the walk in a cycle
		deps, err := branchDeps(op)
		stack = append(stack, frame{op: op, deps: deps})
		return err
	}
	if b, ok := f.known[op.Name()]; ok {
		return b, nil
	}
	if err := push(op); err != nil {
		return nil, err
	}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if top.next < len(top.deps) {
			dep := top.deps[top.next].Op
			top.next++
			if _, ok := f.known[dep.Name()]; !ok {
				if err := push(dep); err != nil {
					return nil, err
				}
			}
			continue
		}
		b, err := f.join(top.op, top.deps)
		if err != nil {
			return nil, err
		}
		f.known[top.op.Name()] = b
		stack = stack[:len(stack)-1]
	}
	return f.known[op.Name()], nil
}

// branchDeps returns the inputs that decide whether op is dead. Control inputs have the index -1.
func branchDeps(op *tensorflow.Operation) ([]output, error) {
	in, err := capi.Inputs(op)
	if err != nil {
		return nil, err
	}
	if isMerge(op.Type()) {
		enter, _, err := loopMerge(op)
		if err != nil || enter == nil {
			return in, err
		}
		return []output{enter.Output(0)}, nil
	}
	control, err := capi.ControlInputs(op)
	if err != nil {
		return nil, err
	}
	deps := slices.Clone(in)
	for _, c := range control {
		deps = append(deps, output{Op: c, Index: -1})
	}
	return deps, nil
}

func (f *branchFinder) join(op *tensorflow.Operation, deps []output) (branches, error) {
	all := make([]branches, len(deps))
	for i, dep := range deps {
		b := f.known[dep.Op.Name()]
		if dep.Index >= 0 {
			var err error
			if b, err = f.of(dep); err != nil {
				return nil, err
			}
		}
		all[i] = b
		if f.irregular[dep.Op.Name()] {
			f.irregular[op.Name()] = true
		}
	}
	if isMerge(op.Type()) && len(deps) == 2 {
		if pred, _, ok := decides(all[0], all[1]); ok {
			joined := make(branches)
			for p, v := range all[0] {
				if p != pred {
					joined[p] = v
				}
			}
			return joined, nil
		}
	}
	if isMerge(op.Type()) && len(deps) > 1 {
		f.irregular[op.Name()] = true
		return nil, nil
	}
	joined := make(branches)
	for _, b := range all {
		for p, v := range b {
			joined[p] = v
		}
	}
	return joined, nil
}

// decides returns the predicate whose value decides which of the two inputs of a Merge is alive,
// and the value with which the first is. Otherwise, the inputs have the same branches around
// them.
func decides(a, b branches) (pred tensorID, first int, ok bool) {
	if len(a) != len(b) {
		return tensorID{}, 0, false
	}
	found := 0
	for p, v := range a {
		w, both := b[p]
		if !both {
			return tensorID{}, 0, false
		}
		if v != w {
			pred, first = p, v
			found++
		}
	}
	return pred, first, found == 1
}

// decidingPredicate returns the predicate of a Merge with two inputs, and the value with which
// the first is alive; ok is false if no single predicate decides.
func (f *branchFinder) decidingPredicate(merge *tensorflow.Operation) (pred output, first int, ok bool, err error) {
	in, err := capi.Inputs(merge)
	if err != nil || len(in) != 2 {
		return output{}, 0, false, err
	}
	var around [2]branches
	for i := range in {
		if around[i], err = f.of(in[i]); err != nil || f.irregular[in[i].Op.Name()] {
			return output{}, 0, false, err
		}
	}
	id, first, ok := decides(around[0], around[1])
	return f.pred[id], first, ok, nil
}

// ordered returns the predicates of b, those of outer conditionals first: a predicate comes after
// those around it.
func (f *branchFinder) ordered(b branches) ([]tensorID, error) {
	depth := make(map[tensorID]int)
	preds := make([]tensorID, 0, len(b))
	for p := range b {
		around, err := f.of(f.pred[p])
		if err != nil {
			return nil, err
		}
		depth[p] = len(around)
		preds = append(preds, p)
	}
	slices.SortFunc(preds, func(a, b tensorID) int {
		return cmp.Or(cmp.Compare(depth[a], depth[b]), cmp.Compare(a.op, b.op), cmp.Compare(a.index, b.index))
	})
	return preds, nil
}
