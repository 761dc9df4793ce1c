package freeze

import (
	"maps"
	"slices"

	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// apply changes the nodes.
func (c *carrying) apply() error {
	for i := range c.nodes {
		n := c.nodes[i]
		if !c.live[n.Name] {
			if c.writes(i) {
				c.repaired(n, "")
			}
			c.dead[n.Name] = true
			continue
		}
		if waits, ok := c.drops[i]; ok {
			n = c.mutable(i)
			if c.writes(i) {
				c.repaired(n, "")
			}
			c.dead[n.Name] = true
			c.keepChecks(waits)
			continue
		}
		c.bypassDropped(i)
		inputs := c.inputs[i]
		overwritten := c.computed[i] != nil && overwrites(n.Op)
		if len(inputs) == 0 && !c.writes(i) {
			continue
		}
		n = c.mutable(i)
		control := slices.Clone(controlInputs(n))
		for k, in := range nodedef.DataInputs(n) {
			if _, ok := inputs[k]; ok || overwritten && k == 0 {
				if anchor := c.anchor(in); anchor != "" {
					control = union2(control, []string{"^" + anchor})
				}
			}
		}
		data := slices.Clone(nodedef.DataInputs(n))
		for k, in := range inputs {
			data[k] = in
		}
		n.Input = append(data, control...)
		if c.writes(i) {
			if err := c.turnWrite(i); err != nil {
				return err
			}
		}
	}
	for i, waits := range c.drops {
		if n := c.nodes[i]; c.dead[n.Name] && c.live[n.Name] {
			n.Input = union2(controlInputs(n), waits)
		}
	}
	return nil
}

// bypassDropped lets a node that passes a reference on take it from where a dropped write took
// it. Nothing looks at the value.
func (c *carrying) bypassDropped(i int) {
	for k, in := range nodedef.DataInputs(c.nodes[i]) {
		if _, ok := c.inputs[i][k]; ok {
			continue
		}
		for {
			from, ok := c.index[c.parse(in).node]
			if _, dropped := c.drops[from]; !ok || !dropped || !c.writes(from) {
				break
			}
			n := c.mutable(i)
			n.Input = union2(n.Input, []string{"^" + c.nodes[from].Name})
			in = c.nodes[from].Input[0]
			n.Input[k] = in
		}
	}
}

// keepChecks lets a function run the checks that a dropped write waited for.
func (c *carrying) keepChecks(waits []string) {
	if c.fn == nil {
		return
	}
	for _, in := range waits {
		name := c.parse(in).node
		if n := c.node(name); n == nil || passOps[n.Op].to != "" {
			continue
		}
		if !slices.Contains(slices.Collect(maps.Values(c.fn.ControlRet)), name) {
			if c.fn.ControlRet == nil {
				c.fn.ControlRet = map[string]string{}
			}
			c.fn.ControlRet[name] = name
			c.fn.Signature.ControlOutput = append(c.fn.Signature.ControlOutput, name)
		}
	}
}

func union2(list, more []string) []string {
	list = slices.Clone(list)
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}
