package tf

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/edit"
)

// ImportMetaGraphOptions says how ImportMetaGraph imports. Nil and the zero
// value import everything under its own names.
type ImportMetaGraphOptions struct {
	// ClearDevices imports no devices, so that the graph runs on a machine that
	// lacks them.
	ClearDevices bool
	// ImportScope puts all names into a scope, numbered where it is taken
	// ("imp", "imp_1"); one that ends in a slash is used as it is.
	ImportScope string
	// InputMap is that of ImportGraphDefOptions. It has to provide the inputs
	// that a scoped export left open ("$unbound_inputs_…").
	InputMap map[string]Output
	// UnboundInputsCollection is the collection that lists these; "" is
	// "unbound_inputs".
	UnboundInputsCollection string
	// RestoreCollection says which collections are restored; nil is all.
	RestoreCollection func(key string) bool
	// ReturnElements is that of ImportGraphDefOptions.
	ReturnElements []string
}

// ImportedMetaGraph is what ImportMetaGraph brought into a graph.
type ImportedMetaGraph struct {
	// MetaGraphDef is the meta graph as it was given.
	MetaGraphDef *graphdef.MetaGraphDef
	// Scope is what the names got in front, without the slash: "", or "imp_1".
	Scope string
	// Variables are the imported variables by their tensor names in the meta
	// graph ("v:0"), which are the names without Scope.
	Variables map[string]*Variable
	// SaverDef is the meta graph's, its names in Scope; nil where it has none.
	SaverDef *graphdef.SaverDef
	// Elements are the ReturnElements, in order.
	Elements []Item
}

// ImportMetaGraphFile is ImportMetaGraph for a ".meta" file, text or binary.
func ImportMetaGraphFile(g *Graph, path string, o *ImportMetaGraphOptions) (*ImportedMetaGraph, error) {
	var serialized []byte
	mg, err := graphdef.ReadMetaGraphDef(path, &graphdef.ReadOptions{SerializedGraph: &serialized})
	if err != nil {
		return nil, err
	}
	im, err := importMetaGraph(g, mg, serialized, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return im, nil
}

// ImportMetaGraph adds a meta graph to g: nodes, functions, and the collections
// with their variables. It is TensorFlow's import_scoped_meta_graph; package
// saver wraps it and makes the Saver.
//
// Meta graphs of TensorFlow 0.8 to 2.21 are read. Where the graph uses ops that
// this library lacks, the error lists them all and the version that wrote them
// (*UnknownOpsError). As in TensorFlow, a second import without ImportScope gets
// new node names, and collections that name the nodes of the first.
func ImportMetaGraph(g *Graph, mg *graphdef.MetaGraphDef, o *ImportMetaGraphOptions) (*ImportedMetaGraph, error) {
	return importMetaGraph(g, mg, nil, o)
}

// importMetaGraph takes the bytes of mg's GraphDef too, where they are at hand:
// writing them again would cost a fifth of the import.
func importMetaGraph(g *Graph, mg *graphdef.MetaGraphDef, serialized []byte, o *ImportMetaGraphOptions) (*ImportedMetaGraph, error) {
	if g == nil || mg == nil {
		return nil, invalidf("an import needs a graph and a meta graph, one is nil")
	}
	if o == nil {
		o = &ImportMetaGraphOptions{}
	}
	unboundKey := o.UnboundInputsCollection
	if unboundKey == "" {
		unboundKey = unboundInputs
	}
	if err := checkUnbound(mg, unboundKey, o.InputMap); err != nil {
		return nil, err
	}
	def := mg.GetGraphDef()
	if o.ClearDevices {
		def, serialized = withoutDevices(def), nil
	}
	res, err := ImportGraphDef(g, def, &ImportGraphDefOptions{
		Name:           o.ImportScope,
		NoPrefix:       o.ImportScope == "",
		InputMap:       o.InputMap,
		ReturnElements: o.ReturnElements,
		ProducerOpList: mg.GetMetaInfoDef().GetStrippedOpList(),
		Writer:         mg.GetMetaInfoDef().GetTensorflowVersion(),
		serialized:     serialized,
	})
	if err != nil {
		return nil, err
	}
	im := &ImportedMetaGraph{MetaGraphDef: mg, Scope: res.Prefix, Elements: res.Elements}
	if err := im.restoreCollections(g, unboundKey, o.RestoreCollection); err != nil {
		return nil, err
	}
	scope := res.Prefix
	if scope != "" {
		scope += "/"
	}
	im.Variables = VariablesInScope(g, scope)
	if mg.GetSaverDef() != nil {
		im.SaverDef = inScope(mg.GetSaverDef(), res.Prefix).(*graphdef.SaverDef)
	}
	return im, nil
}

// checkUnbound makes sure that the input map has all that a scoped export left
// open.
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
		return invalidf("Graph contains unbound inputs: %s. Must provide these inputs through input_map.", strings.Join(missing, ","))
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
		return invalidf("the meta graph's collections do not fit its graph: %s", strings.Join(faults, "; "))
	}
	for _, key := range keys {
		for _, item := range restored[key] {
			g.AddToCollection(key, item)
		}
	}
	return nil
}

// withoutDevices gives a graph without its nodes' devices and leaves def as it
// is; attributes, which may be large, are shared.
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

// CopyScope copies the part of a graph below one scope to another scope of the
// same or another graph, and gives the copied variables by their names without
// it. It is TensorFlow's copy_scoped_meta_graph.
func CopyScope(from *Graph, fromScope string, to *Graph, toScope string) (map[string]*Variable, error) {
	if from == to && fromScope == toScope {
		return nil, invalidf("'from_scope' and 'to_scope' need to be different when performing copy in the same graph: both are %q", fromScope)
	}
	mg, err := ExportMetaGraph(from, &ExportMetaGraphOptions{ExportScope: fromScope})
	if err != nil {
		return nil, err
	}
	im, err := ImportMetaGraph(to, mg, &ImportMetaGraphOptions{ImportScope: toScope})
	if err != nil {
		return nil, err
	}
	return im.Variables, nil
}

// WriteGraph writes a graph as it is now to dir/name, as text or binary, and
// returns that path. It is TensorFlow's write_graph for a live graph;
// graphdef.Write is the one for messages.
func WriteGraph(g *Graph, dir, name string, asText bool) (string, error) {
	def, err := g.stableGraphDef()
	if err != nil {
		return "", err
	}
	file := joinPath(dir, name)
	return file, graphdef.Write(file, def, &graphdef.WriteOptions{Text: asText})
}

// joinPath is os.path.join, which does not clean: the path comes back as it was
// given.
func joinPath(dir, name string) string {
	if dir == "" || filepath.IsAbs(name) {
		return name
	}
	if strings.HasSuffix(dir, "/") || strings.HasSuffix(dir, string(filepath.Separator)) {
		return dir + name
	}
	return dir + string(filepath.Separator) + name
}

func setBytes(v *graphdef.AttrValue, s string) {
	v.Value = &attr_value_go_proto.AttrValue_S{S: []byte(s)}
}
