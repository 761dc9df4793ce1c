package nodedef

import "strings"

// WritesVariable reports whether op changes the variable at its input 0.
func WritesVariable(op string) bool {
	switch op {
	case "Assign", "AssignAdd", "AssignSub",
		"AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp", "CountUpTo", "ResourceCountUpTo",
		"AssignVariableXlaConcatND", "ResourceStridedSliceAssign", "StridedSliceAssign",
		"ScatterUpdate", "ScatterAdd", "ScatterSub", "ScatterMul", "ScatterDiv", "ScatterMin", "ScatterMax",
		"ScatterNdUpdate", "ScatterNdAdd", "ScatterNdSub", "ScatterNdMin", "ScatterNdMax", "DestroyResourceOp", "DestroyTemporaryVariable":
		return true
	}
	return strings.HasPrefix(op, "ResourceScatter") || IsOptimizerStep(op)
}

// IsOptimizerStep reports whether op is an update operation of an optimizer. Some take several
// variables (the slots) as their first inputs.
func IsOptimizerStep(op string) bool {
	for _, p := range []string{"ResourceApply", "ResourceSparseApply", "Apply", "SparseApply"} {
		if strings.HasPrefix(op, p) {
			return true
		}
	}
	return false
}
