package freeze

import "strings"

// passOp describes an operation that passes the tensor at one of its inputs on to its
// outputs.
type passOp struct {
	to      string   // the operation that does so for a value: the twin of a Ref operation, or the operation itself
	outputs []string // the names of the outputs that carry the tensor
}

var passOps = map[string]passOp{
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

// isRefOp reports whether an operation needs a reference where its twin takes a value.
func isRefOp(op string) bool { return strings.HasPrefix(op, "Ref") && passOps[op].to != "" }

// callOp describes an operation that calls functions of the library.
type callOp struct {
	first int      // the position of the first input that becomes an argument of the functions
	types string   // the attribute with the types of those inputs
	attrs []string // the attributes that name a function, or a list of functions
	loop  bool     // the outputs are the inputs after the loop
}

var callOps = map[string]callOp{
	"PartitionedCall":         {0, "Tin", []string{"f"}, false},
	"StatefulPartitionedCall": {0, "Tin", []string{"f"}, false},
	"If":                      {1, "Tin", []string{"then_branch", "else_branch"}, false},
	"StatelessIf":             {1, "Tin", []string{"then_branch", "else_branch"}, false},
	"Case":                    {1, "Tin", []string{"branches"}, false},
	"StatelessCase":           {1, "Tin", []string{"branches"}, false},
	"While":                   {0, "T", []string{"cond", "body"}, true},
	"StatelessWhile":          {0, "T", []string{"cond", "body"}, true},
}

// writeOps are operations that change a reference, the input at position 0. The value is
// the operation that computes the same result without storing it, which replaces the
// write if its result is used.
var writeOps = map[string]string{
	"Assign":    "Identity",
	"AssignAdd": "AddV2",
	"AssignSub": "Sub",
}
