package command

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command/ui"
	"github.com/tfkeep/tfkeep/graphdef"
)

// showFunctions prints the functions that a program can call after it loads a model of
// TensorFlow 2, and what it calls them with, as saved_model_cli does. It prints nothing for
// a model without an object graph.
func (c *command) showFunctions(graphs []*graphdef.MetaGraphDef) {
	var mg *graphdef.MetaGraphDef
	for _, g := range graphs {
		if g.ObjectGraphDef != nil && mg == nil {
			mg = g
		}
	}
	if mg == nil {
		return
	}
	c.Printf("\nConcrete Functions:")
	found := false
	nodes := mg.ObjectGraphDef.Nodes
	if len(nodes) > 0 {
		order := loadOrder(mg.GraphDef.GetLibrary().GetFunction())
		children := slices.Clone(nodes[0].Children)
		slices.SortStableFunc(children, func(a, b *for_core_protos_go_proto.TrackableObjectGraph_TrackableObject_ObjectReference) int {
			return cmp.Compare(a.LocalName, b.LocalName)
		})
		for _, child := range children {
			if id := int(child.NodeId); id >= 0 && id < len(nodes) {
				found = c.showFunction(child.LocalName, nodes[id], mg.ObjectGraphDef.ConcreteFunctions, order) || found
			}
		}
	}
	if !found {
		c.Printf("\n") // ends the line of the heading
	}
}

// showFunction prints a function of the root object with its signatures. It returns false
// for an object of another kind.
func (c *command) showFunction(name string, object *for_core_protos_go_proto.SavedObject,
	concrete map[string]*for_core_protos_go_proto.SavedConcreteFunction, order map[string]int,
) bool {
	var keys []string
	switch {
	case object.GetFunction() != nil:
		keys = slices.Clone(object.GetFunction().ConcreteFunctions)
	case object.GetBareConcreteFunction() != nil:
		keys = []string{object.GetBareConcreteFunction().ConcreteFunctionName}
	default:
		return false
	}
	slices.SortStableFunc(keys, func(a, b string) int {
		return cmp.Or(cmp.Compare(plainFunction(a), plainFunction(b)), cmp.Compare(order[a], order[b]))
	})
	c.Printf("\n  Function Name: '%s'\n", ui.Clean(name))
	for i, key := range keys {
		// The signature is a tuple of the arguments and a dict of the named ones.
		both := concrete[key].GetCanonicalizedInputSignature().GetTupleValue().GetValues()
		if len(both) != 2 {
			continue
		}
		args := both[0].GetTupleValue().GetValues()
		named := slices.Sorted(maps.Keys(both[1].GetDictValue().GetFields()))
		if len(args) > 0 {
			c.Printf("    Option #%d\n      Callable with:\n", i+1)
		}
		for n, arg := range args {
			c.Printf("        Argument #%d\n", n+1)
			c.showArgument(arg)
		}
		for n, key := range named {
			c.Printf("        Named Argument #%d\n          %s\n", n+1, ui.Clean(key))
		}
	}
	return true
}

func (c *command) showArgument(v *for_core_protos_go_proto.StructuredValue) {
	const indent = "          "
	kind, text := pythonValue(v)
	switch {
	case kind == "str":
		c.Printf("%s%s\n", indent, ui.Clean(v.GetStringValue()))
	case kind == "TensorSpec":
		c.Printf("%s%s: %s\n", indent, ui.Clean(specName(v)), ui.Clean(text))
	default:
		c.Printf("%sDType: %s\n%sValue: %s\n", indent, kind, indent, ui.Clean(printed(v, text)))
	}
}

// printed returns a value as saved_model_cli prints it. It prints the elements of a list or
// tuple in brackets, and tries to take back the last comma with backspaces, which are left
// out here.
func printed(v *for_core_protos_go_proto.StructuredValue, text string) string {
	if t := v.GetTupleValue(); t != nil {
		return "[" + strings.Join(pythonValues(t.Values), ", ") + "]"
	}
	return text
}

var functionNumber = regexp.MustCompile(`_\d+$`)

// plainFunction returns a function's name without the number at its end, which is another
// one after loading.
func plainFunction(name string) string { return functionNumber.ReplaceAllString(name, "") }

// loadOrder returns the place of each function in the order in which Python loads them,
// and so numbers them: the last of the library first, each after the functions that it
// calls. See _sort_function_defs in tensorflow/python/saved_model/function_deserialization.py.
func loadOrder(functions []*graphdef.FunctionDef) map[string]int {
	names := map[string]bool{}
	for _, f := range functions {
		names[f.GetSignature().GetName()] = true
	}
	callers, waiting := map[string][]string{}, map[string]int{}
	for _, f := range functions {
		name := f.GetSignature().GetName()
		for called := range calledFunctions(f, names) {
			callers[called] = append(callers[called], name)
			waiting[name]++
		}
	}
	var ready []string
	for _, f := range functions {
		if name := f.GetSignature().GetName(); waiting[name] == 0 {
			ready = append(ready, name)
		}
	}
	order := map[string]int{}
	for len(ready) > 0 {
		last := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		order[last] = len(order)
		for _, caller := range callers[last] {
			if waiting[caller]--; waiting[caller] == 0 {
				ready = append(ready, caller)
			}
		}
	}
	return order
}

// calledFunctions returns the functions of a library that the nodes of a function name.
func calledFunctions(f *graphdef.FunctionDef, names map[string]bool) map[string]bool {
	called := map[string]bool{}
	for _, n := range f.NodeDef {
		if names[n.Op] {
			called[n.Op] = true
			continue
		}
		for _, a := range n.Attr {
			if fn := a.GetFunc(); fn != nil {
				called[fn.Name] = true
			}
			for _, fn := range a.GetList().GetFunc() {
				called[fn.Name] = true
			}
		}
	}
	maps.DeleteFunc(called, func(name string, _ bool) bool { return !names[name] })
	return called
}

// pythonValues returns values as they stand in Python's print of a list.
func pythonValues(values []*for_core_protos_go_proto.StructuredValue) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		_, texts[i] = pythonValue(v)
	}
	return texts
}

// specName returns the name of a tensor's spec, None if it has none.
func specName(v *for_core_protos_go_proto.StructuredValue) string {
	name := v.GetTensorSpecValue().GetName()
	if b := v.GetBoundedTensorSpecValue(); b != nil {
		name = b.GetName()
	}
	return cmp.Or(name, "None")
}

func quoted(s string) string { return fmt.Sprintf("'%s'", s) }
