package autodiff

import (
	"strconv"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/versions_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/capi"
)

// differentiateCopy differentiates a copy of n whose inputs are identities that feed
// nothing else, so that the library's call cannot follow any other path. The nodes of the
// gradient use the values of the copy where they need them. These values equal those of
// n, and the nodes that nothing uses never run.
func (bw *backward) differentiateCopy(n *node, dy []Gradient) ([]Gradient, error) {
	inputs := make([]output, len(n.in))
	var xs []output
	for i, in := range n.in {
		inputs[i] = in.output()
		if in.isLive() {
			inputs[i] = bw.Value("Identity", "in_"+strconv.Itoa(i), inputs[i])
			xs = append(xs, inputs[i])
		}
	}
	if bw.Err() != nil {
		return nil, bw.Err()
	}
	outputs, err := bw.addCopy(n, inputs)
	if err != nil {
		return nil, err
	}
	var ys, dys []output
	for i, g := range dy {
		if !g.IsNone() {
			ys, dys = append(ys, outputs[i]), append(dys, bw.dense(g))
		}
	}
	if bw.Err() != nil {
		return nil, bw.Err()
	}
	grads, err := bw.callLibrary(n.name+"_grad/part", ys, xs, dys)
	if err != nil {
		return nil, libraryError(err, []*node{n})
	}
	dx := make([]Gradient, len(n.in))
	for i, in := range n.in {
		if in.isLive() {
			dx[i], grads = grads[0], grads[1:]
		}
	}
	return dx, nil
}

// addCopy adds an operation like n with other inputs. It goes through a GraphDef, so that
// no attribute has to be interpreted.
func (bw *backward) addCopy(n *node, inputs []output) ([]output, error) {
	def, err := capi.NodeDef(n.op)
	if err != nil {
		return nil, err
	}
	def.Name = bw.Unique("copy")
	def.Input = nil
	delete(def.Attr, "_class")
	o := &capi.ImportOptions{InputMapping: make(map[capi.TensorName]output)}
	for i, in := range inputs {
		name := "in_" + strconv.Itoa(i)
		def.Input = append(def.Input, name)
		o.InputMapping[capi.TensorName{Op: name}] = in
	}
	for i := range n.live {
		o.ReturnOutputs = append(o.ReturnOutputs, capi.TensorName{Op: def.Name, Index: i})
	}
	g := new(graph_go_proto.GraphDef)
	g.Node = append(g.Node, def)
	versions, err := capi.Versions(bw.graph)
	if err != nil {
		return nil, err
	}
	g.Versions = new(versions_go_proto.VersionDef)
	if err := proto.Unmarshal(versions, g.Versions); err != nil {
		return nil, err
	}
	raw, err := proto.Marshal(g)
	if err != nil {
		return nil, err
	}
	imported, err := capi.Import(bw.graph, raw, o)
	if err != nil {
		return nil, err
	}
	return imported.Outputs, nil
}
