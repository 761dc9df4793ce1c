package freeze

import (
	"slices"

	"github.com/tfkeep/tfkeep/freeze/internal/order"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// events are what happens when a body runs, and in which order. A node is one event, and
// a call several: TensorFlow may put the nodes of a function in the place of the call, so
// that a result is there before all of the function has run, and a part of the function
// runs before all arguments are there.
type events struct {
	order.Graph
	calls map[int]*callEvents // by the position of the node
	back  map[string][][2]int // the edges to the next iteration, by loop
}

// callEvents are the events of a call. Control edges lead to its start, which is the event
// of the node, and leave from done.
type callEvents struct {
	args, results []int
	access        map[string]int  // all accesses to a variable of the caller, or the look at a reference for its value
	other         int             // accesses of which nothing is known
	done          int             // what waits for the call by a control edge runs after this
	overlap       map[string]bool // variables that two iterations of a loop may access at the same time
}

// at returns the event at which node i accesses a variable.
func (e *events) at(i int, variable string) int {
	if c := e.calls[i]; c != nil {
		if at, ok := c.access[variable]; ok {
			return at
		}
		return c.other
	}
	return i
}

// end returns the event at which node i is done.
func (e *events) end(i int) int {
	if c := e.calls[i]; c != nil {
		return c.done
	}
	return i
}

// waits says which parts of a call wait for which others.
type waits struct {
	results [][]bool          // result, argument: the result waits for the argument
	before  map[string][]bool // variable, argument: all accesses to the variable wait for the argument
	after   map[string][]bool // variable, result: the result waits for all accesses to the variable
	ended   map[string]bool   // variable: a control output waits for all accesses to the variable
	control bool              // there are control outputs
	awaited bool              // a control edge from the call waits for the results
	overlap map[string]bool   // variable: two iterations of the loop may access the variable at the same time
}

// events returns the events of a body.
func (t *tracer) events(b *body, reached flow, places []place) *events {
	e := &events{calls: map[int]*callEvents{}, back: map[string][][2]int{}}
	for range b.nodes {
		e.Add()
	}
	args := map[string]int{}
	for _, arg := range b.fn.GetSignature().GetInputArg() {
		args[arg.Name] = e.Add()
	}
	for i, n := range b.nodes {
		if c := t.lib.call(n); c != nil {
			w := t.callWaits(b, n, c, reached)
			w.awaited = c.byName || c.loop || n.Op == "StatefulPartitionedCall" && !w.control
			e.addCall(i, c.byName, w, c.arguments(b.frozenInputs(n, reached)))
		}
	}
	for i, n := range b.nodes {
		first := 0
		if c := t.lib.call(n); c != nil {
			first = c.first
		}
		for k, in := range n.Input {
			from, ok := t.sourceOf(b, e, args, in)
			if !ok {
				continue
			}
			to := i
			if call := e.calls[i]; call != nil && !nodedef.IsControl(in) {
				if k >= first && k-first < len(call.args) {
					to = call.args[k-first]
				}
				if read, ok := reached[b.parse(in)]; ok && !read.resource {
					to = e.lookAt(call, read.variable, to)
				}
			}
			if isMerge(n.Op) && t.nextIteration(b, in) {
				e.Back(from, to, places[i].frame)
				e.back[places[i].frame] = append(e.back[places[i].frame], [2]int{from, to})
			} else {
				e.Edge(from, to)
			}
		}
	}
	return e
}

func (t *tracer) nextIteration(b *body, in string) bool {
	n := b.node(b.parse(in).node)
	return n != nil && isNextIteration(n.Op)
}

// sourceOf returns the event that an input of a node waits for.
func (t *tracer) sourceOf(b *body, e *events, args map[string]int, in string) (int, bool) {
	from := b.parse(in)
	i, ok := b.index[from.node]
	if !ok {
		event, ok := args[from.node]
		return event, ok
	}
	call := e.calls[i]
	if call == nil {
		return i, true
	}
	if nodedef.IsControl(in) {
		return call.done, true
	}
	if k := t.resultIndex(b, b.nodes[i], from); k >= 0 && k < len(call.results) {
		return call.results[k], true
	}
	return i, true
}

// resultIndex returns which result of a called function a tensor is.
func (t *tracer) resultIndex(b *body, n *graphdef.NodeDef, from tensor) int {
	if fn := t.lib.functions[n.Op]; fn != nil && b.fn != nil {
		if k := slices.Index(resultNames(fn), from.arg); k >= 0 {
			return k + from.idx
		}
	}
	return from.idx
}

func (e *events) addCall(i int, whole bool, w *waits, args map[int]carrier) {
	c := &callEvents{access: map[string]int{}, overlap: map[string]bool{}}
	add := func() int {
		event := e.Add()
		e.Edge(i, event)
		return event
	}
	inputs := 0
	for k, row := range w.results {
		c.results = append(c.results, add())
		inputs = max(inputs, len(row))
		_ = k
	}
	for _, row := range w.before {
		inputs = max(inputs, len(row))
	}
	for range inputs {
		c.args = append(c.args, add())
	}
	for k, row := range w.results {
		for j, waiting := range row {
			if waiting {
				e.Edge(c.args[j], c.results[k])
			}
		}
	}
	for variable, row := range w.before {
		id := callerVariable(args, variable)
		at, ok := c.access[id]
		if !ok {
			at = add()
			c.access[id] = at
		}
		for j, waiting := range row {
			if waiting {
				e.Edge(c.args[j], at)
			}
		}
		for k, waiting := range w.after[variable] {
			if waiting {
				e.Edge(at, c.results[k])
			}
		}
	}
	for variable, overlap := range w.overlap {
		c.overlap[callerVariable(args, variable)] = overlap
	}
	c.other, c.done = add(), add()
	e.addDone(c, whole, w, args)
	e.calls[i] = c
}

// lookAt returns the event at which a call looks at a reference to pass its value on, before
// another event. TensorFlow puts a Switch or an Identity in the place of the call that does not
// wait for what the call waits for by a control edge.
func (e *events) lookAt(c *callEvents, variable string, before int) int {
	at, ok := c.access[variable]
	if !ok {
		at = e.Add()
		c.access[variable] = at
	}
	e.Edge(at, before)
	return at
}

// usedBy returns the events of node i after which it does not look at its inputs any more.
func (e *events) usedBy(i int) []int {
	if c := e.calls[i]; c != nil && len(c.results) > 0 {
		return c.results
	}
	return []int{e.end(i)}
}

// addDone says what a control edge from a call waits for: for the control outputs of the
// functions. Without any, and always for loops, it waits for the results. A branch without
// control outputs may run on, and a PartitionedCall may be replaced by what computes its results.
// A function that is called by its own name is awaited whole.
func (e *events) addDone(c *callEvents, whole bool, w *waits, args map[int]carrier) {
	if whole {
		e.Edge(c.other, c.done)
	}
	for variable := range w.before {
		if whole || w.ended[variable] {
			e.Edge(c.access[callerVariable(args, variable)], c.done)
		}
	}
	if w.awaited {
		for _, event := range c.results {
			e.Edge(event, c.done)
		}
	}
}

// callWaits returns what waits for what in a call. What cannot be known does not wait.
func (t *tracer) callWaits(b *body, n *graphdef.NodeDef, c *call, reached flow) *waits {
	args := c.arguments(b.frozenInputs(n, reached))
	var all []*waits
	for _, name := range c.functions {
		w := t.functionWaits(name, args)
		if w == nil {
			return &waits{}
		}
		all = append(all, w)
	}
	if len(all) == 0 {
		return &waits{}
	}
	if c.loop {
		return loopWaits(all[0], all[len(all)-1], n.Attr["parallel_iterations"].GetI() == 1)
	}
	merged := all[0]
	for _, w := range all[1:] {
		merged = merged.both(w)
	}
	return merged
}

// both returns what waits in either of two branches.
func (w *waits) both(o *waits) *waits {
	and := func(a, b []bool) []bool {
		out := make([]bool, min(len(a), len(b)))
		for i := range out {
			out[i] = a[i] && b[i]
		}
		return out
	}
	merge := func(a, b map[string][]bool) map[string][]bool {
		out := map[string][]bool{}
		for v, row := range a {
			out[v] = row
			if other, ok := b[v]; ok {
				out[v] = and(row, other)
			}
		}
		for v, row := range b {
			if _, ok := out[v]; !ok {
				out[v] = row
			}
		}
		return out
	}
	m := &waits{before: merge(w.before, o.before), after: merge(w.after, o.after), ended: map[string]bool{}, control: w.control || o.control}
	for v := range m.before {
		_, inW := w.before[v]
		_, inO := o.before[v]
		m.ended[v] = (w.ended[v] || !inW) && (o.ended[v] || !inO)
	}
	for k := range min(len(w.results), len(o.results)) {
		m.results = append(m.results, and(w.results[k], o.results[k]))
	}
	return m
}

// loopWaits returns what waits in a loop: each part of an iteration waits for the
// condition, and an iteration for the results of the one before.
//
// An iteration also waits for the control outputs of the one before, and for all of it if
// only one runs at a time.
func loopWaits(cond, body *waits, oneAtATime bool) *waits {
	n := len(body.results)
	var first []bool // what the condition waits for
	if len(cond.results) > 0 {
		first = cond.results[0]
	}
	w := &waits{before: map[string][]bool{}, after: map[string][]bool{}, ended: map[string]bool{}, overlap: map[string]bool{}, control: body.control}
	for k := range n {
		row := make([]bool, n)
		copy(row, first)
		row[k] = true // the result of a loop that ends at once
		w.results = append(w.results, row)
	}
	for v := range cond.before {
		w.before[v] = slices.Clone(cond.before[v])
		w.after[v] = make([]bool, n)
		decided := len(cond.after[v]) > 0 && cond.after[v][0]
		for k := range n {
			w.after[v][k] = decided
		}
	}
	for v, row := range body.before {
		merged := make([]bool, n)
		for j := range n {
			merged[j] = j < len(row) && row[j] || j < len(first) && first[j]
			if in, ok := cond.before[v]; ok {
				merged[j] = merged[j] && j < len(in) && in[j]
			}
		}
		w.before[v] = merged
		after := slices.Clone(body.after[v])
		if _, ok := cond.after[v]; ok {
			for k := range after {
				after[k] = after[k] && w.after[v][k]
			}
		}
		w.after[v] = after
		w.ended[v] = body.ended[v]
	}
	for v := range w.before {
		w.overlap[v] = !oneAtATime && !w.inTurn(v, cond, body, first)
	}
	return w
}

// inTurn reports whether all accesses to a variable in an iteration of a loop happen before
// those of the next one.
func (w *waits) inTurn(v string, cond, body *waits, first []bool) bool {
	if asked, ok := cond.after[v]; ok && (len(asked) == 0 || !asked[0]) {
		return false // the body may begin before the condition has looked at the variable
	}
	after, ok := body.after[v]
	if !ok || body.ended[v] {
		return true
	}
	asked, inCond := cond.before[v]
	for k := range after {
		has := func(row []bool) bool { return k < len(row) && row[k] }
		if after[k] && (has(body.before[v]) || has(first)) && (!inCond || has(asked)) {
			return true
		}
	}
	return false
}

// functionWaits returns what waits for what in a function, nil if that is not known.
func (t *tracer) functionWaits(name string, args map[int]carrier) *waits {
	fn := t.lib.functions[name]
	key := newCallKey(name, args)
	if known, ok := t.waits[key]; ok {
		return known // nil while the function is on the way
	}
	t.waits[key] = nil
	if fn == nil {
		return nil
	}
	b := newBody(fn.NodeDef, fn)
	reached, uses := flow{}, &accesses{}
	if traced := t.traced[key]; traced != nil {
		reached, uses = traced.reached, traced.uses
	}
	e := t.events(b, reached, b.places())
	inputs := make([]int, 0, len(fn.Signature.InputArg))
	for i := range fn.Signature.InputArg {
		inputs = append(inputs, len(b.nodes)+i)
	}
	argEvents := map[string]int{}
	for i, arg := range fn.Signature.InputArg {
		argEvents[arg.Name] = inputs[i]
	}
	w := &waits{before: map[string][]bool{}, after: map[string][]bool{}, ended: map[string]bool{}, control: len(fn.ControlRet) > 0}
	var controls []int
	for _, node := range fn.ControlRet {
		if i, ok := b.index[node]; ok {
			controls = append(controls, e.end(i))
		}
	}
	fromArg := make([]order.Events, len(inputs))
	for j, event := range inputs {
		fromArg[j] = e.After(event, "")
		fromArg[j].Add(event)
	}
	var results []int
	for _, arg := range fn.Signature.OutputArg {
		event, ok := t.sourceOf(b, e, argEvents, fn.Ret[arg.Name])
		if !ok {
			event = e.Add()
		}
		results = append(results, event)
		row := make([]bool, len(inputs))
		for j := range inputs {
			row[j] = ok && fromArg[j].Has(event)
		}
		w.results = append(w.results, row)
	}
	for variable, list := range uses.of {
		before, after := make([]bool, len(inputs)), make([]bool, len(results))
		for j := range before {
			before[j] = !slices.ContainsFunc(list, func(a *access) bool { return !fromArg[j].Has(e.at(a.node, variable)) })
		}
		for k := range after {
			after[k] = true
		}
		for _, a := range list {
			reach := e.After(e.at(a.node, variable), "")
			for k, event := range results {
				after[k] = after[k] && (reach.Has(event) || e.at(a.node, variable) == event)
			}
		}
		w.before[variable], w.after[variable] = before, after
		w.ended[variable] = !slices.ContainsFunc(list, func(a *access) bool {
			at := e.at(a.node, variable)
			reach := e.After(at, "")
			return !slices.ContainsFunc(controls, func(event int) bool { return reach.Has(event) || event == at })
		})
	}
	t.waits[key] = w
	return w
}
