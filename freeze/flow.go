package freeze

import (
	"fmt"
	"sort"
	"strings"

	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
)

// A carrier is a tensor that used to be a variable (a handle or a reference)
// and becomes its value.
type carrier struct {
	dtype    typespb.DataType
	resource bool
}

// flow is where the frozen variables reach in one body.
type flow map[tensor]carrier

// callKey identifies a function together with the arguments that become values.
type callKey struct {
	name string
	args string
}

func argsKey(args map[int]carrier) string {
	keys := make([]int, 0, len(args))
	for i := range args {
		keys = append(keys, i)
	}
	sort.Ints(keys)
	var b strings.Builder
	for _, i := range keys {
		fmt.Fprintf(&b, "%d:%d:%t,", i, args[i].dtype, args[i].resource)
	}
	return b.String()
}

// trace follows variables through a body until nothing new is reached. seeds
// are the tensors to start from: variables of the graph, or arguments of the
// function.
func (f *freezer) trace(b *body, seeds flow) (flow, error) {
	reached := make(flow, len(seeds))
	for t, c := range seeds {
		reached[t] = c
	}
	consumers := map[string][]int{}
	for i, n := range b.nodes {
		for _, in := range dataInputs(n) {
			t, _ := b.parseInput(in)
			if k := len(consumers[t.node]); k == 0 || consumers[t.node][k-1] != i {
				consumers[t.node] = append(consumers[t.node], i)
			}
		}
	}
	var queue []int
	queued := map[int]bool{}
	push := func(t tensor) {
		for _, i := range consumers[t.node] {
			if !queued[i] {
				queued[i] = true
				queue = append(queue, i)
			}
		}
	}
	for t := range seeds {
		push(t)
	}
	sort.Ints(queue) // the order of a map must not decide which error is met first
	for len(queue) > 0 {
		i := queue[0]
		queue, queued[i] = queue[1:], false
		outs, err := f.carry(b, b.nodes[i], reached)
		if err != nil {
			return nil, err
		}
		for t, c := range outs {
			if _, ok := reached[t]; !ok {
				reached[t] = c
				push(t)
			}
		}
	}
	return reached, nil
}

// frozenInputs lists the data inputs of n that carry variables, by position.
func (b *body) frozenInputs(n *nodepb.NodeDef, reached flow) map[int]carrier {
	var in map[int]carrier
	for i, name := range dataInputs(n) {
		t, _ := b.parseInput(name)
		if c, ok := reached[t]; ok {
			if in == nil {
				in = map[int]carrier{}
			}
			in[i] = c
		}
	}
	return in
}

