package summary

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Object is a Python object of a TensorFlow 2 model: a module, a layer, a list, a variable or a
// function. Several names may lead to it; it is listed under the shortest one.
type Object struct {
	ID     int    `json:"id"`     // its position in the file; 0 is the root
	Parent int    `json:"parent"` // -1 for the root
	Depth  int    `json:"depth"`  // 0 for the root
	Name   string `json:"name"`   // the attribute of the parent
	Kind   string `json:"kind"`   // "object", "variable", "function", "resource", "asset", "constant" or "captured tensor"
	// Class is what the program registered for the type of an object, such as
	// "_tf_keras_layer" or "trackable_list_wrapper"; "" for "_generic_user_object".
	Class    string          `json:"class,omitempty"`
	Variable *ObjectVariable `json:"variable,omitempty"`
	// Functions are the traces of a function, keys of MetaGraph.Traces.
	Functions []string `json:"functions,omitempty"`
	// SlotOf is the variable for which an optimizer keeps this one, and 0 if there is none.
	SlotOf int `json:"slot_of,omitempty"`
	// Holds counts the variables, functions, resources and assets that are the object or
	// below it.
	Holds int `json:"holds"`
}

// ObjectVariable is the variable of an object.
type ObjectVariable struct {
	Name      string  `json:"name,omitempty"` // in the program; variables may have equal names
	DType     string  `json:"dtype"`
	Shape     []int64 `json:"shape"` // as in Tensor
	Trainable bool    `json:"trainable"`
}

// Trace is a tf.function as it was traced for some arguments. The texts are short.
type Trace struct {
	Inputs []string `json:"inputs"` // "x float32 [?, 64]", "training=True"
	Output string   `json:"output"` // "{loss: float32 []}"
}

// objects returns the objects that lead from the root of a model of TensorFlow 2, each below
// its parent: functions first, then variables, then the others, by name.
func objects(graph *for_core_protos_go_proto.SavedObjectGraph) []Object {
	nodes := graph.GetNodes()
	if len(nodes) == 0 {
		return nil
	}
	all := spanning(nodes)
	below := make([][]int, len(nodes)) // children in the tree
	for _, at := range all[1:] {
		below[at.Parent] = append(below[at.Parent], at.ID)
	}
	place := make([]int, len(nodes))
	for i, o := range all {
		place[o.ID] = i
	}
	// Parents come before their children in all.
	for _, o := range slices.Backward(all) {
		if o.Parent >= 0 {
			all[place[o.Parent]].Holds += all[place[o.ID]].Holds
		}
	}
	list := make([]Object, 0, len(all))
	for stack := []int{0}; len(stack) > 0; {
		o := all[place[stack[len(stack)-1]]]
		stack = stack[:len(stack)-1]
		list = append(list, o)
		children := below[o.ID]
		slices.SortStableFunc(children, func(a, b int) int {
			x, y := &all[place[a]], &all[place[b]]
			return cmp.Or(cmp.Compare(rank(x.Kind), rank(y.Kind)), compareNames(x.Name, y.Name))
		})
		for _, c := range slices.Backward(children) {
			stack = append(stack, c)
		}
	}
	return list
}

// rank orders the kinds of objects.
func rank(kind string) int {
	switch kind {
	case "function":
		return 0
	case "variable":
		return 1
	}
	return 2
}

