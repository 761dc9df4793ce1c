package check

import (
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/internal/ports"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// checkInputTypes finds inputs whose type is not that of the output that they come from. A
// reference may go where its value is expected.
func (c *checker) checkInputTypes(nodes []*graphdef.NodeDef, index map[string]int) {
	outputs := make([][]dtype.DataType, len(nodes))
	for i, n := range nodes {
		if op := c.lookup(n.GetOp()); op != nil {
			outputs[i], _ = ports.RefTypes(n, op, op.GetOutputArg())
		}
	}
	for _, n := range nodes {
		op := c.lookup(n.GetOp())
		inputs := nodedef.DataInputs(n)
		if op == nil || len(inputs) == 0 {
			continue
		}
		want, err := ports.RefTypes(n, op, op.GetInputArg())
		if err != nil || len(want) != len(inputs) {
			continue // checkInputCount reports it
		}
		for i, input := range inputs {
			if c.provided != nil && c.provided(input) {
				continue
			}
			source, port, err := graphdef.ParseTensorName(input)
			at, ok := index[source]
			if err != nil || !ok || port >= len(outputs[at]) {
				continue // checkInput reports it
			}
			got := outputs[at][port]
			if got == 0 || want[i] == 0 || got == want[i] || dtype.Base(got) == want[i] {
				continue
			}
			c.addFault(n.GetName(), "Input %d of node %s was passed %s from %s incompatible with expected %s.",
				i, n.GetName(), typeName(got), nodedef.TensorName(source, port), typeName(want[i]))
		}
	}
}

// typeName is the name of a type in TensorFlow's messages.
func typeName(t dtype.DataType) string {
	if t == 0 {
		return "invalid"
	}
	return dtype.CName(t)
}
