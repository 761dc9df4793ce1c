package freeze

import "strings"

// passOps hand the tensor at one of their inputs on to their outputs. The
// value is the operation that does so for a value: the twin of a Ref
// operation, or the operation itself.
var passOps = map[string]struct {
	to      string
	outputs []string // names of the outputs that carry the tensor
}{
	"Identity":         {"Identity", []string{"output"}},
	"Switch":           {"Switch", []string{"output_false", "output_true"}},
	"Merge":            {"Merge", []string{"output"}},
	"Enter":            {"Enter", []string{"output"}},
	"Exit":             {"Exit", []string{"output"}},
	"NextIteration":    {"NextIteration", []string{"output"}},
	"RefIdentity":      {"Identity", []string{"output"}},
	"RefSwitch":        {"Switch", []string{"output_false", "output_true"}},
	"RefMerge":         {"Merge", []string{"output"}},
	"RefEnter":         {"Enter", []string{"output"}},
	"RefExit":          {"Exit", []string{"output"}},
	"RefNextIteration": {"NextIteration", []string{"output"}},
}

// isRefOp tells the operations that need a reference where their twins take a value.
func isRefOp(op string) bool { return strings.HasPrefix(op, "Ref") && passOps[op].to != "" }

// callOps call functions of the library. first is the position of the first
// input that becomes an argument of the functions, types the attribute with
// the types of those inputs.
var callOps = map[string]struct {
	first int
	types string
	funcs []string // attributes that name a function, or a list of functions
	loop  bool     // the outputs are the inputs after the loop
}{
	"PartitionedCall":         {0, "Tin", []string{"f"}, false},
	"StatefulPartitionedCall": {0, "Tin", []string{"f"}, false},
	"If":                      {1, "Tin", []string{"then_branch", "else_branch"}, false},
	"StatelessIf":             {1, "Tin", []string{"then_branch", "else_branch"}, false},
	"Case":                    {1, "Tin", []string{"branches"}, false},
	"StatelessCase":           {1, "Tin", []string{"branches"}, false},
	"While":                   {0, "T", []string{"cond", "body"}, true},
	"StatelessWhile":          {0, "T", []string{"cond", "body"}, true},
}

// writeOps change a variable, the input at position 0. The value is the
// operation that computes the same result without storing it, for where the
// result is used; "" where there is none.
var writeOps = map[string]string{
	"Assign":    "Identity",
	"AssignAdd": "AddV2",
	"AssignSub": "Sub",
}

// isWrite tells whether op changes the variable at its input 0.
func isWrite(op string) bool {
	if _, ok := writeOps[op]; ok {
		return true
	}
	switch op {
	case "AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp", "CountUpTo", "ResourceCountUpTo",
		"AssignVariableXlaConcatND", "ResourceStridedSliceAssign", "StridedSliceAssign",
		"ScatterUpdate", "ScatterAdd", "ScatterSub", "ScatterMul", "ScatterDiv", "ScatterMin", "ScatterMax",
		"ScatterNdUpdate", "ScatterNdAdd", "ScatterNdSub", "DestroyResourceOp", "DestroyTemporaryVariable":
		return true
	}
	return strings.HasPrefix(op, "ResourceScatter") || isApply(op)
}

// isApply tells the update operations of optimizers; some take several
// variables (the slots) as their first inputs.
func isApply(op string) bool {
	for _, p := range []string{"ResourceApply", "ResourceSparseApply", "Apply", "SparseApply"} {
		if strings.HasPrefix(op, p) {
			return true
		}
	}
	return false
}

// isVariable tells the operations that hold a variable.
func isVariable(op string) bool {
	return op == "Variable" || op == "VariableV2" || op == "VarHandleOp"
}
