package autodiff

import (
	"strconv"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/versions_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/capi"
)

// isolated differentiates a copy of n whose inputs are identities that feed
// nothing else, so that the library's call cannot run along any other path. The
// gradient's nodes refer to the copy's values where they need them; those equal
// n's, and what nobody refers to never runs.
func (bw *backward) isolated(n *node, dy []Gradient) ([]Gradient, error) {
	inputs := make([]output, len(n.in))
	var xs []output
	for i, in := range n.in {
		inputs[i] = in.output()
		if in.isLive() {
			inputs[i] = bw.named("Identity", "in_"+strconv.Itoa(i), nil, inputs[i])
			xs = append(xs, inputs[i])
		}
	}
	if bw.err != nil {
		return nil, bw.err
	}
	outputs, err := bw.copy(n, inputs)
	if err != nil {
		return nil, err
	}
	var ys, dys []output
	for i, g := range dy {
		if !g.IsNone() {
			ys, dys = append(ys, outputs[i]), append(dys, bw.dense(g))
		}
	}
	if bw.err != nil {
		return nil, bw.err
	}
	grads, err := bw.library(n.name+"_grad/part", ys, xs, dys)
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

// copy adds an operation like n with other inputs. It goes through a GraphDef:
// that way the attributes need not be understood.
func (bw *backward) copy(n *node, inputs []output) ([]output, error) {
	def, err := capi.NodeDef(n.op)
	if err != nil {
		return nil, err
	}
	def.Name = bw.unique(bw.scope + "/copy")
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
