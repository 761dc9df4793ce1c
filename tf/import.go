package tf

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/graphdef/safety"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/internal/parallel"
)

// ImportGraphDefOptions are the options of ImportGraphDef. Nil and the zero value are the
// defaults of TensorFlow's import_graph_def.
type ImportGraphDefOptions struct {
	// Name and a slash are put before every imported name; "" means "import". If the
	// name is taken it gets a number, "import_1". If it ends in a slash it is used as
	// it is, taken or not.
	Name string
	// NoPrefix adds the nodes under their own names, and ignores Name.
	NoPrefix bool
	// InputMap replaces tensors of the imported graph, by their names in it ("a:0", or
	// "a" for the same), with tensors of g. A key "^a" replaces the control input a
	// with the operation of its value.
	InputMap map[string]Output
	// ReturnElements has the names of operations ("a") and tensors ("a:0") of the
	// imported graph to return in ImportResult.Elements.
	ReturnElements []string
	// ProducerOpList has the op definitions of the program that wrote the graph, as a
	// meta graph has them. Attributes that this TensorFlow does not know are removed
	// if they have their default value there.
	ProducerOpList *graphdef.OpList
	// AllowOps names ops that may run while the graph is imported, although they reach
	// out of the program: "ReadFile", for example; see safety.CheckImport.
	AllowOps []string
	// Limits bound what the graph may ask of this process. Nil means the defaults.
	Limits *check.Limits
	// Writer is the TensorFlow version that wrote the graph, for errors.
	Writer string
}

// ImportResult is the result of ImportGraphDef.
type ImportResult struct {
	// Prefix was put before the imported names, with a slash. It is "" if there is no
	// prefix.
	Prefix string
	// Elements has the operations and tensors of ReturnElements, in their order. See
	// Item.Op and Item.Output.
	Elements []Item
}

// ImportGraphDef adds the nodes and functions of def to g, as TensorFlow's
// import_graph_def does: names that are taken get a number, colocated nodes get the
// device of those that they are colocated with, and the current device (WithDevice)
// completes the devices of the nodes. An imported graph has no Variables; use
// ImportMetaGraph for those. A nil o means the defaults. ImportGraphDef does not change
// def.
//
// It checks the whole graph first, as package check does. The error lists every fault,
// every unknown op, and what ReturnElements and InputMap name that the graph lacks; g is
// unchanged then.
//
// TensorFlow infers shapes when it imports a graph, and for that computes constant parts
// of the graph. If one of them would read or write a file, or call another machine, the
// error is a *safety.Error, a tfkeep.ErrUnsafe that names the nodes.
//
// When ctx is done, ImportGraphDef returns soon. TensorFlow cannot stop an import that it has
// begun: it goes on in the background. Then g cannot be used any more, which Graph.Err and
// new sessions report, and it is freed when the import ends.
func ImportGraphDef(ctx context.Context, g *Graph, def *graphdef.GraphDef, o *ImportGraphDefOptions) (*ImportResult, error) {
	if o == nil {
		o = &ImportGraphDefOptions{}
	}
	res, err := importGraphDef(ctx, g, def, nil, o, nil)
	if err != nil {
		return nil, &tfkeep.Error{Op: "import graph", Cause: err}
	}
	return res, nil
}

