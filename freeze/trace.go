package freeze

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// carrier is a tensor that used to be a variable (a handle or a reference) and becomes
// its value.
type carrier struct {
	dtype    dtype.DataType
	resource bool
	shape    knownShape // of the value that the variable has at the begin

	// variable identifies the variable within the body: variables of the graph by their
	// names, those of a function by the first argument that is the variable. It is
	// severalVariables if the tensor may be one of several.
	variable string
}

// severalVariables is the identity of a tensor that may be one of several variables.
const severalVariables = "?"

// or returns the carrier of a tensor that is either c or other.
func (c carrier) or(other carrier) carrier {
	if c.variable != other.variable {
		c.variable = severalVariables
	}
	if c.shape != other.shape {
		c.shape = ""
	}
	return c
}

// flow has the tensors of one body that frozen variables reach.
type flow map[tensor]carrier

// tracer follows variables through the graph and the functions that it calls.
type tracer struct {
	lib    *library
	traced map[callKey]*tracedFunc
	waits  map[callKey]*waits
	active map[string]bool // functions that are being traced
}

func newTracer(lib *library) *tracer {
	return &tracer{lib: lib, traced: map[callKey]*tracedFunc{}, waits: map[callKey]*waits{}, active: map[string]bool{}}
}

// callKey identifies a function together with the arguments that become values.
type callKey struct {
	name string
	args string
}

// tracedFunc describes a function that is called with some arguments as values.
type tracedFunc struct {
	reached flow
	results map[int]carrier // results that become values
	uses    *accesses
	frozen  map[string]string         // the variables whose last values are returned → the function that takes the values
	needs   map[string]*functionNeeds // the same → which values of variables the function needs
}

func newCallKey(name string, args map[int]carrier) callKey {
	var b strings.Builder
	for _, i := range slices.Sorted(maps.Keys(args)) {
		fmt.Fprintf(&b, "%d:%d:%t:%s:%s,", i, args[i].dtype, args[i].resource, argumentVariable(args, i), args[i].shape)
	}
	return callKey{name, b.String()}
}

// argumentVariable returns the identity, within a called function, of the variable that
// is passed as argument i: the first argument that is the same variable.
func argumentVariable(args map[int]carrier, i int) string {
	if args[i].variable == severalVariables {
		return severalVariables
	}
	first := i
	for k, c := range args {
		if k < first && c.variable == args[i].variable {
			first = k
		}
	}
	return "#" + strconv.Itoa(first)
}

// callerVariable returns the identity, within the caller, of a variable of a called
// function.
func callerVariable(args map[int]carrier, variable string) string {
	i, err := strconv.Atoi(strings.TrimPrefix(variable, "#"))
	if err != nil {
		return severalVariables
	}
	return args[i].variable
}

// trace returns all tensors of a body that variables reach, starting from seeds:
// variables of the graph, or arguments of the function.
func (t *tracer) trace(b *body, seeds flow) (flow, error) {
	reached := maps.Clone(seeds)
	consumers := b.consumers()
	var queue []int
	queued := map[int]bool{}
	push := func(from tensor) {
		for _, i := range consumers[from.node] {
			if !queued[i] {
				queued[i] = true
				queue = append(queue, i)
			}
		}
	}
	for from := range seeds {
		push(from)
	}
	slices.Sort(queue) // the order of a map must not decide which error comes first
	for len(queue) > 0 {
		i := queue[0]
		queue, queued[i] = queue[1:], false
		outs, err := t.carry(b, b.nodes[i], reached)
		if err != nil {
			return nil, err
		}
		for out, c := range outs {
			known, ok := reached[out]
			if ok {
				c = known.or(c)
			}
			if !ok || c != known {
				reached[out] = c
				push(out)
			}
		}
	}
	return reached, nil
}

// consumers returns, for each node name, the positions of the nodes that take data from
// the node.
func (b *body) consumers() map[string][]int {
	consumers := map[string][]int{}
	for i, n := range b.nodes {
		for _, in := range nodedef.DataInputs(n) {
			from := b.parse(in).node
			if known := consumers[from]; len(known) == 0 || known[len(known)-1] != i {
				consumers[from] = append(known, i)
			}
		}
	}
	return consumers
}

// frozenInputs returns the data inputs of n that carry variables, by position.
func (b *body) frozenInputs(n *graphdef.NodeDef, reached flow) map[int]carrier {
	var in map[int]carrier
	for i, name := range nodedef.DataInputs(n) {
		if c, ok := reached[b.parse(name)]; ok {
			if in == nil {
				in = map[int]carrier{}
			}
			in[i] = c
		}
	}
	return in
}

