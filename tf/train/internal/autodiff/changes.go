package autodiff

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
)

// The gradient of a node that runs functions changes the node itself. In a part, that is a copy,
// and the node of the outer graph has to change in the same way when the part is moved back.

// changed notes that the gradient changed a node.
func (b *builder) changed(op *operation) {
	if b.owner != nil {
		b.owner.changed[op.Name()] = true
	}
}

// checkFixed refuses to change an operation that a session has: TensorFlow would let all further
// runs of the session fail.
func (s *subgraph) checkFixed(n *node) error {
	if s.options.fixed == nil || !s.options.fixed(n) {
		return nil
	}
	return &tfkeep.Error{Op: "differentiate", Item: "operation", Name: n.name, Err: tfkeep.ErrUnsupported,
		Detail: "type " + n.typ + ": its gradient changes it, and an open session has run the graph or prepared a step since it was added, after which TensorFlow accepts no change; " +
			"add the gradients before the first run, or close the session, add them, and open another one"}
}

// functionAttrs are the attributes that the gradient of such a node changes.
var functionAttrs = []string{"f", "then_branch", "else_branch", "branches", "cond", "body", "Tin", "Tout", "T", "output_shapes", "_num_original_outputs"}

// changeOrigins changes the nodes of the outer graph of which the part has changed copies: all but
// the inputs that loops have in addition, which addInputs adds when they are there. keep says
// which nodes have an origin that stays.
func (p *part) changeOrigins(outer *builder, keep func(typ string) bool) error {
	for _, name := range sortedKeys(p.changed) {
		twin, op := p.graph.Operation(name), p.nodes[name]
		if op == nil || !keep(op.Type()) {
			continue
		}
		outer.changed(op)
		before := op.NumOutputs()
		for _, attr := range functionAttrs {
			v, err := capi.Attr(twin, attr)
			if err != nil {
				continue // nodes of this type do not have it
			}
			if old, err := capi.Attr(op, attr); err == nil && proto.Equal(old, v) {
				continue
			}
			if err := capi.SetAttr(op, attr, v); err != nil {
				return err
			}
		}
		for i := before; i < twin.NumOutputs(); i++ {
			if err := capi.SetShape(op.Output(i), twin.Output(i).Shape()); err != nil {
				return err
			}
			if err := copyHandle(op.Output(i), twin.Output(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// addedInput is an input that a loop of the outer graph gets in addition.
type addedInput struct {
	op *operation
	in output // of the part
}

// addedInputs returns the inputs that changed nodes have in addition. The nodes that make them
// become nodes of the part itself.
func (p *part) addedInputs(keep func(typ string) bool) ([]addedInput, error) {
	var added []addedInput
	for _, name := range sortedKeys(p.changed) {
		op := p.nodes[name]
		if op == nil || !keep(op.Type()) {
			continue
		}
		in, err := capi.Inputs(p.graph.Operation(name))
		if err != nil {
			return nil, err
		}
		before, err := capi.Inputs(op)
		if err != nil {
			return nil, err
		}
		for _, o := range in[len(before):] {
			added = append(added, addedInput{op, o})
			if err := p.makeForward(o); err != nil {
				return nil, err
			}
		}
	}
	return added, nil
}

// makeForward marks the nodes on which a tensor depends as nodes of the part.
func (p *part) makeForward(o output) error {
	name := o.Op.Name()
	if p.forward[name] {
		return nil
	}
	p.forward[name], p.madeForward[name] = true, true
	in, err := capi.Inputs(o.Op)
	for _, next := range in {
		if err == nil {
			err = p.makeForward(next)
		}
	}
	return err
}

// addInputs adds inputs to loops: outs has the tensors for them in the outer graph.
func addInputs(added []addedInput, outs []output) error {
	for i, a := range added {
		if err := capi.AddWhileInput(a.op, outs[i]); err != nil {
			return fmt.Errorf("add an input to the loop %q: %w", a.op.Name(), err)
		}
	}
	return nil
}