// carry tells which outputs of n hand on a variable that reaches its inputs.
func (f *freezer) carry(b *body, n *nodepb.NodeDef, reached flow) (flow, error) {
	in := b.frozenInputs(n, reached)
	if len(in) == 0 {
		return nil, nil
	}
	if p, ok := passOps[n.Op]; ok {
		c, ok := anyOf(in)
		if !ok || !c.resource && !isRefOp(n.Op) {
			return nil, nil // a plain operation reads a reference: from here on it is a value anyway
		}
		out := flow{}
		for i := range p.outputs {
			out[b.outputOf(n.Name, p.outputs, i)] = c
		}
		return out, nil
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
	if args, fns, loop, ok := f.call(n, in); ok {
		out := flow{}
		outArg := "output"
		if loop {
			for i, c := range args {
				out[b.output(n.Name, outArg, i)] = c
			}
			return out, nil
		}
		for _, name := range fns {
			res, err := f.results(b, n, name, args)
			if err != nil {
				return nil, err
			}
			fn := f.library[name]
			for i, c := range res {
				if n.Op == name { // called by its own name: outputs carry the names of the results
					names := make([]string, len(fn.Signature.OutputArg))
					for k, o := range fn.Signature.OutputArg {
						names[k] = o.Name
					}
					out[b.outputOf(n.Name, names, i)] = c
				} else {
					out[b.output(n.Name, outArg, i)] = c
				}
			}
		}
		return out, nil
	}
	// A reference that is written and handed on: the result stays a reference.
	if to, ok := writeOps[n.Op]; ok && to != "" {
		if c, ok := in[0]; ok && !c.resource {
			return flow{b.outputOf(n.Name, []string{"output_ref"}, 0): c}, nil
		}
	}
	return nil, nil
}

// anyOf returns a carrier of in; which does not matter, an operation passes only one type on.
func anyOf(in map[int]carrier) (carrier, bool) {
	least, found := 0, false
	for i := range in {
		if !found || i < least {
			least, found = i, true
		}
	}
	return in[least], found
}

// call tells whether n calls functions, and with which arguments turned to
// values. References are read at the call, so they end there.
func (f *freezer) call(n *nodepb.NodeDef, in map[int]carrier) (args map[int]carrier, fns []string, loop, ok bool) {
	first := 0
	if c, is := callOps[n.Op]; is {
		first, loop = c.first, c.loop
		for _, a := range c.funcs {
			if v := n.Attr[a]; v != nil {
				if fn := v.GetFunc(); fn != nil {
					fns = append(fns, fn.Name)
				}
				for _, fn := range v.GetList().GetFunc() {
					fns = append(fns, fn.Name)
				}
			}
		}
	} else if f.library[n.Op] != nil {
		fns = []string{n.Op}
	} else {
		return nil, nil, false, false
	}
	args = map[int]carrier{}
	for i, c := range in {
		if c.resource && i >= first {
			args[i-first] = c
		}
	}
	return args, fns, loop, true
}

// results tells which results of a function hand on the variables among its arguments.
func (f *freezer) results(caller *body, n *nodepb.NodeDef, name string, args map[int]carrier) (map[int]carrier, error) {
	if len(args) == 0 {
		return nil, nil
	}
	key := callKey{name, argsKey(args)}
	if r, ok := f.traced[key]; ok {
		return r.results, nil
	}
	fn := f.library[name]
	if fn == nil {
		return nil, &NodeError{Node: n.Name, Op: n.Op, Func: caller.funcName(), Err: ErrBadGraph,
			Text: fmt.Sprintf("calls function %q, which the library lacks", name)}
	}
	if f.active[name] {
		return nil, &NodeError{Node: n.Name, Op: n.Op, Func: caller.funcName(), Err: ErrBadGraph,
			Text: fmt.Sprintf("function %q calls itself", name)}
	}
	f.active[name] = true
	defer delete(f.active, name)

	b := newBody(fn.NodeDef, fn)
	seeds, err := argumentSeeds(caller, n, fn, args)
	if err != nil {
		return nil, err
	}
	reached, err := f.trace(b, seeds)
	if err != nil {
		return nil, err
	}
	res := map[int]carrier{}
	for i, o := range fn.Signature.OutputArg {
		t, _ := b.parseInput(fn.Ret[o.Name])
		if c, ok := reached[t]; ok {
			res[i] = c
		}
	}
	f.traced[key] = &tracedFunc{reached: reached, results: res}
	return res, nil
}

// argumentSeeds names the arguments of fn that become values.
func argumentSeeds(caller *body, n *nodepb.NodeDef, fn *functionpb.FunctionDef, args map[int]carrier) (flow, error) {
	seeds := flow{}
	for i, c := range args {
		if i >= len(fn.Signature.InputArg) {
			return nil, &NodeError{Node: n.Name, Op: n.Op, Func: caller.funcName(), Err: ErrBadGraph,
				Text: fmt.Sprintf("passes %d arguments to function %q, which takes %d", i+1, fn.Signature.Name, len(fn.Signature.InputArg))}
		}
		seeds[tensor{node: fn.Signature.InputArg[i].Name}] = c
	}
	return seeds, nil
}
