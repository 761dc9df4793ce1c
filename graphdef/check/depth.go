package check

import (
	"strconv"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

func fmtInt(n int64) string { return strconv.FormatInt(n, 10) }

// passesOn has the ops that TensorFlow's model pruner removes, and recurses through.
var passesOn = map[string]bool{
	"Identity": true, "IdentityN": true, "RefIdentity": true, "StopGradient": true, "PreventGradient": true,
	"Snapshot": true, "NoOp": true,
}

// makesShape has the ops through which shape inference follows the values of shapes
// (ShapeRefiner::ConstantPartialShape).
var makesShape = map[string]bool{
	"StridedSlice": true, "Slice": true, "Cast": true, "Pack": true, "Concat": true, "ConcatV2": true,
}

// holds has the ops that put a tensor into a list or map, and the inputs that are put.
var holds = map[string][]int{
	"TensorListPushBack": {1}, "TensorListSetItem": {2}, "TensorListFromTensor": {0}, "TensorListScatter": {0}, "TensorListScatterV2": {0},
	"TensorListScatterIntoExistingList": {1}, "TensorListPushBackBatch": {1}, "TensorMapInsert": {1, 2},
}

// held returns the nodes whose outputs a node puts into a list or map.
func held(n *graphdef.NodeDef) []string {
	var names []string
	inputs := nodedef.DataInputs(n)
	for _, i := range holds[n.GetOp()] {
		if i < len(inputs) {
			names = append(names, nodedef.NodeName(inputs[i]))
		}
	}
	return names
}

// checkDepth bounds the paths among the nodes. inputs has the nodes that each node reads,
// without the back edges of loops.
func (c *checker) checkDepth(nodes []*graphdef.NodeDef, inputs [][]int) {
	type depth struct{ all, passed, shape, nested, frames int }
	depths := make([]depth, len(nodes))
	users := make([][]int, len(nodes))
	waits := make([]int, len(nodes))
	nesting := map[string]int{} // of the lists and maps that nodes make
	var ready []int
	for i, from := range inputs {
		waits[i] = len(from)
		if len(from) == 0 {
			ready = append(ready, i)
		}
		for _, in := range from {
			users[in] = append(users[in], i)
		}
	}
	reported := depth{}
	report := func(done *int, node string, is, limit int, what, field string) {
		if is > limit && *done == 0 {
			*done = 1
			c.addLarge(node, "has more than %d %s before it (Limits.%s)", limit, what, field)
		}
	}
	for len(ready) > 0 {
		i := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		d, n := &depths[i], nodes[i]
		for _, in := range inputs[i] {
			d.all = max(d.all, depths[in].all)
			d.passed = max(d.passed, depths[in].passed)
			d.shape = max(d.shape, depths[in].shape)
			d.nested = max(d.nested, depths[in].nested)
			d.frames = max(d.frames, depths[in].frames)
		}
		switch n.GetOp() {
		case "Enter", "RefEnter":
			d.frames++
		case "Exit", "RefExit":
			// TensorFlow ends the process when it runs such a node.
			if d.frames--; d.frames < 0 && c.provided == nil {
				c.addFault(n.GetName(), "is an exit of a loop, but not in a loop")
			}
		}
		for _, name := range held(n) {
			d.nested = max(d.nested, nesting[name]+1)
		}
		nesting[n.GetName()] = d.nested
		d.all++
		d.passed++
		d.shape++
		if !passesOn[n.GetOp()] {
			d.passed = 0
		}
		if !makesShape[n.GetOp()] {
			d.shape = 0
		}
		report(&reported.all, n.GetName(), d.all, c.limits.Depth, "nodes in a row", "Depth")
		report(&reported.passed, n.GetName(), d.passed, c.limits.PassedOn, "nodes in a row that only pass values on", "PassedOn")
		report(&reported.shape, n.GetName(), d.shape, c.limits.ShapeDepth, "nodes in a row that make a shape", "ShapeDepth")
		report(&reported.nested, n.GetName(), d.nested, c.limits.Nesting, "lists that hold each other", "Nesting")
		for _, u := range users[i] {
			if waits[u]--; waits[u] == 0 {
				ready = append(ready, u)
			}
		}
	}
}
