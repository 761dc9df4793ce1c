package offline

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/nearest"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// describeSignature makes the signature of a prediction from the names of tensors. Its
// error has the operation op and lists all tensors that cannot be described.
func describeSignature(op string, def *graphdef.GraphDef, inputs, outputs map[string]string) (*graphdef.SignatureDef, error) {
	d := &describer{nodes: make(map[string]*graphdef.NodeDef, len(def.GetNode()))}
	for _, n := range def.GetNode() {
		d.nodes[n.Name] = n
		d.names = append(d.names, n.Name)
	}
	in, out := d.tensors(inputs), d.tensors(outputs)
	if len(d.faults) > 0 {
		slices.Sort(d.faults)
		return nil, &tfkeep.Error{Op: op, Err: tfkeep.ErrArgument, Detail: "signature: " + strings.Join(d.faults, "; ")}
	}
	sig, err := signature.Predict(in, out)
	if err != nil {
		return nil, &tfkeep.Error{Op: op, Err: tfkeep.ErrArgument, Cause: err}
	}
	return sig, nil
}

// describer describes the tensors of a graph.
type describer struct {
	nodes  map[string]*graphdef.NodeDef
	names  []string // of the nodes
	faults []string
}

func (d *describer) tensors(names map[string]string) map[string]*graphdef.TensorInfo {
	infos := map[string]*graphdef.TensorInfo{}
	for _, key := range slices.Sorted(maps.Keys(names)) {
		info, fault := d.tensor(names[key])
		if fault != "" {
			d.faults = append(d.faults, fmt.Sprintf("%q: %s", key, fault))
		}
		infos[key] = info
	}
	return infos
}

func (d *describer) tensor(tensor string) (info *graphdef.TensorInfo, fault string) {
	name, index, err := graphdef.ParseTensorName(tensor)
	if err != nil {
		return nil, err.Error()
	}
	n := d.nodes[name]
	if n == nil {
		return nil, fmt.Sprintf("the graph has no node %q%s", name, nearest.NodeHint(name, d.names))
	}
	types, err := opdef.OutputTypes(n, nil)
	if err != nil {
		return nil, err.Error()
	}
	if index >= len(types) {
		return nil, fmt.Sprintf("node %q has %d outputs, and no output %d", name, len(types), index)
	}
	return signature.Dense(nodedef.TensorName(name, index), types[index], shapeOf(n, index)), ""
}

// shapeOf returns the shape of an output that the graph records, or nil: a meta graph has
// the shapes of all outputs, other graphs those of placeholders and constants.
func shapeOf(n *graphdef.NodeDef, index int) []int64 {
	shapes := n.Attr["_output_shapes"].GetList().GetShape()
	shape := n.Attr["shape"].GetShape()
	switch {
	case index < len(shapes):
		shape = shapes[index]
	case n.Op == "Const":
		shape = n.Attr["value"].GetTensor().GetTensorShape()
	case !strings.HasPrefix(n.Op, "Placeholder"):
		return nil
	}
	dims, _ := nodedef.Dims(shape)
	return dims
}
