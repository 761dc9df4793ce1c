package check

import (
	"strconv"

	"github.com/tfkeep/tfkeep/graphdef"
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

// checkDepth bounds the paths among the nodes. inputs has the nodes that each node reads,
// without the back edges of loops.
func (c *checker) checkDepth(nodes []*graphdef.NodeDef, inputs [][]int) {
	type depth struct{ all, passed, shape int }
	depths := make([]depth, len(nodes))
	users := make([][]int, len(nodes))
	waits := make([]int, len(nodes))
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
		}
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
		for _, u := range users[i] {
			if waits[u]--; waits[u] == 0 {
				ready = append(ready, u)
			}
		}
	}
}
