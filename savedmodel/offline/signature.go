package offline

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/nearest"
)

// SignatureOf describes tensors of a graph: types from the definitions of the
// operations, shapes from what the file says of them (a placeholder's shape,
// a constant's value, the shapes that meta graphs carry), unknown where it
// says nothing. The method is the prediction's. All tensors that the graph
// lacks are told at once.
func SignatureOf(def *graphdef.GraphDef, inputs, outputs map[string]string) (*graphdef.SignatureDef, error) {
	nodes := make(map[string]*graphdef.NodeDef, len(def.GetNode()))
	names := make([]string, 0, len(def.GetNode()))
	for _, n := range def.GetNode() {
		nodes[n.Name] = n
		names = append(names, n.Name)
	}
	var faults []string
	side := func(tensors map[string]string) map[string]*graphdef.TensorInfo {
		infos := map[string]*graphdef.TensorInfo{}
		for key, name := range tensors {
			info, fault := describe(nodes, names, name)
			if fault != "" {
				faults = append(faults, fmt.Sprintf("%q: %s", key, fault))
			}
			infos[key] = info
		}
		return infos
	}
	in, out := side(inputs), side(outputs)
	if len(faults) > 0 {
		sort.Strings(faults)
		return nil, fmt.Errorf("%w: signature: %s", ErrArgument, strings.Join(faults, "; "))
	}
	sig, err := signature.Predict(in, out)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArgument, err)
	}
	return sig, nil
}

func describe(nodes map[string]*graphdef.NodeDef, names []string, tensor string) (*graphdef.TensorInfo, string) {
	name, index, err := graphdef.ParseTensorName(tensor)
	if err != nil {
		return nil, err.Error()
	}
	n := nodes[name]
	if n == nil {
		fault := fmt.Sprintf("the graph has no node %q", name)
		if near := nearest.Names(name, names, 3); len(near) > 0 {
			fault += " (did you mean " + strings.Join(near, ", ") + "?)"
		}
		return nil, fault
	}
	types, err := opdef.OutputTypes(n, nil)
	if err != nil {
		return nil, err.Error()
	}
	if index >= len(types) {
		return nil, fmt.Sprintf("%s has %d outputs, there is no output %d", name, len(types), index)
	}
	return signature.Dense(name+":"+strconv.Itoa(index), types[index], shapeOf(n, index)), ""
}

// shapeOf is what the file says of the shape of an output, nil if nothing.
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
	if shape == nil || shape.UnknownRank {
		return nil
	}
	dims := make([]int64, len(shape.Dim))
	for i, d := range shape.Dim {
		dims[i] = d.Size
	}
	return dims
}
