package opdef

import (
	"strconv"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/internal/ports"
)

// OutputTypes returns the types of a node's outputs, in order, according to its op's
// definition. A type is DT_INVALID if the attribute that names it is missing. An
// output that is a reference has the type that it refers to. An op that ops does not
// have is a tfkeep.ErrUnsupported.
func OutputTypes(n *graphdef.NodeDef, ops *Set) ([]dtype.DataType, error) {
	op := ops.Get(n.GetOp())
	if op == nil {
		return nil, &tfkeep.Error{Op: "find output types", Item: "node", Name: n.GetName(), Err: tfkeep.ErrUnsupported,
			Detail: "op " + strconv.Quote(n.GetOp()) + " is not known"}
	}
	types, err := ports.Types(n, op, op.GetOutputArg())
	if err != nil {
		return nil, &tfkeep.Error{Op: "find output types", Item: "node", Name: n.GetName(), Err: tfkeep.ErrCorrupt, Cause: err}
	}
	return types, nil
}

// OutputNames returns the names that a node's outputs have inside of a function, in order:
// "sum:0" is the first tensor of the output that the op's definition calls sum. The errors
// are those of OutputTypes.
func OutputNames(n *graphdef.NodeDef, ops *Set) ([]string, error) {
	if _, err := OutputTypes(n, ops); err != nil {
		return nil, err
	}
	op := ops.Get(n.GetOp())
	var names []string
	for _, arg := range op.GetOutputArg() {
		count, err := ports.Count(n, op, []*ports.Arg{arg})
		if err != nil {
			return nil, &tfkeep.Error{Op: "find output names", Item: "node", Name: n.GetName(), Err: tfkeep.ErrCorrupt, Cause: err}
		}
		for i := range count {
			names = append(names, arg.GetName()+":"+strconv.Itoa(i))
		}
	}
	return names, nil
}
