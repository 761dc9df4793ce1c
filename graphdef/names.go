package graphdef

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/devicename"
)

// NodeName returns the name of the node that an input refers to: "a" for "a", "a:2"
// and "^a".
func NodeName(input string) string {
	node, _, _ := strings.Cut(strings.TrimPrefix(input, "^"), ":")
	return node
}

// IsControl reports whether an input is a control dependency, "^a".
func IsControl(input string) bool { return strings.HasPrefix(input, "^") }

// TensorName returns the name of an output of a node: "a:1" for output 1 of a.
func TensorName(node string, output int) string { return node + ":" + strconv.Itoa(output) }

// DataInputs returns the inputs of a node before its control dependencies, which come last.
// The slice belongs to the node.
func DataInputs(n *NodeDef) []string {
	inputs := n.GetInput()
	if i := slices.IndexFunc(inputs, IsControl); i >= 0 {
		return inputs[:i]
	}
	return inputs
}

// ParseTensorName splits the name of a tensor into node and output: "a:1" into a and
// 1, "a" into a and 0. A name with more than one colon, or without a number after
// it, is a tfkeep.ErrArgument.
func ParseTensorName(name string) (node string, output int, err error) {
	parts := strings.Split(name, ":")
	switch len(parts) {
	case 1:
		return name, 0, nil
	case 2:
		output, err := strconv.Atoi(parts[1])
		if err != nil || output < 0 {
			return "", 0, &tfkeep.Error{Op: "parse tensor name", Err: tfkeep.ErrArgument, Detail: fmt.Sprintf(
				"Cannot convert '%s' to a tensor name. Second component of the name following the `:` should be an int. Got %s.", name, parts[1])}
		}
		return parts[0], output, nil
	}
	return "", 0, &tfkeep.Error{Op: "parse tensor name", Err: tfkeep.ErrArgument, Detail: fmt.Sprintf(
		"Cannot convert '%s' to a tensor name. Tensor names should not contain more than 1 `:`. Obtained %d", name, len(parts)-1)}
}

// Colocations returns the names of the nodes that a node is colocated with, which
// are in its "_class" attribute after "loc:@".
func Colocations(n *NodeDef) []string {
	var names []string
	for _, class := range n.GetAttr()["_class"].GetList().GetS() {
		if name, ok := strings.CutPrefix(string(class), devicename.ColocationPrefix); ok {
			names = append(names, name)
		}
	}
	return names
}
