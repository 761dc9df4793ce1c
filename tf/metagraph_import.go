package tf

import (
	"context"
	"fmt"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/edit"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/collectiondef"
	"github.com/tfkeep/tfkeep/internal/namescope"
)

// ImportMetaGraphOptions are the options of ImportMetaGraph. Nil and the zero value
// import everything under its own names.
type ImportMetaGraphOptions struct {
	// ClearDevices imports no devices, so that the graph runs on a machine that lacks
	// them.
	ClearDevices bool
	// ImportScope is a scope for all names. If it is taken it gets a number ("imp_1");
	// if it ends in a slash it is used as it is.
	ImportScope string
	// InputMap is that of ImportGraphDefOptions. It has to provide the inputs that a
	// scoped export left unbound ("$unbound_inputs_…").
	InputMap map[string]Output
	// UnboundInputsCollection is the collection that lists these inputs; "" means
	// "unbound_inputs".
	UnboundInputsCollection string
	// RestoreCollection selects the collections to restore. Nil means all.
	RestoreCollection func(key string) bool
	// ReturnElements is that of ImportGraphDefOptions.
	ReturnElements []string
	// Saver refuses a meta graph of which no Saver can be made, before anything is added to
	// the graph: one whose SaverDef names nodes that are gone, or one without SaverDef that
	// lists a variable twice. saver.ImportMetaGraph sets it.
	Saver bool
	// AllowOps and Limits are those of ImportGraphDefOptions.
	AllowOps []string
	Limits   *check.Limits
}

// ImportedMetaGraph is the result of ImportMetaGraph.
type ImportedMetaGraph struct {
	// MetaGraphDef is the imported meta graph, unchanged.
	MetaGraphDef *graphdef.MetaGraphDef
	// Scope was put before all names, without the slash: "", or "imp_1".
	Scope string
	// Variables has the imported variables by their tensor names in the meta graph
	// ("v:0"), which are the names without Scope.
	Variables map[string]*Variable
	// SaverDef is that of the meta graph with its names in Scope, or nil.
	SaverDef *graphdef.SaverDef
	// Elements has the operations and tensors of ReturnElements, in their order.
	Elements []Item
}

// ImportMetaGraphFile imports a meta graph from a file, text or binary, as
// ImportMetaGraph does.
func ImportMetaGraphFile(ctx context.Context, g *Graph, path string, o *ImportMetaGraphOptions) (*ImportedMetaGraph, error) {
	if err := g.givenUp(); err != nil {
		return nil, &tfkeep.Error{Op: "import meta graph", Path: path, Cause: err}
	}
	if err := argcheck.Context(ctx, "import meta graph", path); err != nil {
		return nil, err
	}
	var serialized []byte
	mg, err := graphdef.ReadMetaGraphDef(path, &graphdef.ReadOptions{SerializedGraph: &serialized})
	if err != nil {
		return nil, err
	}
	im, err := importMetaGraph(ctx, g, mg, serialized, o)
	if err != nil {
		return nil, &tfkeep.Error{Op: "import meta graph", Path: path, Cause: err}
	}
	return im, nil
}

// ImportMetaGraph adds a meta graph to g: nodes, functions, and collections with their
// variables. It is TensorFlow's import_scoped_meta_graph; saver.ImportMetaGraph also
// makes the Saver. A nil o means the defaults.
//
// It imports meta graphs of TensorFlow 0.8 to 2.21. If the graph uses ops that the
// library lacks, the error is an *UnknownOpsError, which lists them all. As in
// TensorFlow, a second import without ImportScope gets new node names, but collections
// that have the nodes of the first.
//
// When ctx is done, it returns soon, as ImportGraphDef does.
func ImportMetaGraph(ctx context.Context, g *Graph, mg *graphdef.MetaGraphDef, o *ImportMetaGraphOptions) (*ImportedMetaGraph, error) {
	im, err := importMetaGraph(ctx, g, mg, nil, o)
	if err != nil {
		return nil, &tfkeep.Error{Op: "import meta graph", Cause: err}
	}
	return im, nil
}

// importMetaGraph imports a meta graph. serialized is its serialized GraphDef, or nil.
func importMetaGraph(ctx context.Context, g *Graph, mg *graphdef.MetaGraphDef, serialized []byte, o *ImportMetaGraphOptions) (*ImportedMetaGraph, error) {
	if g == nil || mg == nil {
		return nil, invalidf("the graph or the meta graph is nil")
	}
	if o == nil {
		o = &ImportMetaGraphOptions{}
	}
	unboundKey := o.UnboundInputsCollection
	if unboundKey == "" {
		unboundKey = collectiondef.UnboundInputs
	}
	if err := checkUnbound(mg, unboundKey, o.InputMap); err != nil {
		return nil, err
	}
	def := mg.GetGraphDef()
	if o.ClearDevices {
		def, serialized = withoutDevices(def), nil
	}
	res, err := importGraphDef(ctx, g, def, serialized, &ImportGraphDefOptions{
		Name:           o.ImportScope,
		NoPrefix:       o.ImportScope == "",
		InputMap:       o.InputMap,
		ReturnElements: o.ReturnElements,
		AllowOps:       o.AllowOps,
		Limits:         o.Limits,
		ProducerOpList: mg.GetMetaInfoDef().GetStrippedOpList(),
		Writer:         mg.GetMetaInfoDef().GetTensorflowVersion(),
	}, func(ops *opdef.Set) error {
		return check.Collections(mg, &check.CollectionOptions{
			Ops: ops,
			Keys: func(key string) bool {
				return key != unboundKey && (o.RestoreCollection == nil || o.RestoreCollection(key))
			},
			Outputs: g.outputsIn(o.ImportScope),
			Saver:   o.Saver,
		})
	})
	if err != nil {
		return nil, err
	}
	im := &ImportedMetaGraph{MetaGraphDef: mg, Scope: res.Prefix, Elements: res.Elements}
	if err := im.restoreCollections(g, unboundKey, o.RestoreCollection); err != nil {
		return nil, err
	}
	im.Variables = map[string]*Variable{}
	for _, v := range g.VariablesInScope(res.Prefix) {
		im.Variables[namescope.Strip(v.TensorName(), res.Prefix)] = v
	}
	if mg.GetSaverDef() != nil {
		im.SaverDef = inScope(mg.GetSaverDef(), res.Prefix).(*graphdef.SaverDef)
	}
	return im, nil
}

