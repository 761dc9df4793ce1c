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
