package safety

import (
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/internal/sizes"
)

// maxConditionNodes bounds how many nodes of conditions are followed, in all loops together.
const maxConditionNodes = 1 << 18

// endless reports whether a node is a loop whose condition is always true, whatever the loop
// carries. Many other loops do not end either, but nothing tells so before they run.
func (w *walk) endless(b *body, n *graphdef.NodeDef) bool {
	switch n.GetOp() {
	case "While", "StatelessWhile":
		if w.conditions == nil {
			limits := check.Limits{Bytes: sizes.Most - 1, Nodes: maxConditionNodes}
			w.conditions = &growth{run: w.run, library: w.library, limits: limits, multiple: 1}
		}
		test := w.conditions.call(n.GetAttr()["cond"].GetFunc().GetName(), nil)
		return len(test) == 1 && len(test[0].Values) == 1 && test[0].Values[0] != 0
	case "LoopCond":
		f := frame{byName: b.byName}
		test := b.byName[f.source(input(n, 0))].GetAttr()["value"].GetTensor().GetBoolVal()
		return len(test) == 1 && test[0]
	}
	return false
}
