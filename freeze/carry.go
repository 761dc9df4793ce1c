package freeze

import (
	"maps"
	"slices"

	"github.com/tfkeep/tfkeep/freeze/internal/order"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// A body that writes variables is rewritten so that values are carried instead: a read takes
// the value of the write that it follows, and a write becomes the arithmetic that computes its value.
// The rewriting starts at what the outputs need and goes back from there, so a write whose
// value nothing needs is dropped.

// carrying is the rewriting of a body that writes variables.
type carrying struct {
	*rewriting
	uses      *accesses
	events    *events
	afters    map[span]order.Events
	histories map[string]*history
	at        map[int]map[string]*access // node → variable → access
	live      map[string]bool            // nodes that stay
	taken     map[string]bool            // those whose values are needed
	queue     []string
	inputs    map[int]map[int]string    // node → input → the tensor that replaces it
	computed  map[int]map[string]string // writes whose value is needed → variable → the value
	replaced  map[*access]bool          // accesses whose values were found
	slots     map[int][]string          // steps of optimizers → the nodes of the new values of their slots
	drops     map[int][]string          // writes that run for their order only → what they wait for
}

// maxRemembered is how many bytes of sets of events are kept, so that they need not be found
// again.
const maxRemembered = 4 << 20

type span struct {
	event int
	loop  string
}

// carry carries the values of the variables that the body writes. roots are the nodes
// that must stay. final are the variables whose last value a function has to return.
func (w *rewriting) carry(uses *accesses, roots, final []string) error {
	c := &carrying{
		rewriting: w, uses: uses, events: w.events(w.body, w.reached, uses.places), afters: map[span]order.Events{},
		histories: map[string]*history{}, at: map[int]map[string]*access{}, live: map[string]bool{}, taken: map[string]bool{},
		inputs: map[int]map[int]string{}, computed: map[int]map[string]string{}, slots: map[int][]string{}, drops: map[int][]string{}, replaced: map[*access]bool{},
	}
	for variable := range uses.written {
		for _, a := range uses.of[variable] {
			if c.at[a.node] == nil {
				c.at[a.node] = map[string]*access{}
			}
			c.at[a.node][variable] = a
		}
	}
	c.need(roots...)
	c.await(slices.Sorted(maps.Values(c.fn.GetControlRet()))...)
	for _, variable := range final {
		tensor := c.fn.Signature.InputArg[argumentOf(variable)].Name
		if !uses.written[variable] {
			w.needed[variable] = true
		} else {
			var err error
			if tensor, err = c.history(variable).final(); err != nil {
				return err
			}
		}
		c.need(c.parse(tensor).node)
		w.final[variable] = tensor
	}
	for len(c.queue) > 0 {
		name := c.queue[0]
		c.queue = c.queue[1:]
		if i, ok := c.index[name]; ok {
			if err := c.visit(i); err != nil {
				return err
			}
		}
	}
	if w.dry {
		return nil
	}
	return c.apply()
}

// need makes nodes stay, with what they need.
func (c *carrying) need(names ...string) {
	for _, name := range names {
		if !c.taken[name] {
			c.live[name], c.taken[name] = true, true
			c.queue = append(c.queue, name)
		}
	}
}

// await makes nodes stay that others wait for. What they compute may not be needed.
func (c *carrying) await(names ...string) {
	for _, name := range names {
		if !c.live[name] {
			c.live[name] = true
			c.queue = append(c.queue, name)
		}
	}
}

// drop drops a node that others only wait for: they wait for what the node waited for.
func (c *carrying) drop(i int) {
	c.drops[i] = c.frontier(nodedef.DataInputs(c.nodes[i]))
	for _, in := range c.drops[i] {
		c.await(c.parse(in).node)
	}
}

// onlyReads reports whether node i only reads variables that are written.
func (c *carrying) onlyReads(i int) bool {
	return len(c.at[i]) > 0 && (readOps[c.nodes[i].Op] || c.nodes[i].Op == "Identity")
}

// visit makes what a node needs stay, and finds the values that it reads.
func (c *carrying) visit(i int) error {
	n := c.nodes[i]
	for _, in := range controlInputs(n) {
		c.await(c.parse(in).node)
	}
	accesses := c.at[i]
	if c.onlyReads(i) {
		if !c.taken[n.Name] {
			c.drop(i)
			return nil
		}
		delete(c.drops, i)
	}
	if c.writes(i) {
		if c.computed[i] == nil && !slices.ContainsFunc(slices.Collect(maps.Values(accesses)), func(a *access) bool { return a.reads && a.writes }) {
			c.drop(i)
			if c.rewriting.uses[n.Name] > 0 { // the reference is passed on
				c.need(c.parse(n.Input[0]).node)
			}
			return nil
		}
		for _, variable := range slices.Sorted(maps.Keys(accesses)) {
			if a := accesses[variable]; a.writes {
				_, err := c.newValue(a, variable)
				return err
			}
		}
	}
	if call := c.lib.call(n); call != nil {
		if err := c.visitCall(i, call); err != nil {
			return err
		}
		c.needInputs(i)
		return nil
	}
	for _, variable := range slices.Sorted(maps.Keys(accesses)) {
		if a := accesses[variable]; a.reads {
			if err := c.replace(a, variable); err != nil {
				return err
			}
		}
	}
	c.needInputs(i)
	return nil
}

// writes reports whether node i is a write of its own, not a call.
func (c *carrying) writes(i int) bool {
	if !nodedef.WritesVariable(c.nodes[i].Op) {
		return false
	}
	for _, a := range c.at[i] {
		if a.writes && slices.Contains(a.inputs, 0) {
			return true
		}
	}
	return false
}

// needInputs makes the inputs of a node stay that were not replaced.
func (c *carrying) needInputs(i int) {
	for k, in := range nodedef.DataInputs(c.nodes[i]) {
		if _, ok := c.inputs[i][k]; !ok {
			c.need(c.parse(in).node)
		}
	}
}

// replace lets a node take the value that a variable has when it accesses it.
func (c *carrying) replace(a *access, variable string) error {
	if c.replaced[a] {
		return nil
	}
	c.replaced[a], c.used[variable] = true, true
	h := c.history(variable)
	frame := c.uses.places[a.node].frame
	value, err := h.at(h.itemOf(a, frame), frame)
	if err != nil || value.tensor == "" {
		c.needed[variable] = true
		return err
	}
	if c.inputs[a.node] == nil {
		c.inputs[a.node] = map[int]string{}
	}
	for _, k := range a.inputs {
		c.inputs[a.node][k] = value.tensor
	}
	c.need(c.parse(value.tensor).node)
	for _, k := range a.inputs {
		if anchor := c.anchor(c.nodes[a.node].Input[k]); anchor != "" {
			c.need(anchor)
		}
	}
	return nil
}

// history returns what happens to a variable.
func (c *carrying) history(variable string) *history {
	h := c.histories[variable]
	if h == nil {
		h = &history{
			carrying: c, variable: variable, list: c.uses.of[variable],
			levels: map[string][]*item{}, loops: map[string]*carriedLoop{}, turns: map[string]bool{},
		}
		c.histories[variable] = h
	}
	return h
}

// afterEvent returns the events after another one in an iteration of a loop.
func (c *carrying) afterEvent(event int, loop string) order.Events {
	key := span{event, loop}
	if known, ok := c.afters[key]; ok {
		return known
	}
	after := c.events.After(event, loop)
	if after.Bytes()*len(c.afters) > maxRemembered {
		clear(c.afters)
	}
	c.afters[key] = after
	return after
}

// newValue returns the value that an access leaves in a variable.
func (c *carrying) newValue(a *access, variable string) (string, error) {
	if known, ok := c.computed[a.node][variable]; ok {
		return known, nil
	}
	if c.computed[a.node] == nil {
		c.computed[a.node] = map[string]string{}
	}
	n := c.nodes[a.node]
	c.need(n.Name)
	if call := c.lib.call(n); call != nil {
		tensor, err := c.carryCallResult(a, variable, call)
		if err != nil {
			return "", err
		}
		c.computed[a.node][variable] = tensor
		return tensor, c.visitCall(a.node, call)
	}
	values, err := c.writeValues(a.node)
	if err != nil {
		return "", err
	}
	maps.Copy(c.computed[a.node], values)
	delete(c.drops, a.node)
	return c.computed[a.node][variable], c.compute(a.node)
}

// compute finds what a write needs to compute its value.
func (c *carrying) compute(i int) error {
	for _, variable := range slices.Sorted(maps.Keys(c.at[i])) {
		a := c.at[i][variable]
		if a.writes && overwrites(c.nodes[i].Op) && !a.reads && len(a.inputs) == 1 {
			if anchor := c.anchor(c.nodes[i].Input[a.inputs[0]]); anchor != "" {
				c.need(anchor)
			}
			continue
		}
		if err := c.replace(a, variable); err != nil {
			return err
		}
	}
	for k, in := range nodedef.DataInputs(c.nodes[i]) {
		if _, ok := c.inputs[i][k]; !ok && !(k == 0 && overwrites(c.nodes[i].Op)) {
			c.need(c.parse(in).node)
		}
	}
	return nil
}

// overwrites reports whether a write does not need the old value.
func overwrites(op string) bool { return op == "Assign" || op == "AssignVariableOp" }
