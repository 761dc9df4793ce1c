package autodiff

import (
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// checkStacks refuses values that the ys take from a Stack and that depend on the xs, as the
// gradient of a loop of TensorFlow 1 does. Nothing in the graph leads from such a value to the one
// that was put on the Stack, so that its derivative would be missing.
func (s *subgraph) checkStacks() error {
	pops := s.stackPops(nil)
	for _, n := range s.nodes {
		if n.loop != nil {
			pops = n.loop.body.stackPops(pops)
		}
	}
	if len(pops) == 0 {
		return nil
	}
	xs := make(map[string]bool)
	for _, x := range s.given {
		xs[x.Op.Name()] = true
	}
	seen := make(map[string]bool)
	for len(pops) > 0 {
		pop := pops[len(pops)-1]
		pops = pops[:len(pops)-1]
		if seen[pop.name] {
			continue
		}
		seen[pop.name] = true
		pushed, err := pushedValues(pop.op)
		if err != nil {
			return err
		}
		// A frame that no loop has: the walk goes through all loops.
		sources := &subgraph{byName: make(map[string]*node), loopFrame: " "}
		for _, value := range pushed {
			if _, err := sources.addAll(value.Op); err != nil {
				return err
			}
		}
		for _, n := range sources.nodes {
			if xs[n.name] {
				return refuse(pop, ErrNoGradient, "a value from a Stack has no gradient: the gradient of a loop of TensorFlow 1 cannot be differentiated again")
			}
		}
		pops = sources.stackPops(pops)
	}
	return nil
}

// stackPops appends the nodes that take differentiable values from Stacks.
func (s *subgraph) stackPops(pops []*node) []*node {
	for _, n := range s.nodes {
		if (n.typ == "StackPopV2" || n.typ == "StackPop") && differentiable(graphbuild.TypeOf(n.op.Output(0))) {
			pops = append(pops, n)
		}
	}
	return pops
}

// pushedValues returns what is put on the Stack that a StackPop takes from.
func pushedValues(pop *operation) ([]output, error) {
	in, err := capi.Inputs(pop)
	if err != nil {
		return nil, err
	}
	handle := in[0]
	for isForwarding(handle.Op.Type()) {
		if in, err = capi.Inputs(handle.Op); err != nil {
			return nil, err
		}
		handle = in[0]
	}
	var values []output
	stack := []output{handle}
	for len(stack) > 0 {
		o := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, c := range o.Consumers() {
			switch typ := c.Op.Type(); {
			case typ == "StackPushV2" || typ == "StackPush":
				if in, err = capi.Inputs(c.Op); err != nil {
					return nil, err
				}
				values = append(values, in[1])
			case isForwarding(typ):
				for i := range c.Op.NumOutputs() {
					stack = append(stack, c.Op.Output(i))
				}
			}
		}
	}
	return values, nil
}
