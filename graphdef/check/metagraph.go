package check

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/internal/ports"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/collectiondef"
)

// MetaGraph returns every fault of a meta graph as one [*Error], or nil if it finds none:
// those of its graph, as [Graph], those of its collections, and what keeps a Saver from being
// made of it. It refuses what TensorFlow's import_meta_graph refuses, except for what needs
// shape inference.
//
// It is stricter in these cases, where TensorFlow imports something that fails, or does
// something else than is meant, when it is used:
//
//   - an index of an output that is not plainly written: "v:-1" (the last output in
//     Python), "v: 0", "v:00"
//   - a variable whose handle, value or initial value is an operation and not a tensor, whose
//     initializer is a tensor, or whose is_resource is not what its node says
//   - a SaverDef without filename_tensor_name, or that names nodes which the graph lacks
func MetaGraph(mg *graphdef.MetaGraphDef, o *Options) error {
	if o == nil {
		o = &Options{}
	}
	c := newChecker(mg.GetGraphDef(), o)
	c.checkGraph(mg.GetGraphDef(), o)
	c.checkMetaGraph(mg, nil)
	c.checkSaver(mg)
	return c.result()
}

// CollectionOptions configures [Collections].
type CollectionOptions struct {
	// Ops are the known op definitions; nil means opdef.Builtin.
	Ops *opdef.Set
	// Keys selects the collections to check. Nil means all.
	Keys func(key string) bool
	// Outputs returns how many outputs a node has that comes from outside of the meta
	// graph, by its name. Nil means that there are none.
	Outputs func(node string) (n int, ok bool)
	// Saver also finds what keeps a Saver from being made of the meta graph.
	Saver bool
}

// Collections finds the faults of a meta graph's collections, and not those of its graph. It
// is for a program that checks the graph otherwise.
func Collections(mg *graphdef.MetaGraphDef, o *CollectionOptions) error {
	if o == nil {
		o = &CollectionOptions{}
	}
	c := newChecker(mg.GetGraphDef(), &Options{Ops: o.Ops})
	c.outputs = o.Outputs
	for _, f := range mg.GetGraphDef().GetLibrary().GetFunction() {
		c.functions[f.GetSignature().GetName()] = f
	}
	c.checkMetaGraph(mg, o.Keys)
	if o.Saver {
		c.checkSaver(mg)
	}
	return c.result()
}

func (c *checker) addItem(format string, args ...any) {
	c.faults = append(c.faults, Fault{Collection: c.collection, Detail: fmt.Sprintf(format, args...), kind: tfkeep.ErrCorrupt})
}

// checkMetaGraph checks the collections and the SaverDef.
func (c *checker) checkMetaGraph(mg *graphdef.MetaGraphDef, wanted func(string) bool) {
	c.nodes = make(map[string]*graphdef.NodeDef, len(mg.GetGraphDef().GetNode()))
	for _, n := range mg.GetGraphDef().GetNode() {
		c.nodes[n.GetName()] = n
	}
	if v := mg.GetMetaInfoDef().GetTensorflowVersion(); wanted == nil && v != "" && !isVersion(v) {
		c.addItem("tensorflow_version %q is not a version", v)
	}
	for _, key := range slices.Sorted(maps.Keys(mg.GetCollectionDef())) {
		if wanted == nil || wanted(key) {
			c.collection = key
			c.checkCollection(key, mg.GetCollectionDef()[key])
		}
	}
	c.collection = ""
}

// checkSaver finds what keeps a Saver from being made of the meta graph.
func (c *checker) checkSaver(mg *graphdef.MetaGraphDef) {
	def := mg.GetSaverDef()
	if def == nil {
		c.checkNewSaver(mg)
		return
	}
	for _, name := range []string{def.GetFilenameTensorName(), def.GetSaveTensorName(), def.GetRestoreOpName()} {
		c.element("the SaverDef", name)
	}
}

// version is what Python's packaging.version takes.
var version = regexp.MustCompile(`(?i)^\s*v?(\d+!)?\d+(\.\d+)*([-_.]?(a|b|c|rc|alpha|beta|pre|preview)[-_.]?\d*)?` +
	`(-\d+|[-_.]?(post|rev|r)[-_.]?\d*)?([-_.]?dev[-_.]?\d*)?(\+[a-z0-9]+([-_.][a-z0-9]+)*)?\s*$`)

func isVersion(s string) bool { return version.MatchString(s) }

func (c *checker) checkCollection(key string, def *for_core_protos_go_proto.CollectionDef) {
	if key == collectiondef.UnboundInputs {
		c.checkUnbound(def)
		return
	}
	for _, name := range def.GetNodeList().GetValue() {
		c.element("an item", name)
	}
	for i, data := range def.GetBytesList().GetValue() {
		m := collectiondef.NewMessage(key)
		if m == nil {
			return
		}
		if err := proto.Unmarshal(data, m); err != nil {
			c.addItem("item %d is not a %s: its bytes do not parse", i, m.ProtoReflect().Descriptor().Name())
			continue
		}
		c.checkMessage(i, m)
	}
}

func (c *checker) checkUnbound(def *for_core_protos_go_proto.CollectionDef) {
	if def.GetKind() == nil || collectiondef.Len(def) > len(def.GetBytesList().GetValue())+len(def.GetNodeList().GetValue()) {
		c.addItem("its items are not names of inputs")
		return
	}
	names := slices.Clone(def.GetNodeList().GetValue())
	for _, name := range def.GetBytesList().GetValue() {
		names = append(names, string(name))
	}
	if len(names) > 0 {
		c.addItem("the graph has unbound inputs: %s; provide them in the InputMap of an import", strings.Join(names, ", "))
	}
}