// compareNames compares the names of attributes: public ones first, and the elements of a list
// by their numbers.
func compareNames(a, b string) int {
	if p, q := strings.HasPrefix(a, "_"), strings.HasPrefix(b, "_"); p != q {
		if q {
			return -1
		}
		return 1
	}
	if isNumber(a) && isNumber(b) {
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	}
	return cmp.Compare(a, b)
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// spanning returns the objects that can be reached from the root in the order of their
// distance, and the slots of optimizers that no name leads to.
func spanning(nodes []*for_core_protos_go_proto.SavedObject) []Object {
	seen := make([]bool, len(nodes))
	var all []Object
	add := func(id int32, parent *Object, name string) {
		if id < 0 || int(id) >= len(nodes) || seen[id] {
			return
		}
		seen[id] = true
		o := Object{ID: int(id), Parent: -1, Name: name}
		if parent != nil {
			o.Parent, o.Depth = parent.ID, parent.Depth+1
		}
		o.describe(nodes[id])
		all = append(all, o)
	}
	walk := func(from int) {
		for i := from; i < len(all); i++ {
			o := all[i]
			children := slices.Clone(nodes[o.ID].GetChildren())
			slices.SortStableFunc(children, func(a, b *for_core_protos_go_proto.TrackableObjectGraph_TrackableObject_ObjectReference) int {
				return compareNames(a.GetLocalName(), b.GetLocalName())
			})
			for _, c := range children {
				add(c.GetNodeId(), &o, c.GetLocalName())
			}
		}
	}
	add(0, nil, "")
	walk(0)
	reached := len(all)
	for i := range reached {
		o := all[i]
		for _, s := range nodes[o.ID].GetSlotVariables() {
			before := len(all)
			add(s.GetSlotVariableNodeId(), &o, s.GetSlotName())
			if len(all) > before && s.GetOriginalVariableNodeId() > 0 {
				all[before].SlotOf = int(s.GetOriginalVariableNodeId())
			}
		}
	}
	walk(reached)
	return all
}

func (o *Object) describe(n *for_core_protos_go_proto.SavedObject) {
	o.Holds = 1
	switch k := n.GetKind().(type) {
	case *for_core_protos_go_proto.SavedObject_Variable:
		v := k.Variable
		o.Kind, o.Variable = "variable", &ObjectVariable{Name: v.GetName(), DType: dtype.Constant(v.GetDtype()), Trainable: v.GetTrainable()}
		o.Variable.Shape, _ = nodedef.Dims(v.GetShape())
	case *for_core_protos_go_proto.SavedObject_Function:
		o.Kind, o.Functions = "function", k.Function.GetConcreteFunctions()
		o.Holds = min(1, len(o.Functions)) // one without a trace cannot be called
	case *for_core_protos_go_proto.SavedObject_BareConcreteFunction:
		o.Kind, o.Functions = "function", []string{k.BareConcreteFunction.GetConcreteFunctionName()}
	case *for_core_protos_go_proto.SavedObject_Resource:
		o.Kind = "resource"
	case *for_core_protos_go_proto.SavedObject_Asset:
		o.Kind = "asset"
	case *for_core_protos_go_proto.SavedObject_Constant:
		o.Kind, o.Holds = "constant", 0
	case *for_core_protos_go_proto.SavedObject_CapturedTensor:
		o.Kind, o.Holds = "captured tensor", 0
	default:
		o.Kind, o.Holds = "object", 0
		if o.Class = n.GetUserObject().GetIdentifier(); o.Class == "_generic_user_object" {
			o.Class = ""
		}
	}
}

// traces describes the functions of an object graph.
func traces(graph *for_core_protos_go_proto.SavedObjectGraph) map[string]Trace {
	all := make(map[string]Trace, len(graph.GetConcreteFunctions()))
	for name, f := range graph.GetConcreteFunctions() {
		t := Trace{Inputs: []string{}}
		// The signature is a tuple of the arguments and a dict of the named ones.
		both := f.GetCanonicalizedInputSignature().GetTupleValue().GetValues()
		if len(both) == 2 {
			for _, v := range both[0].GetTupleValue().GetValues() {
				t.Inputs = append(t.Inputs, argument(v))
			}
			named := both[1].GetDictValue().GetFields()
			for _, key := range slices.Sorted(maps.Keys(named)) {
				t.Inputs = append(t.Inputs, short(key+"="+text(named[key], 0)))
			}
		}
		t.Output = short(text(f.GetOutputSignature(), 0))
		all[name] = t
	}
	return all
}

// argument is the text of an argument, with the name that a tensor has.
func argument(v *for_core_protos_go_proto.StructuredValue) string {
	if name := v.GetTensorSpecValue().GetName(); name != "" {
		return short(name + " " + text(v, 0))
	}
	return short(text(v, 0))
}