// outputsIn returns a function that counts the outputs of a node in a scope that an import
// shares with nodes of g.
func (g *Graph) outputsIn(scope string) func(name string) (int, bool) {
	if scope != "" && !strings.HasSuffix(scope, "/") {
		return nil // the scope of an import is a new one
	}
	return func(name string) (int, bool) {
		op := g.Operation(scope + name)
		if op == nil {
			return 0, false
		}
		return op.NumOutputs(), true
	}
}

// checkUnbound returns an error if inputs lacks inputs that a scoped export left unbound.
func checkUnbound(mg *graphdef.MetaGraphDef, key string, inputs map[string]Output) error {
	col := mg.GetCollectionDef()[key]
	names := append([]string{}, col.GetNodeList().GetValue()...)
	for _, name := range col.GetBytesList().GetValue() {
		names = append(names, string(name))
	}
	given := map[string]bool{}
	for name := range inputs {
		given[canonicalInput(name)] = true
	}
	var missing []string
	for _, name := range names {
		if !given[canonicalInput(name)] {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return invalidf("the graph has unbound inputs: %s; provide them in InputMap", strings.Join(missing, ","))
	}
	return nil
}

func (im *ImportedMetaGraph) restoreCollections(g *Graph, unboundKey string, wanted func(string) bool) error {
	mg := im.MetaGraphDef
	d := &collectionDecoder{
		g:           g,
		scope:       im.Scope,
		noTrainable: olderThan(mg.GetMetaInfoDef().GetTensorflowVersion(), 1, 9),
		variables:   map[string]*Variable{},
	}
	restored := map[string][]Item{}
	var keys, faults []string
	for _, key := range collectionOrder(mg) {
		if key == unboundKey || wanted != nil && !wanted(key) {
			continue
		}
		items, err := d.decode(key, mg.GetCollectionDef()[key])
		if err != nil {
			faults = append(faults, fmt.Sprintf("collection %q: %v", key, err))
			continue
		}
		keys = append(keys, key)
		restored[key] = items
	}
	if len(faults) > 0 {
		return invalidf("the collections of the meta graph do not fit its graph: %s", strings.Join(faults, "; "))
	}
	for _, key := range keys {
		for _, item := range restored[key] {
			g.AddToCollection(key, item)
		}
	}
	return nil
}

// withoutDevices returns def without the devices of its nodes. It does not change def,
// and shares the attributes, which may be large.
func withoutDevices(def *graphdef.GraphDef) *graphdef.GraphDef {
	var nodes []*graphdef.NodeDef
	for _, n := range def.GetNode() {
		if n.GetDevice() != "" {
			bare := &graphdef.NodeDef{}
			n.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
				bare.ProtoReflect().Set(fd, v)
				return true
			})
			bare.Device = ""
			n = bare
		}
		nodes = append(nodes, n)
	}
	return edit.WithNodes(def, nodes)
}

// CopyScope copies the nodes, variables and collections in a scope to another scope of
// the same or another graph. It returns the copied variables by their tensor names
// without the scope. It is TensorFlow's copy_scoped_meta_graph.
func CopyScope(ctx context.Context, from *Graph, fromScope string, to *Graph, toScope string) (map[string]*Variable, error) {
	if ctx == nil {
		return nil, invalidf("the context is nil")
	}
	if from == to && fromScope == toScope {
		return nil, invalidf("the two scopes of a copy within a graph must differ; both are %q", fromScope)
	}
	mg, err := ExportMetaGraph(from, &ExportMetaGraphOptions{ExportScope: fromScope})
	if err != nil {
		return nil, err
	}
	// The nodes come from a graph of this program, where they may run.
	im, err := ImportMetaGraph(ctx, to, mg, &ImportMetaGraphOptions{ImportScope: toScope, AllowOps: opdef.Used(mg.GetGraphDef())})
	if err != nil {
		return nil, err
	}
	return im.Variables, nil
}

func setBytes(v *graphdef.AttrValue, s string) {
	v.Value = &attr_value_go_proto.AttrValue_S{S: []byte(s)}
}
