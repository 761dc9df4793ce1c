package freeze

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/freeze/internal/order"
	"github.com/tfkeep/tfkeep/graphdef"
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
	live      map[string]bool
	queue     []string
	inputs    map[int]map[int]string    // node → input → the tensor that replaces it
	computed  map[int]map[string]string // writes whose value is needed → variable → the value
	drops     map[int][]string          // writes that run for their order only → what they wait for
}

type span struct {
	event int
	loop  string
}

// carry carries the values of the variables that the body writes. roots are the nodes
// that must stay. final are the variables whose last value a function has to return.
func (w *rewriting) carry(uses *accesses, roots, final []string) error {
	c := &carrying{
		rewriting: w, uses: uses, events: w.events(w.body, w.reached, uses.places), afters: map[span]order.Events{},
		histories: map[string]*history{}, at: map[int]map[string]*access{}, live: map[string]bool{},
		inputs: map[int]map[int]string{}, computed: map[int]map[string]string{}, drops: map[int][]string{},
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
	for _, variable := range final {
		tensor := c.fn.Signature.InputArg[argumentOf(variable)].Name
		if uses.written[variable] {
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
	return c.apply()
}

// need makes nodes stay, with what they need.
func (c *carrying) need(names ...string) {
	for _, name := range names {
		if !c.live[name] {
			c.live[name] = true
			c.queue = append(c.queue, name)
		}
	}
}

// visit makes what a node needs stay, and finds the values that it reads.
func (c *carrying) visit(i int) error {
	n := c.nodes[i]
	for _, in := range controlInputs(n) {
		c.need(c.parse(in).node)
	}
	accesses := c.at[i]
	if c.writes(i) {
		if c.computed[i] == nil && !slices.ContainsFunc(slices.Collect(maps.Values(accesses)), func(a *access) bool { return a.reads && a.writes }) {
			c.drops[i] = c.frontier(nodedef.DataInputs(n))
			for _, in := range c.drops[i] {
				c.need(c.parse(in).node)
			}
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
	for _, variable := range slices.Sorted(maps.Keys(accesses)) {
		a := accesses[variable]
		if !a.reads {
			continue
		}
		if err := c.replace(a, variable); err != nil {
			return err
		}
		if a.writes { // a call that needs its own writes
			if call := c.lib.call(n); call != nil && call.loop {
				if _, err := c.newValue(a, variable); err != nil {
					return err
				}
			}
		}
	}
	c.needInputs(i)
	return nil
}

// writes reports whether node i is a write of its own, not a call.
func (c *carrying) writes(i int) bool {
	if !isWrite(c.nodes[i].Op) {
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
	h := c.history(variable)
	frame := c.uses.places[a.node].frame
	value, err := h.at(h.itemOf(a, frame), frame)
	if err != nil || value.tensor == "" {
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
	if c.afters[key] == nil {
		c.afters[key] = c.events.After(event, loop)
	}
	return c.afters[key]
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
		return tensor, c.replace(a, variable)
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
		if waits, ok := c.drops[i]; ok && c.writes(i) {
			n = c.mutable(i)
			c.repaired(n, "")
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
