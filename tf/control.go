package tf

import "github.com/tfkeep/tfkeep/capi"

// manualControl is the attribute that Python sets on every operation that another one
// waits for (ops.Graph.control_dependencies).
const manualControl = "_has_manual_control_dependencies"

// markControlDependency sets manualControl, so that graphs are the same as Python's. It
// ignores errors, because the attribute has no effect.
func markControlDependency(op *Operation) {
	if _, err := capi.Attr(op, manualControl); err == nil {
		return
	}
	v, err := capi.AttrValue(true)
	if err == nil {
		_ = capi.SetAttr(op, manualControl, v)
	}
}
