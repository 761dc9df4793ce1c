package freeze

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	opdefpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"

	"github.com/tfkeep/tfkeep"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
)

// A call whose functions change a variable returns the new value. A loop has a result for each
// argument already; other calls get one more result.

// carryCallResult returns the tensor with the value that a call leaves in a variable.
func (c *carrying) carryCallResult(a *access, variable string, call *call) (string, error) {
	n := c.nodes[a.node]
	args := call.arguments(c.frozenInputs(n, c.reached))
	if call.loop {
		uses := c.traced[newCallKey(call.functions[0], args)].uses
		for k := range args {
			if args[k].variable == variable && uses.written[argumentVariable(args, k)] {
				return "", nodeError(c.body, n, tfkeep.ErrUnsupported, "the condition of the loop changes %s; %s", c.describe(variable), orderRemedy)
			}
		}
		if c.events.calls[a.node].overlap[variable] {
			return "", c.overlapping(a.node, variable)
		}
		c.loopValues[a.node] = append(c.loopValues[a.node], variable)
		k := slices.Min(a.inputs)
		return c.nameOf(c.output(n.Name, "output", k)), nil
	}
	c.demands[a.node] = append(c.demands[a.node], variable)
	extra := len(c.demands[a.node]) - 1
	if !call.byName {
		t := c.output(n.Name, "output", len(n.Attr["Tout"].GetList().GetType())+extra)
		c.reached[t] = c.carrierOf(variable)
		return c.nameOf(t), nil
	}
	names := resultNames(c.lib.functions[n.Op])
	for _, v := range c.demands[a.node] {
		names = append(names, resultOf(argumentIdentity(args, v)))
	}
	t := c.outputOf(n.Name, names, len(names)-1)
	c.reached[t] = c.carrierOf(variable)
	return c.nameOf(t), nil
}

// visitCall lets a call take the values that its functions need. What they need depends on
// what they return, and a loop returns what it needs and changes.
func (c *carrying) visitCall(i int, call *call) error {
	for {
		before := len(c.loopValues[i]) + len(c.demands[i])
		needs, err := c.callNeeds(i, call)
		if err != nil {
			return err
		}
		for _, variable := range slices.Sorted(maps.Keys(c.at[i])) {
			a := c.at[i][variable]
			if !needs[variable] {
				continue
			}
			if err := c.replace(a, variable); err != nil {
				return err
			}
			if _, known := c.computed[i][variable]; call.loop && a.writes && !known {
				if _, err := c.newValue(a, variable); err != nil {
					return err
				}
			}
		}
		if len(c.loopValues[i])+len(c.demands[i]) == before {
			return nil
		}
	}
}

// overlapping refuses a loop of which two iterations may access a variable at the same time.
func (c *carrying) overlapping(i int, variable string) error {
	return nodeError(c.body, c.nodes[i], tfkeep.ErrUnsupported,
		"the graph does not say whether an iteration changes %s before the next one uses it; build the loop with parallel_iterations=1, or add control dependencies; %s",
		c.describe(variable), orderRemedy)
}

// callNeeds returns the variables whose values a call needs.
func (c *carrying) callNeeds(i int, call *call) (map[string]bool, error) {
	n := c.nodes[i]
	in := c.frozenInputs(n, c.reached)
	args := call.arguments(in)
	needs := map[string]bool{}
	for _, carried := range in {
		if !carried.resource { // read at the call
			needs[carried.variable] = true
		}
	}
	if len(args) == 0 {
		return needs, nil
	}
	for _, name := range call.functions {
		of, err := c.needs(c.body, n, name, args, c.finals(i, call, name, args))
		if err != nil {
			return nil, err
		}
		for variable := range of.initial {
			needs[callerVariable(args, variable)] = true
		}
		for variable := range of.used {
			variable = callerVariable(args, variable)
			if c.events.calls[i].overlap[variable] {
				return nil, c.overlapping(i, variable)
			}
			c.used[variable] = true
		}
	}
	return needs, nil
}

// functionNeeds says what a function does with the values of variables.
type functionNeeds struct {
	initial map[string]bool // it needs the values that they have at the call
	used    map[string]bool // it needs values that they have while it runs, and changes them
}

