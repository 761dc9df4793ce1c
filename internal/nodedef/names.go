package nodedef

import (
	"slices"
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

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
func DataInputs(n *node_def_go_proto.NodeDef) []string {
	inputs := n.GetInput()
	if i := slices.IndexFunc(inputs, IsControl); i >= 0 {
		return inputs[:i]
	}
	return inputs
}

// Colocations returns the names of the nodes that a node is colocated with, which
// are in its "_class" attribute after "loc:@".
func Colocations(n *node_def_go_proto.NodeDef) []string {
	var names []string
	for _, class := range n.GetAttr()["_class"].GetList().GetS() {
		if name, ok := strings.CutPrefix(string(class), devicename.ColocationPrefix); ok {
			names = append(names, name)
		}
	}
	return names
}
