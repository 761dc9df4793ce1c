package tf

import "github.com/tfkeep/tfkeep/capi"

// manualControl is the attribute by which Python marks every operation that
// another one waits for (ops.Graph.control_dependencies).
const manualControl = "_has_manual_control_dependencies"

// markControlDependency marks op as Python does, so that graphs built here and
// there are alike. It is a note, not a setting: a failure changes nothing.
func markControlDependency(op *Operation) {
	if _, err := capi.Attr(op, manualControl); err == nil {
		return
	}
	v, err := capi.AttrValue(true)
	if err == nil {
		_ = capi.SetAttr(op, manualControl, v)
	}
}