// needs returns the variables whose values a function needs that returns the last values of
// some. It carries values in a copy of the function that is thrown away.
func (r *rewriter) needs(caller *body, n *graphdef.NodeDef, name string, args map[int]carrier, finals []string) (*functionNeeds, error) {
	if _, err := r.results(caller, n, name, args); err != nil {
		return nil, err
	}
	traced := r.traced[newCallKey(name, args)]
	key := strings.Join(finals, ",")
	if known, ok := traced.needs[key]; ok {
		return known, nil
	}
	needs := &functionNeeds{initial: map[string]bool{}}
	for variable := range traced.uses.of {
		if reads, _ := traced.uses.summary(variable); reads && !traced.uses.written[variable] {
			needs.initial[variable] = true
		}
	}
	if len(traced.uses.written)+len(finals) > 0 {
		b := newOwnBody(proto.Clone(r.lib.functions[name]).(*function_go_proto.FunctionDef))
		w := (&rewriter{tracer: r.tracer, report: &Report{}}).rewriting(b, traced.reached, nil)
		w.dry = true
		if err := w.carry(traced.uses, r.functionRoots(b), finals); err != nil {
			return nil, err
		}
		maps.Copy(needs.initial, w.needed)
		needs.used = w.used
	}
	traced.needs[key] = needs
	return needs, nil
}

// argumentIdentity returns the identity, within a called function, of a variable of the
// caller.
func argumentIdentity(args map[int]carrier, variable string) string {
	for k, carried := range args {
		if carried.variable == variable {
			return argumentVariable(args, k)
		}
	}
	return severalVariables
}

// argumentOf returns the position of the argument that is a variable of a function.
func argumentOf(variable string) int {
	i, _ := strconv.Atoi(strings.TrimPrefix(variable, "#"))
	return i
}

// resultOf returns the name of the result that has the last value of a variable.
func resultOf(variable string) string { return "carried_" + strconv.Itoa(argumentOf(variable)) }

// finals returns the variables whose values a call needs from its functions, as they
// are known there.
func (w *rewriting) finals(i int, c *call, name string, args map[int]carrier) []string {
	var finals []string
	if c.loop {
		if name != c.functions[len(c.functions)-1] || w.loopValues[i] == nil {
			return nil
		}
		for _, variable := range w.loopValues[i] {
			finals = append(finals, argumentIdentity(args, variable))
		}
		return finals
	}
	for _, variable := range w.demands[i] {
		finals = append(finals, argumentIdentity(args, variable))
	}
	return finals
}

// addResults adds the results of a call that return the new values of variables.
func (w *rewriting) addResults(i int) {
	n := w.nodes[i]
	shapes := n.Attr["output_shapes"].GetList()
	for _, variable := range w.demands[i] {
		list := n.Attr["Tout"].GetList()
		if list == nil {
			continue
		}
		list.Type = append(list.Type, w.variableType(variable))
		if len(shapes.GetShape()) > 0 {
			shapes.Shape = append(shapes.Shape, &tensor_shape_go_proto.TensorShapeProto{UnknownRank: true})
		}
	}
}

func (w *rewriting) variableType(variable string) dtype.DataType {
	for _, c := range w.reached {
		if c.variable == variable {
			return c.dtype
		}
	}
	return 0
}

// returnFinals makes a function return the last values of variables: a loop's body in the
// place of the variables, another function in more results.
func returnFinals(fn *function_go_proto.FunctionDef, args map[int]carrier, finals []string, values map[string]string, loop bool, dtypes func(string) dtype.DataType) {
	if fn.Ret == nil && len(finals) > 0 {
		fn.Ret = map[string]string{}
	}
	for _, variable := range finals {
		value := values[variable]
		if loop {
			for k := range args {
				if argumentVariable(args, k) == variable && k < len(fn.Signature.OutputArg) {
					fn.Ret[fn.Signature.OutputArg[k].Name] = value
				}
			}
			continue
		}
		name := resultOf(variable)
		fn.Signature.OutputArg = append(fn.Signature.OutputArg, &opdefpb.OpDef_ArgDef{Name: name, Type: dtypes(variable)})
		fn.Ret[name] = value
	}
}
