package tf

import (
	"sort"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
)

// ExportMetaGraphOptions says what ExportMetaGraph exports. Nil and the zero
// value export the whole graph with all its collections and write no file.
type ExportMetaGraphOptions struct {
	// Filename is written to when it is not empty; AsText writes text there and
	// not binary.
	Filename string
	AsText   bool
	// GraphDef is exported in the place of the graph's own; collections still
	// come from the graph.
	GraphDef *graphdef.GraphDef
	// MetaInfoDef gives tags and other information; the versions are set here,
	// and the op list where it is empty.
	MetaInfoDef *graphdef.MetaInfoDef
	// SaverDef describes the saver of the graph; see saver.Saver.
	SaverDef *graphdef.SaverDef
	// CollectionList names the collections to export; nil is all of them.
	CollectionList []string
	// ExportScope exports only the nodes whose names start with it, and takes
	// it off their names. Inputs from elsewhere become "$unbound_inputs_<name>"
	// and are listed in the collection "unbound_inputs": an import provides
	// them through its InputMap.
	ExportScope string
	// UnboundInputsCollection is another name for that collection.
	UnboundInputsCollection string
	// ClearDevices exports no devices.
	ClearDevices bool
	// ClearExtraneousSavers leaves out the nodes and the SaverDefs of all savers
	// but SaverDef's.
	ClearExtraneousSavers bool
	// StripDefaultAttrs leaves out attributes that have their default value, so
	// that an older TensorFlow can read the graph if it knows its ops.
	StripDefaultAttrs bool
	// NoSync writes the file without fsync.
	NoSync bool
	// Dropped, when set, is told of each collection that a meta graph cannot
	// hold, because its items are of several kinds or of none that it knows.
	// As in TensorFlow such a collection is left out.
	Dropped func(key string, err error)
}

// ExportMetaGraph gives the graph with everything that another program needs to
// go on with it: nodes with their shapes, functions, collections, the ops it
// uses, versions. It is TensorFlow's export_meta_graph.
func ExportMetaGraph(g *Graph, o *ExportMetaGraphOptions) (*graphdef.MetaGraphDef, error) {
	if o == nil {
		o = &ExportMetaGraphOptions{}
	}
	ex := &exporter{g: g, o: o}
	def, err := ex.graphDef()
	if err != nil {
		return nil, err
	}
	ops, err := libraryOps(def)
	if err != nil {
		return nil, err
	}
	mg := &graphdef.MetaGraphDef{MetaInfoDef: &graphdef.MetaInfoDef{}, GraphDef: def}
	if o.MetaInfoDef != nil {
		mg.MetaInfoDef = proto.Clone(o.MetaInfoDef).(*graphdef.MetaInfoDef)
	}
	mg.MetaInfoDef.TensorflowVersion = Version()
	mg.MetaInfoDef.TensorflowGitVersion = gitVersion(Version())
	if len(mg.MetaInfoDef.GetStrippedOpList().GetOp()) == 0 {
		mg.MetaInfoDef.StrippedOpList = opdef.StrippedList(def, ops)
	}
	if o.StripDefaultAttrs {
		opdef.StripMetaGraphDefaults(mg, ops)
	}
	if o.SaverDef != nil {
		mg.SaverDef = proto.Clone(o.SaverDef).(*graphdef.SaverDef)
	}
	ex.collections(mg)
	if o.Filename != "" {
		if err := graphdef.Write(o.Filename, mg, &graphdef.WriteOptions{Text: o.AsText, NoSync: o.NoSync}); err != nil {
			return nil, err
		}
	}
	return mg, nil
}

// gitVersion is the version that TensorFlow was built from, which its C API
// does not tell.
func gitVersion(version string) string {
	if version == "2.21.0" {
		return "v2.21.0-rc1-5-ga481b10260d"
	}
	return "v" + version
}

type exporter struct {
	g       *Graph
	o       *ExportMetaGraphOptions
	exclude map[string]bool // nodes of savers that are left out
	unbound []string        // inputs from outside the scope, each once
}

func (ex *exporter) unboundKey() string {
	if ex.o.UnboundInputsCollection != "" {
		return ex.o.UnboundInputsCollection
	}
	return unboundInputs
}

