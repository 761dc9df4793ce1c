package savergraph

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// ErrUnknownForm means that save or restore nodes do something that cannot be read
// from the graph, such as computing their keys. Only TensorFlow can run them then. It
// is also a tfkeep.ErrUnsupported.
var ErrUnknownForm = fmt.Errorf("%w: save or restore nodes of an unknown form", tfkeep.ErrUnsupported)

// maxHops is how many nodes that pass a tensor on are followed.
const maxHops = 16

// Graph finds the nodes of a graph by name.
type Graph struct {
	def *graphdef.GraphDef
	*scope
}

// New returns a Graph for def, which must not change while the Graph is in use.
func New(def *graphdef.GraphDef) *Graph {
	return &Graph{def: def, scope: newScope(def.GetNode())}
}

var (
	saveOps    = []string{"SaveV2", "SaveSlices", "Save"}
	restoreOps = []string{"RestoreV2", "RestoreSlice", "Restore"}
)

// Ops returns the operations that write checkpoints and those that read them.
func Ops() (save, restore []string) {
	return slices.Clone(saveOps), slices.Clone(restoreOps)
}

func isSave(n *graphdef.NodeDef) bool { return slices.Contains(saveOps, n.GetOp()) }

func isRestore(n *graphdef.NodeDef) bool { return slices.Contains(restoreOps, n.GetOp()) }

// passes reports whether an operation passes its first input on, perhaps in another
// shape or type.
func passes(op string) bool { return op == "Identity" || op == "Reshape" || op == "Cast" }

// unknown returns an error of kind ErrUnknownForm.
func unknown(n *graphdef.NodeDef, format string, args ...any) error {
	e := &tfkeep.Error{Op: "read saver", Err: ErrUnknownForm, Detail: fmt.Sprintf(format, args...)}
	if n != nil {
		e.Item, e.Name = "node", n.GetName()
	}
	return e
}

// input splits "^node", "node" and "node:1". It returns a name of another form unchanged;
// no node has such a name.
func input(in string) (node string, output int) {
	in = strings.TrimPrefix(in, "^")
	node, output, err := graphdef.ParseTensorName(in)
	if err != nil {
		return in, 0
	}
	return node, output
}

// needed returns every node that start needs, nearest first. It does not look behind
// nodes for which stop is true.
func (g *Graph) needed(start string, stop func(*graphdef.NodeDef) bool) []*graphdef.NodeDef {
	var out []*graphdef.NodeDef
	seen := map[string]bool{start: true}
	queue := []string{start}
	for len(queue) > 0 {
		n := g.nodes[queue[0]]
		queue = queue[1:]
		if n == nil {
			continue
		}
		out = append(out, n)
		if stop(n) {
			continue
		}
		for _, in := range n.GetInput() {
			name, _ := input(in)
			if !seen[name] {
				seen[name] = true
				queue = append(queue, name)
			}
		}
	}
	return out
}

// constInput returns the constant that is data input i of n.
func (s *scope) constInput(n *graphdef.NodeDef, i int) (*graphdef.NodeDef, error) {
	in := nodedef.DataInputs(n)
	if i >= len(in) {
		return nil, unknown(n, "the node has no input %d", i)
	}
	c := s.tensor(in[i]).behind(isIdentity)
	if c.node.GetOp() != "Const" || c.node.GetAttr()["value"].GetTensor() == nil {
		return nil, unknown(n, "input %d is not a constant", i)
	}
	return c.node, nil
}

// strings reads the constant of count strings that is data input i of n.
func (s *scope) strings(n *graphdef.NodeDef, i, count int) ([]string, error) {
	c, err := s.constInput(n, i)
	if err != nil {
		return nil, err
	}
	return stringsOf(c, count)
}

// stringsOf returns the value of a Const, which must be count strings.
func stringsOf(c *graphdef.NodeDef, count int) ([]string, error) {
	t := c.GetAttr()["value"].GetTensor()
	var out []string
	if len(t.GetTensorContent()) > 0 {
		var ok bool
		if out, ok = packedStrings(t.GetTensorContent()); !ok {
			return nil, unknown(c, "the constant does not hold strings")
		}
	} else {
		for _, v := range t.GetStringVal() {
			out = append(out, string(v))
		}
		// Equal elements at the end may be stored once. The shape counts only where it
		// agrees with what the node needs, so that it cannot ask for any amount of memory.
		dims, _ := nodedef.Dims(t.GetTensorShape()) // no shape is that of a scalar
		size, ok := dtype.NumElements(dims)
		if !ok {
			size = -1
		}
		stored := len(out)
		last := ""
		if stored > 0 {
			last = out[stored-1]
		}
		for size == int64(count) && len(out) < count {
			out = append(out, last)
		}
		if size != int64(len(out)) {
			return nil, unknown(c, "the constant has %d strings, a shape of %d, and %d are needed", stored, size, count)
		}
	}
	if len(out) != count {
		return nil, unknown(c, "the constant has %d strings for %d tensors", len(out), count)
	}
	return out, nil
}

// packedStrings reads strings as the C API writes constants: all lengths, then all
// bytes. The number of strings is not stored: the lengths end where their sum equals the
// number of remaining bytes.
func packedStrings(content []byte) ([]string, bool) {
	var lengths []uint64
	rest, sum := content, uint64(0)
	for uint64(len(rest)) != sum || len(lengths) == 0 {
		n, size := binary.Uvarint(rest)
		if size <= 0 || n > uint64(len(content)) {
			return nil, false
		}
		lengths = append(lengths, n)
		rest, sum = rest[size:], sum+n
	}
	out := make([]string, len(lengths))
	for i, n := range lengths {
		out[i], rest = string(rest[:n]), rest[n:]
	}
	return out, true
}

// int32Input reads the constant scalar int32 that is data input i of n.
func (s *scope) int32Input(n *graphdef.NodeDef, i int) (int, error) {
	c, err := s.constInput(n, i)
	if err != nil {
		return 0, err
	}
	t := c.Attr["value"].GetTensor()
	switch {
	case len(t.GetIntVal()) == 1:
		return int(t.IntVal[0]), nil
	case len(t.GetTensorContent()) == 4:
		return int(int32(binary.LittleEndian.Uint32(t.TensorContent))), nil
	case len(t.GetIntVal()) == 0 && len(t.GetTensorContent()) == 0:
		return 0, nil
	}
	return 0, unknown(n, "constant %q is not one number", c.GetName())
}
