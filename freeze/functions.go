package freeze

import (
	"fmt"

	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"google.golang.org/protobuf/proto"
)

// tracedFunc is what is known of a function called with some arguments as values.
type tracedFunc struct {
	reached flow
	results map[int]carrier
	name    string // of the copy, once it is made
}

// specialise makes the copy of a function whose arguments args are values
// instead of handles, once for each such set of arguments, and returns its name.
func (f *freezer) specialise(caller *body, n *nodepb.NodeDef, name string, args map[int]carrier) (string, error) {
	res, err := f.results(caller, n, name, args)
	if err != nil {
		return "", err
	}
	tr := f.traced[callKey{name, argsKey(args)}]
	if tr.name != "" {
		return tr.name, nil
	}
	fn := proto.Clone(f.library[name]).(*functionpb.FunctionDef)
	of := name
	if f.lifted[name] != "" {
		of = f.lifted[name]
	}
	tr.name = f.freeName(of, "frozen")
	fn.Signature.Name = tr.name
	for i, c := range args {
		a := fn.Signature.InputArg[i]
		a.Type, a.TypeAttr, a.HandleData = c.dtype, "", nil
		delete(fn.ArgAttr, uint32(i))
		delete(fn.ResourceArgUniqueId, uint32(i))
	}
	for i, c := range res {
		o := fn.Signature.OutputArg[i]
		o.Type, o.TypeAttr, o.HandleData = c.dtype, "", nil
	}
	b := newBody(fn.NodeDef, fn)
	for i := range b.nodes {
		b.cloned[i] = true
	}
	keep := map[string]bool{}
	if err := f.rewrite(b, tr.reached, keep); err != nil {
		return "", err
	}
	fn.NodeDef = b.nodes
	for _, c := range fn.Signature.ControlOutput {
		if _, ok := fn.ControlRet[c]; !ok { // the write that it stood for is gone
			fn.Signature.ControlOutput = withoutControl(fn.Signature.ControlOutput, fn.ControlRet)
			break
		}
	}
	f.copies = append(f.copies, fn)
	return tr.name, nil
}

func withoutControl(names []string, have map[string]string) []string {
	var kept []string
	for _, n := range names {
		if _, ok := have[n]; ok {
			kept = append(kept, n)
		}
	}
	return kept
}

// freeName finds a name for a copy: NAME_frozen_0, NAME_frozen_1, …
func (f *freezer) freeName(name, what string) string {
	for i := 0; ; i++ {
		c := fmt.Sprintf("%s_%s_%d", name, what, i)
		if f.library[c] == nil && !f.copyNames[c] {
			f.copyNames[c] = true
			return c
		}
	}
}
