package tf

import (
	"fmt"
	"sort"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
)

// ImportGraphDefOptions says how ImportGraphDef imports. Nil and the zero value
// are the defaults of TensorFlow's import_graph_def.
type ImportGraphDefOptions struct {
	// Name goes, with a slash, before every imported name; "" is "import". A
	// name that is taken gets a number, "import_1"; one that ends in a slash is
	// used as it is, taken or not.
	Name string
	// NoPrefix adds the nodes under their own names; Name is then ignored.
	NoPrefix bool
	// InputMap puts tensors of the graph in the place of tensors of the
	// imported one, named as in it: "a:0", or "a" for the same. A key "^a"
	// puts the operation of its value in the place of control input a.
	InputMap map[string]Output
	// ReturnElements names operations ("a") and tensors ("a:0") of the
	// imported graph that come back in ImportResult.Elements, in this order.
	ReturnElements []string
	// ProducerOpList holds the op definitions of the program that wrote the
	// graph, as a meta graph has them. Attributes that this TensorFlow does not
	// know and that have their default there are dropped.
	ProducerOpList *graphdef.OpList
	// Writer names the version that wrote the graph; errors mention it.
	Writer string

	serialized []byte // def's own bytes, where they are at hand
}

// ImportResult is what an import gave.
type ImportResult struct {
	// Prefix is what the imported names got in front, without the slash; "" for
	// none.
	Prefix string
	// Elements are the operations and tensors that were asked for, in order:
	// an Item is either, see Item.Op and Item.Output.
	Elements []Item
}

// ImportGraphDef adds the nodes and functions of def to g. It is TensorFlow's
// import_graph_def: names that are taken get a number, colocated nodes take the
// device of those they are colocated with, and a device around the call
// (WithDevice) completes the nodes' own. An imported graph has no variables for
// a saver; ImportMetaGraph brings those.
//
// Before TensorFlow sees the graph it is checked as a whole (check.Graph):
// the error lists every fault, unknown op, element to return and key of
// InputMap that is not there, and g is unchanged. def itself is not modified.
func ImportGraphDef(g *Graph, def *graphdef.GraphDef, o *ImportGraphDefOptions) (*ImportResult, error) {
	if o == nil {
		o = &ImportGraphDefOptions{}
	}
	im := &importer{g: g, def: def, o: o}
	if err := im.prepare(); err != nil {
		return nil, err
	}
	raw := o.serialized
	if raw == nil || im.def != def {
		var err error
		if raw, err = graphdef.MarshalBinary(im.def); err != nil {
			return nil, err
		}
	}

	g.mu.Lock()
	defer g.mu.Unlock()
	g.sync()
	im.opts.Prefix = im.prefix()
	// While TensorFlow adds the nodes, which takes it one processor, another looks
	// at the graph.
	looked := make(chan map[string]bool, 1)
	go func() { looked <- im.settled() }()
	res, err := capi.Import(g.Graph, raw, &im.opts)
	settled := <-looked
	if err != nil {
		return nil, err
	}
	var unsettled []string
	g.names.syncAnd(g.Graph, func(name string) {
		if !settled[name] {
			unsettled = append(unsettled, name)
		}
	})
	if err := im.place(unsettled); err != nil {
		return nil, err
	}
	return im.result(res), nil
}

type importer struct {
	g    *Graph
	def  *graphdef.GraphDef
	o    *ImportGraphDefOptions
	ops  *opdef.Set
	opts capi.ImportOptions
}

// prepare checks everything that can be checked without TensorFlow and fills
// in its options.
func (im *importer) prepare() error {
	if im.def == nil {
		im.def = &graphdef.GraphDef{}
	}
	ops, err := libraryOps(im.def)
	if err != nil {
		return err
	}
	im.ops = ops
	if missing := opdef.Unknown(im.def, ops); len(missing) > 0 {
		return unknownOps(missing, im.o.Writer)
	}
	im.def = withoutUnknownDefaults(im.def, im.o.ProducerOpList, ops)
	im.opts.UniquifyNames = true

	var faults []string
	for _, key := range sortedNames(im.o.InputMap) {
		if err := im.mapInput(key, im.o.InputMap[key]); err != nil {
			faults = append(faults, err.Error())
		}
	}
	checkErr := check.Graph(im.def, &check.Options{Ops: ops, GraphVersion: -1, Provided: im.provided})
	if checkErr != nil {
		return checkErr
	}
	faults = append(faults, im.unusedInputs()...)
	for _, name := range im.o.ReturnElements {
		if fault := im.wantElement(name); fault != "" {
			faults = append(faults, fault)
		}
	}
	if len(faults) > 0 {
		return invalidf("%s", strings.Join(faults, "; "))
	}
	return nil
}