// graphDef gives the nodes to export.
func (ex *exporter) graphDef() (*graphdef.GraphDef, error) {
	o := ex.o
	var def *graphdef.GraphDef
	if o.GraphDef != nil {
		def = proto.Clone(o.GraphDef).(*graphdef.GraphDef)
	} else {
		var err error
		if def, err = ex.g.GraphDefWithShapes(); err != nil {
			return nil, err
		}
	}
	if o.ExportScope == "" && !o.ClearExtraneousSavers && !o.ClearDevices {
		return def, nil
	}
	if o.ClearExtraneousSavers {
		ex.exclude = savergraph.ExtraneousNodes(def, o.SaverDef)
	}
	var kept []*graphdef.NodeDef
	for _, n := range def.GetNode() {
		name := n.GetName()
		if ex.exclude[name] || !hasScope(name, o.ExportScope) && !strings.HasPrefix(name, unboundInputPrefix) {
			continue
		}
		ex.takeOut(n)
		if o.ClearDevices {
			n.Device = ""
		}
		kept = append(kept, n)
	}
	def.Node = kept
	return def, nil
}

// takeOut takes a node out of the export scope.
func (ex *exporter) takeOut(n *graphdef.NodeDef) {
	scope := ex.o.ExportScope
	if scope == "" {
		return
	}
	for i, input := range n.GetInput() {
		if hasScope(strings.TrimLeft(input, "^"), scope) {
			n.Input[i] = graphdef.StripNameScope(input, scope)
			continue
		}
		name, control := strings.CutPrefix(input, "^")
		name = unboundInputPrefix + name
		if control {
			name = "^" + name
		}
		n.Input[i] = name
		ex.addUnbound(name)
	}
	n.Name = graphdef.StripNameScope(n.GetName(), scope)
	if class := n.GetAttr()["_class"].GetList(); class != nil {
		var kept [][]byte
		for _, s := range class.GetS() {
			if _, at, ok := strings.Cut(string(s), "@"); !ok || hasScope(at, scope) {
				kept = append(kept, []byte(graphdef.StripNameScope(string(s), scope)))
			}
		}
		class.S = kept
	}
	switch n.GetOp() {
	case "Enter", "RefEnter":
		if v := n.GetAttr()["frame_name"]; v != nil && hasScope(string(v.GetS()), scope) {
			setBytes(v, graphdef.StripNameScope(string(v.GetS()), scope))
		}
	}
}

func (ex *exporter) addUnbound(name string) {
	for _, known := range ex.unbound {
		if known == name {
			return
		}
	}
	ex.unbound = append(ex.unbound, name)
}

// collections writes the collections that were asked for.
func (ex *exporter) collections(mg *graphdef.MetaGraphDef) {
	keys := ex.o.CollectionList
	if keys == nil {
		keys = ex.g.CollectionKeys()
		if len(ex.unbound) > 0 {
			keys = append(keys, ex.unboundKey())
		}
	}
	for _, key := range keys {
		items := ex.g.Collection(key)
		switch {
		case key == ex.unboundKey() && ex.o.ExportScope != "":
			items = nil // what an earlier scoped export or import left
			for _, name := range ex.unbound {
				items = append(items, NewItem([]byte(name)))
			}
		case key == Savers && ex.o.ClearExtraneousSavers:
			items = nil
			if ex.o.SaverDef != nil {
				items = []Item{NewItem(ex.o.SaverDef)}
			}
		}
		def, err := encodeCollection(key, items, ex.o.ExportScope, ex.exclude)
		if err != nil && ex.o.Dropped != nil {
			ex.o.Dropped(key, err)
		}
		if err != nil || def == nil {
			continue
		}
		if mg.CollectionDef == nil {
			mg.CollectionDef = map[string]*graphdef.CollectionDef{}
		}
		mg.CollectionDef[key] = def
	}
}

// VariablesInScope gives the variables whose names start with scope, by
// their tensor names without it: "w:0" for "hidden/w:0" in "hidden". These are
// the names that a saver of a scoped meta graph knows them by.
func VariablesInScope(g *Graph, scope string) map[string]*Variable {
	vars := map[string]*Variable{}
	for _, v := range g.GlobalVariables() {
		if hasScope(v.Name(), scope) {
			vars[graphdef.StripNameScope(v.TensorName(), scope)] = v
		}
	}
	return vars
}

// olderThan compares the first two numbers of a TensorFlow version, such as
// "1.12.0-rc1" or "0.12.head".
func olderThan(version string, major, minor int) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	a, err := strconv.Atoi(parts[0])
	if err != nil {
		return false
	}
	b, err := strconv.Atoi(parts[1])
	if err != nil {
		return false
	}
	return a < major || a == major && b < minor
}

// collectionOrder gives the order in which collections are restored: trainable
// variables first, for old files tell from them which variables are, then by
// name.
func collectionOrder(mg *graphdef.MetaGraphDef) []string {
	var keys []string
	for key := range mg.GetCollectionDef() {
		keys = append(keys, key)
	}
	sort.Slice(keys, func(i, j int) bool {
		if first := keys[i] == TrainableVariables; first || keys[j] == TrainableVariables {
			return first && keys[j] != TrainableVariables
		}
		return keys[i] < keys[j]
	})
	return keys
}