// carry returns the outputs of n that pass on a variable that reaches its inputs.
func (t *tracer) carry(b *body, n *graphdef.NodeDef, reached flow) (flow, error) {
	in := b.frozenInputs(n, reached)
	if len(in) == 0 {
		return nil, nil
	}
	if pass, ok := passOps[n.Op]; ok {
		return b.passed(n, pass, in), nil
	}
	if n.Op == "IdentityN" {
		out := flow{}
		for i, c := range in {
			if c.resource {
				out[b.output(n.Name, "output", i)] = c
			}
		}
		return out, nil
	}
	if c := t.lib.call(n); c != nil {
		return t.carryCall(b, n, c, c.arguments(in))
	}
	// A reference that is written and passed on: the result stays a reference.
	if c, ok := in[0]; ok && !c.resource && isReference(n.Op, 0) {
		if out := opdef.Builtin().Get(n.Op).GetOutputArg(); len(out) > 0 && out[0].IsRef {
			return flow{b.outputOf(n.Name, []string{out[0].Name}, 0): c}, nil
		}
	}
	return nil, nil
}

// passed returns the outputs of a node that passes one of its inputs on.
func (b *body) passed(n *graphdef.NodeDef, pass passOp, in map[int]carrier) flow {
	c := either(in)
	if !c.resource && !isRefOp(n.Op) {
		return nil // a plain operation reads a reference, so its output is a value anyway
	}
	out := flow{}
	for i := range pass.outputs {
		out[b.outputOf(n.Name, pass.outputs, i)] = c
	}
	return out
}

// either returns the carrier of an output that is one of some inputs. An operation passes
// on a single type.
func either(in map[int]carrier) carrier {
	positions := slices.Sorted(maps.Keys(in))
	c := in[positions[0]]
	for _, i := range positions {
		c = c.or(in[i])
	}
	return c
}

// carryCall returns the outputs of a call that pass on a variable among its arguments.
func (t *tracer) carryCall(b *body, n *graphdef.NodeDef, c *call, args map[int]carrier) (flow, error) {
	out := flow{}
	if c.loop {
		for i, carried := range args {
			out[b.output(n.Name, "output", i)] = carried
		}
	}
	for _, name := range c.functions {
		results, err := t.results(b, n, name, args)
		if err != nil {
			return nil, err
		}
		for i, carried := range results {
			at := b.output(n.Name, "output", i)
			if c.byName {
				at = b.outputOf(n.Name, resultNames(t.lib.functions[name]), i)
			}
			carried.variable = callerVariable(args, carried.variable)
			if known, ok := out[at]; ok {
				carried = known.or(carried)
			}
			out[at] = carried
		}
	}
	return out, nil
}

func resultNames(fn *function_go_proto.FunctionDef) []string {
	names := make([]string, len(fn.Signature.OutputArg))
	for i, arg := range fn.Signature.OutputArg {
		names[i] = arg.Name
	}
	return names
}

// results returns which results of a function, called by node n of caller, pass on the
// variables among its arguments.
func (t *tracer) results(caller *body, n *graphdef.NodeDef, name string, args map[int]carrier) (map[int]carrier, error) {
	if len(args) == 0 {
		return nil, nil
	}
	key := newCallKey(name, args)
	if known, ok := t.traced[key]; ok {
		return known.results, nil
	}
	fn := t.lib.functions[name]
	if fn == nil {
		return nil, nodeError(caller, n, tfkeep.ErrCorrupt, "it calls function %q, which the library lacks", name)
	}
	if t.active[name] {
		return nil, nodeError(caller, n, tfkeep.ErrCorrupt, "function %q calls itself", name)
	}
	t.active[name] = true
	defer delete(t.active, name)

	seeds := flow{}
	for i, c := range args {
		if i >= len(fn.Signature.InputArg) {
			return nil, nodeError(caller, n, tfkeep.ErrCorrupt, "it passes %d arguments to function %q, which takes %d",
				i+1, fn.Signature.Name, len(fn.Signature.InputArg))
		}
		c.variable = argumentVariable(args, i)
		seeds[tensor{node: fn.Signature.InputArg[i].Name}] = c
	}
	b := newBody(fn.NodeDef, fn)
	reached, err := t.trace(b, seeds)
	if err != nil {
		return nil, err
	}
	results := map[int]carrier{}
	for i, arg := range fn.Signature.OutputArg {
		if c, ok := reached[b.parse(fn.Ret[arg.Name])]; ok {
			results[i] = c
		}
	}
	uses, err := t.accesses(b, reached, nil)
	if err != nil {
		return nil, err
	}
	t.traced[key] = &tracedFunc{reached: reached, results: results, uses: uses, frozen: map[string]string{}, needs: map[string]*functionNeeds{}}
	return results, nil
}