// importGraphDef imports def. raw is the serialized def, or nil: serializing it again
// would take a fifth of the time of an import. check, if not nil, checks what belongs to the
// graph, before anything is added.
func importGraphDef(ctx context.Context, g *Graph, def *graphdef.GraphDef, raw []byte, o *ImportGraphDefOptions, check func(*opdef.Set) error) (*ImportResult, error) {
	switch {
	case ctx == nil:
		return nil, invalidf("the context is nil")
	case g == nil || g.binding == nil:
		return nil, errNoGraph
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	im := &importer{g: g, def: def, o: o}
	type result struct {
		res *ImportResult
		err error
	}
	r, done := parallel.Await(ctx, func() result {
		res, err := im.run(ctx, raw, check)
		return result{res, err}
	}, func(result) {})
	if !done {
		return nil, im.giveUp(ctx.Err())
	}
	return r.res, r.err
}

func (im *importer) run(ctx context.Context, raw []byte, check func(*opdef.Set) error) (*ImportResult, error) {
	def, g := im.def, im.g
	if err := im.prepare(check); err != nil {
		return nil, err
	}
	if raw == nil || im.def != def {
		var err error
		if raw, err = graphdef.MarshalBinary(im.def); err != nil {
			return nil, err
		}
	}

	if err := g.givenUp(); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := im.begin(ctx); err != nil {
		return nil, err
	}
	g.sync()
	im.opts.Prefix = im.prefix()
	// TensorFlow adds the nodes with one processor. Another one finds the nodes whose
	// devices do not change.
	found := make(chan map[string]bool, 1)
	go func() { found <- im.fixedDevices() }()
	res, err := capi.Import(g.binding, raw, &im.opts)
	fixed := <-found
	if err != nil {
		return nil, err
	}
	var movable []string
	for _, name := range g.names.sync(g.binding) {
		if !fixed[name] {
			movable = append(movable, name)
		}
	}
	if err := im.place(movable); err != nil {
		return nil, err
	}
	return im.result(res), nil
}

// The states of an import, for the moment in which its context ends.
const (
	preparing int32 = iota
	begun           // TensorFlow changes the graph
	canceled        // before it begins
)

// begin notes that TensorFlow now changes the graph.
func (im *importer) begin(ctx context.Context) error {
	if !im.state.CompareAndSwap(preparing, begun) {
		return ctx.Err()
	}
	return nil
}

// giveUp returns the error of an import that nobody waits for any more.
func (im *importer) giveUp(cause error) error {
	if im.state.CompareAndSwap(preparing, canceled) {
		return cause
	}
	im.g.gaveUp.CompareAndSwap(nil, &tfkeep.Error{Op: "use graph", Err: tfkeep.ErrClosed, Cause: cause,
		Detail: "an import into it was given up, and TensorFlow may still work on it: make a new graph"})
	return fmt.Errorf("%w; TensorFlow goes on in the background: the graph cannot be used any more, and is freed when that ends", cause)
}

// givenUp returns an error if an import into the graph was given up, or if there is no graph:
// everything that uses one begins with it.
func (g *Graph) givenUp() error {
	if g == nil || g.binding == nil {
		return errNoGraph
	}
	if err := g.gaveUp.Load(); err != nil {
		return err
	}
	return nil
}

var errNoGraph = invalidf("the graph is nil, or NewGraph has not made it")

type importer struct {
	state atomic.Int32
	g     *Graph
	def   *graphdef.GraphDef
	o     *ImportGraphDefOptions
	ops   *opdef.Set
	opts  capi.ImportOptions
}

// prepare checks everything that can be checked without TensorFlow, and sets
// TensorFlow's options. more, if not nil, is another check.
func (im *importer) prepare(more func(*opdef.Set) error) error {
	if im.def == nil {
		im.def = &graphdef.GraphDef{}
	}
	ops, err := libraryOps(im.def)
	if err != nil {
		return err
	}
	im.ops = ops
	if missing := opdef.Unknown(im.def, ops); len(missing) > 0 {
		return &UnknownOpsError{Ops: missing, Writer: im.o.Writer}
	}
	im.def = withoutUnknownDefaults(im.def, im.o.ProducerOpList, ops)
	im.opts.UniquifyNames = true

	var faults []string
	for _, key := range slices.Sorted(maps.Keys(im.o.InputMap)) {
		if err := im.mapInput(key, im.o.InputMap[key]); err != nil {
			faults = append(faults, err.Error())
		}
	}
	checkErr := check.Graph(im.def, &check.Options{Ops: ops, GraphVersion: -1, Provided: im.provided, Limits: im.o.Limits})
	if checkErr != nil {
		return checkErr
	}
	checked := make(chan error, 1)
	go func() {
		if more == nil {
			more = func(*opdef.Set) error { return nil }
		}
		checked <- more(ops)
	}()
	unsafe := safety.CheckImport(im.def, &safety.ImportOptions{Ops: ops, Allow: im.o.AllowOps, Limits: im.o.Limits})
	moreErr := <-checked
	if unsafe != nil {
		return unsafe
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
	return moreErr
}

func (im *importer) mapInput(key string, to Output) error {
	if to.Op == nil {
		return fmt.Errorf("InputMap has no tensor for %q", key)
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

// provided reports whether InputMap has an input of a node.
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

// unusedInputs returns a fault if InputMap has keys that the imported graph neither uses
// nor has: most likely they are misspelled.
func (im *importer) unusedInputs() []string {
	if len(im.o.InputMap) == 0 {
		return nil
	}
	known := map[string]bool{}
	for _, n := range im.def.GetNode() {
		known["^"+n.GetName()] = true
		outs, err := opdef.OutputTypes(n, im.ops)
		for i := range outs {
			known[nodedef.TensorName(n.GetName(), i)] = true
		}
		if err != nil { // a function's call
			known[n.GetName()+":0"] = true
		}
		for _, input := range n.GetInput() {
			known[canonicalInput(input)] = true
		}
	}
	var missing []string
	for _, key := range slices.Sorted(maps.Keys(im.o.InputMap)) {
		if !known[canonicalInput(key)] {
			missing = append(missing, canonicalInput(key))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return []string{"InputMap: the graph has no inputs " + strings.Join(missing, ", ")}
}

func canonicalInput(input string) string {
	if nodedef.IsControl(input) || strings.Contains(input, ":") {
		return input
	}
	return input + ":0"
}

// wantElement requests an element of ReturnElements. It returns a fault or "".
func (im *importer) wantElement(name string) (fault string) {
	if !strings.Contains(name, ":") {
		if im.node(name) == nil {
			return fmt.Sprintf("ReturnElements: the graph has no node %q", name)
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
		return fmt.Sprintf("ReturnElements: the graph has no tensor %q", name)
	}
	if outs, err := opdef.OutputTypes(n, im.ops); err == nil && index >= len(outs) {
		return fmt.Sprintf("ReturnElements: node %q has %d outputs and no output %d", op, len(outs), index)
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

// prefix returns the prefix of the imported names. As in name_scope it is made unique,
// unless it ends in a slash.
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

// withoutUnknownDefaults returns def without the attributes that
// opdef.RemoveUnknownDefaults removes. It returns def itself if there are none, and a
// changed copy otherwise.
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