func (im *importer) mapInput(key string, to Output) error {
	if to.Op == nil {
		return fmt.Errorf("the input map has no tensor for %q", key)
	}
	if name, ok := strings.CutPrefix(key, "^"); ok {
		if im.opts.ControlMapping == nil {
			im.opts.ControlMapping = map[string]*Operation{}
		}
		im.opts.ControlMapping[name] = to.Op
		return nil
	}
	op, index, err := graphdef.ParseTensorName(key)
	if err != nil {
		return err
	}
	if im.opts.InputMapping == nil {
		im.opts.InputMapping = map[capi.TensorName]Output{}
	}
	im.opts.InputMapping[capi.TensorName{Op: op, Index: index}] = to
	return nil
}

// provided says whether the input map has what an input of a node asks for.
func (im *importer) provided(input string) bool {
	if name, ok := strings.CutPrefix(input, "^"); ok {
		return im.opts.ControlMapping[name] != nil
	}
	if len(im.opts.InputMapping) == 0 {
		return false
	}
	op, index, err := graphdef.ParseTensorName(input)
	if err != nil {
		return false
	}
	_, ok := im.opts.InputMapping[capi.TensorName{Op: op, Index: index}]
	return ok
}

// unusedInputs finds the keys of the input map that the imported graph neither
// uses nor has: most likely they are misspelt.
func (im *importer) unusedInputs() []string {
	if len(im.o.InputMap) == 0 {
		return nil
	}
	known := map[string]bool{}
	for _, n := range im.def.GetNode() {
		known["^"+n.GetName()] = true
		outs, err := opdef.OutputTypes(n, im.ops)
		for i := range outs {
			known[fmt.Sprintf("%s:%d", n.GetName(), i)] = true
		}
		if err != nil { // a function's call
			known[n.GetName()+":0"] = true
		}
		for _, input := range n.GetInput() {
			known[canonicalInput(input)] = true
		}
	}
	var missing []string
	for _, key := range sortedNames(im.o.InputMap) {
		if !known[canonicalInput(key)] {
			missing = append(missing, canonicalInput(key))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return []string{"Attempted to map inputs that were not found in graph_def: [" + strings.Join(missing, ", ") + "]"}
}

func canonicalInput(input string) string {
	if graphdef.IsControl(input) || strings.Contains(input, ":") {
		return input
	}
	return input + ":0"
}

// wantElement asks for an element to return. A fault comes back in the words of
// TensorFlow, which begin like a sentence.
func (im *importer) wantElement(name string) (fault string) {
	if !strings.Contains(name, ":") {
		if im.node(name) == nil {
			return fmt.Sprintf("Requested return node '%s' not found in graph def", name)
		}
		im.opts.ReturnOperations = append(im.opts.ReturnOperations, name)
		return ""
	}
	op, index, err := graphdef.ParseTensorName(name)
	if err != nil {
		return err.Error()
	}
	tensor := capi.TensorName{Op: op, Index: index}
	im.opts.ReturnOutputs = append(im.opts.ReturnOutputs, tensor)
	if _, mapped := im.opts.InputMapping[tensor]; mapped {
		return ""
	}
	n := im.node(op)
	if n == nil {
		return fmt.Sprintf("Requested return tensor '%s' not found in graph def", name)
	}
	if outs, err := opdef.OutputTypes(n, im.ops); err == nil && index >= len(outs) {
		return fmt.Sprintf("Invalid return output %d of node '%s', which has %d output(s)", index, op, len(outs))
	}
	return ""
}

func (im *importer) node(name string) *graphdef.NodeDef {
	for _, n := range im.def.GetNode() {
		if n.GetName() == name {
			return n
		}
	}
	return nil
}

// prefix is name_scope's rule: made unique, unless it ends in a slash.
func (im *importer) prefix() string {
	switch name := im.o.Name; {
	case im.o.NoPrefix:
		return ""
	case name == "":
		return im.g.names.unique("import")
	case strings.HasSuffix(name, "/"):
		return strings.TrimSuffix(name, "/")
	default:
		return im.g.names.unique(name)
	}
}

func (im *importer) result(res *capi.ImportResult) *ImportResult {
	r := &ImportResult{Prefix: im.opts.Prefix}
	outs, ops := res.Outputs, res.Operations
	for _, name := range im.o.ReturnElements {
		if strings.Contains(name, ":") {
			r.Elements = append(r.Elements, NewItem(outs[0]))
			outs = outs[1:]
		} else {
			r.Elements = append(r.Elements, NewItem(ops[0]))
			ops = ops[1:]
		}
	}
	return r
}

// withoutUnknownDefaults is opdef.RemoveUnknownDefaults on a copy, made
// only where there is anything to remove.
func withoutUnknownDefaults(def *graphdef.GraphDef, producer *graphdef.OpList, ops *opdef.Set) *graphdef.GraphDef {
	for _, theirs := range producer.GetOp() {
		ours := ops.Get(theirs.GetName())
		known := map[string]bool{}
		for _, a := range ours.GetAttr() {
			known[a.GetName()] = true
		}
		for _, a := range theirs.GetAttr() {
			if ours != nil && !known[a.GetName()] {
				def = proto.Clone(def).(*graphdef.GraphDef)
				opdef.RemoveUnknownDefaults(def, producer, ops)
				return def
			}
		}
	}
	return def
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