func (c *checker) checkMessage(i int, m proto.Message) {
	switch m := m.(type) {
	case *graphdef.VariableDef:
		c.checkVariable(i, m)
	case *for_core_protos_go_proto.QueueRunnerDef:
		c.checkQueueRunner(i, m)
	case *for_core_protos_go_proto.CondContextDef:
		c.checkCond(m, 0)
	case *for_core_protos_go_proto.WhileContextDef:
		c.checkWhile(m, 0)
	case *graphdef.SaverDef:
		c.checkSaverDef(m)
	}
}

func (c *checker) checkSaverDef(def *graphdef.SaverDef) {
	switch {
	case def.GetSaveTensorName() == "":
		c.addItem("a SaverDef must specify the save_tensor_name")
	case def.GetRestoreOpName() == "":
		c.addItem("a SaverDef must specify the restore_op_name")
	}
}

// maxCode is the highest status code that TensorFlow has an exception for.
const maxCode = 16

func (c *checker) checkQueueRunner(i int, def *for_core_protos_go_proto.QueueRunnerDef) {
	what := fmt.Sprintf("queue runner %d", i)
	if def.GetQueueName() != "" {
		what += fmt.Sprintf(" (of %s)", def.GetQueueName())
	}
	for _, name := range append([]string{def.GetQueueName(), def.GetCloseOpName(), def.GetCancelOpName()}, def.GetEnqueueOpName()...) {
		c.element(what, name)
	}
	for _, code := range def.GetQueueClosedExceptionTypes() {
		if code < 1 || code > maxCode {
			c.addItem("%s ends with the status code %d, which is not that of an error", what, code)
		}
	}
}

// maxContexts bounds how deep contexts nest; deeper messages do not parse.
const maxContexts = 100

func (c *checker) checkCond(def *for_core_protos_go_proto.CondContextDef, nesting int) {
	what := fmt.Sprintf("the context of the conditional %q", def.GetContextName())
	c.element(what, def.GetPredName())
	c.element(what, def.GetPivotName())
	c.checkContext(what, def.GetValuesDef(), def.GetNestedContexts(), nesting)
}

func (c *checker) checkWhile(def *for_core_protos_go_proto.WhileContextDef, nesting int) {
	what := fmt.Sprintf("the context of the loop %q", def.GetContextName())
	names := []string{def.GetPivotForPredName(), def.GetPivotForBodyName(), def.GetPivotName()}
	if def.GetMaximumIterationsName() != "" {
		names = append(names, def.GetMaximumIterationsName())
	}
	for _, name := range slices.Concat(names, def.GetLoopExitNames(), def.GetLoopEnterNames()) {
		c.element(what, name)
	}
	c.checkContext(what, def.GetValuesDef(), def.GetNestedContexts(), nesting)
}

// checkContext checks what the contexts of conditionals and loops have in common. A value
// whose name is a key of external_values may be gone.
func (c *checker) checkContext(what string, values *for_core_protos_go_proto.ValuesDef, nested []*for_core_protos_go_proto.ControlFlowContextDef, nesting int) {
	for _, key := range slices.Sorted(maps.Keys(values.GetExternalValues())) {
		c.element(what, values.GetExternalValues()[key])
	}
	for _, value := range values.GetValues() {
		if _, external := values.GetExternalValues()[value]; !external {
			node, _, _ := strings.Cut(value, ":") // TensorFlow looks at the node only
			c.element(what, node)
		}
	}
	for _, n := range nested {
		switch {
		case nesting == maxContexts:
			c.addItem("%s has more than %d contexts in each other", what, maxContexts)
		case n.GetCondCtxt() != nil:
			c.checkCond(n.GetCondCtxt(), nesting+1)
		case n.GetWhileCtxt() != nil:
			c.checkWhile(n.GetWhileCtxt(), nesting+1)
		default:
			c.addItem("%s has a nested context of an unknown kind", what)
		}
	}
}

// element adds a fault if name is not that of a node, or of a tensor of a node. It returns the
// node if it is one of the meta graph, and whether name is a tensor's.
func (c *checker) element(what, name string) (n *graphdef.NodeDef, isTensor, ok bool) {
	node, index, isTensor := strings.Cut(name, ":")
	port := 0
	if isTensor {
		var err error
		if port, err = strconv.Atoi(index); err != nil || strconv.Itoa(port) != index || port < 0 {
			c.addItem("%s names %q, which is not the name of a tensor, as in \"node:0\"", what, name)
			return nil, true, false
		}
	}
	outputs, known := 0, false
	if n = c.nodes[node]; n != nil {
		outputs, known = port+1, true // until something says otherwise
		if op := c.lookup(n.GetOp()); op != nil {
			if count, err := ports.Count(n, op, op.GetOutputArg()); err == nil {
				outputs = count
			}
		}
	} else if c.outputs != nil {
		outputs, known = c.outputs(node)
	}
	switch {
	case name == "":
		c.addItem("%s lacks the name of a node or tensor that it needs", what)
	case !known:
		c.addItem("%s names %q, but the graph has no node %q", what, name, node)
	case isTensor && port >= outputs:
		c.addItem("%s names %q, but the node has %d outputs", what, name, outputs)
	default:
		return n, isTensor, true
	}
	return nil, isTensor, false
}
