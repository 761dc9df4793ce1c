package freeze

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/freeze/internal/order"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// anchor returns the node that an input, which is replaced, has to be waited for, "" for
// the variable itself: a node runs in the branch and in the loop that its inputs come from.
func (c *carrying) anchor(in string) string {
	from := c.parse(in)
	n := c.node(from.node)
	switch {
	case n == nil, nodedef.IsVariableOp(n.Op):
		return ""
	case isSwitch(n.Op):
		return c.sideOf(in)
	}
	return n.Name
}

// sideOf returns a node that runs when one output of a Switch has a value.
func (c *carrying) sideOf(in string) string {
	from := c.parse(in)
	side := "side_0"
	if from.idx == 1 || from.arg == "output_true" {
		side = "side_1"
	}
	name := from.node + "/" + side
	if c.sides[name] == "" {
		i := c.index[from.node]
		c.sides[name] = c.newNode(i, name, "Identity", []string{in}, attrs{"T": proto.Clone(c.nodes[i].Attr["T"]).(*graphdef.AttrValue)})
		if carried, ok := c.reached[from]; ok {
			c.reached[c.outputOf(c.sides[name], []string{"output"}, 0)] = carried
			delete(c.done, c.sides[name]) // it gets the type of the value later
		}
	}
	return c.sides[name]
}

// newNode adds a node that is needed, near node i, and returns its name.
func (c *carrying) newNode(i int, name, op string, inputs []string, set attrs) string {
	free := name
	for k := 1; c.has(free) || c.isArgument(free); k++ {
		free = fmt.Sprintf("%s_%d", name, k)
	}
	c.add(&graphdef.NodeDef{Name: free, Op: op, Input: inputs, Attr: set, Device: c.nodes[i].Device})
	c.done[free] = true
	return free
}

func (b *body) isArgument(name string) bool {
	for _, arg := range b.fn.GetSignature().GetInputArg() {
		if arg.Name == name {
			return true
		}
	}
	return false
}

// frontier returns the control inputs that stand for the inputs of a node that is
// dropped: the nodes before it that decide whether it runs, or that may fail.
func (c *carrying) frontier(inputs []string) []string {
	var out []string
	seen := map[string]bool{}
	add := func(name string) {
		if in := "^" + name; !slices.Contains(out, in) {
			out = append(out, in)
		}
	}
	var walk func(in string)
	walk = func(in string) {
		n := c.node(c.parse(in).node)
		if n == nil || seen[in] {
			return
		}
		seen[in] = true
		switch {
		case nodedef.IsControl(in):
			add(n.Name)
			return
		case isSwitch(n.Op):
			add(c.sideOf(in))
			return
		case !c.harmless(n):
			add(n.Name)
			return
		}
		for _, in := range n.Input {
			walk(in)
		}
	}
	for _, in := range inputs {
		walk(in)
	}
	return out
}

// harmless reports whether it makes no difference whether a node runs.
func (c *carrying) harmless(n *graphdef.NodeDef) bool {
	return c.lib.pure(n) || c.writes(c.index[n.Name])
}

// initial returns the variable itself as a tensor.
func (c *carrying) initial(variable string) string {
	if c.fn != nil {
		return c.fn.Signature.InputArg[argumentOf(variable)].Name
	}
	for _, n := range c.nodes {
		if v, ok := c.reached[tensor{node: n.Name}]; ok && nodedef.IsVariableOp(n.Op) && v.variable == variable {
			return n.Name
		}
	}
	return ""
}

// carries makes the tensor of a new node carry a variable, and returns its name.
func (c *carrying) carries(variable, node string, outputs []string, i int) string {
	t := c.outputOf(node, outputs, i)
	c.reached[t] = c.carrierOf(variable)
	if c.fn == nil && t.idx == 0 {
		return node
	}
	return c.nameOf(t)
}

func (c *carrying) carrierOf(variable string) carrier {
	return c.reached[tensor{node: c.initial(variable)}]
}

// merge returns the one of two tensors that has a value.
func (c *carrying) merge(variable, a, b string) string {
	i := c.index[c.parse(a).node]
	name := c.newNode(i, c.newName(variable, "merge"), "Merge", []string{a, b}, attrs{
		"T": nodedef.TypeAttr(c.carrierOf(variable).dtype), "N": intAttr(2),
	})
	return c.carries(variable, name, []string{"output"}, 0)
}

// gate returns a tensor that has the value of another one on one side of a condition.
func (c *carrying) gate(variable string, v gated, s order.Side) string {
	if slices.Contains(v.sides, s) {
		return v.tensor
	}
	if v.tensor == "" {
		c.needed[variable] = true
		v.tensor = c.initial(variable)
	}
	i := max(0, c.index[c.parse(s.Predicate).node])
	key := v.tensor + "\x00" + s.Predicate
	if c.gates[key] == "" {
		c.gates[key] = c.newNode(i, c.newName(variable, "switch"), "Switch", []string{v.tensor, s.Predicate}, attrs{
			"T": nodedef.TypeAttr(c.carrierOf(variable).dtype),
		})
	}
	port := 0
	if s.Taken {
		port = 1
	}
	return c.carries(variable, c.gates[key], []string{"output_false", "output_true"}, port)
}

// newName returns the beginning of the name of a node that carries a variable.
func (c *carrying) newName(variable, what string) string {
	return c.initial(variable) + "/carried/" + what
}
