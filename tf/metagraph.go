package tf

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/collectiondef"
	"github.com/tfkeep/tfkeep/internal/namescope"
)

// unboundInputPrefix marks an input in a scoped export that came from outside the
// scope.
const unboundInputPrefix = "$unbound_inputs_"

// ExportMetaGraphOptions are the options of ExportMetaGraph. Nil and the zero value
// export the whole graph with all its collections and write no file.
type ExportMetaGraphOptions struct {
	// Filename is the file to write, or "" for none. AsText writes it as text instead
	// of binary.
	Filename string
	AsText   bool
	// GraphDef is exported instead of the graph's own. Collections are still those of
	// the graph.
	GraphDef *graphdef.GraphDef
	// MetaInfoDef has tags and other information. ExportMetaGraph sets the version of
	// TensorFlow, and the op list if it is empty. If the git version is empty it is
	// "unknown", because the library does not export it.
	MetaInfoDef *graphdef.MetaInfoDef
	// SaverDef describes the saver of the graph; see saver.Saver.
	SaverDef *graphdef.SaverDef
	// CollectionList has the keys of the collections to export. Nil means all.
	CollectionList []string
	// ExportScope exports only the nodes whose names start with it, and removes it from
	// their names. Inputs from other nodes become "$unbound_inputs_<name>" and are
	// listed in the collection "unbound_inputs": an import provides them through its
	// InputMap. As in TensorFlow, "gen" exports "generator/w" too, and "gen/" does not.
	ExportScope string
	// UnboundInputsCollection is another key for that collection.
	UnboundInputsCollection string
	// ClearDevices exports no devices.
	ClearDevices bool
	// ClearExtraneousSavers leaves out the nodes and SaverDefs of all savers except
	// SaverDef.
	ClearExtraneousSavers bool
	// StripDefaultAttrs leaves out attributes that have their default value, so that
	// an older TensorFlow that knows the ops can read the graph.
	StripDefaultAttrs bool
	// NoSync writes the file without fsync.
	NoSync bool
	// Dropped, if not nil, is called for each collection that a meta graph cannot
	// hold, because its items are of several kinds or of an unknown one. As in
	// TensorFlow such a collection is left out; but without Dropped, an item of the collection
	// Savers that is no Saver is an error.
	Dropped func(key string, err error)
}

// ExportMetaGraph returns the graph with everything that another program needs to
// continue with it: nodes with their shapes, functions, collections, the definitions of
// its ops, versions. It is TensorFlow's export_meta_graph. A nil o means the defaults.
func ExportMetaGraph(g *Graph, o *ExportMetaGraphOptions) (*graphdef.MetaGraphDef, error) {
	if o == nil {
		o = &ExportMetaGraphOptions{}
	}
	if err := g.givenUp(); err != nil {
		return nil, &tfkeep.Error{Op: opExport, Cause: err}
	}
	mg, err := exportMetaGraph(g, o)
	if e, ok := errors.AsType[*tfkeep.Error](err); ok && e.Op == "" {
		e.Op = opExport
		return nil, e
	} else if err != nil {
		return nil, &tfkeep.Error{Op: opExport, Cause: err}
	}
	if o.Filename != "" {
		if err := graphdef.Write(o.Filename, mg, &graphdef.WriteOptions{Text: o.AsText, NoSync: o.NoSync}); err != nil {
			return nil, err
		}
	}
	return mg, nil
}

const opExport = "export meta graph"

func exportMetaGraph(g *Graph, o *ExportMetaGraphOptions) (*graphdef.MetaGraphDef, error) {
	if err := g.Err(); err != nil {
		return nil, err
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
	if mg.MetaInfoDef.TensorflowGitVersion == "" {
		mg.MetaInfoDef.TensorflowGitVersion = gitVersion
	}
	if len(mg.MetaInfoDef.GetStrippedOpList().GetOp()) == 0 {
		mg.MetaInfoDef.StrippedOpList = opdef.StrippedList(def, ops)
	}
	if o.StripDefaultAttrs {
		opdef.StripMetaGraphDefaults(mg, ops)
	}
	if o.SaverDef != nil {
		mg.SaverDef = proto.Clone(o.SaverDef).(*graphdef.SaverDef)
	}
	return mg, ex.collections(mg)
}

// gitVersion is what TensorFlow writes if it does not know the commit from which it was
// built. The library does not export that commit.
const gitVersion = "unknown"

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
	return collectiondef.UnboundInputs
}

// graphDef returns the nodes to export.
func (ex *exporter) graphDef() (*graphdef.GraphDef, error) {
	o := ex.o
	var def *graphdef.GraphDef
	if o.GraphDef != nil {
		def = proto.Clone(o.GraphDef).(*graphdef.GraphDef)
	} else {
		var err error
		if def, err = ex.g.graphDefWithShapes(); err != nil {
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

// takeOut removes the export scope from the names of a node.
func (ex *exporter) takeOut(n *graphdef.NodeDef) {
	scope := ex.o.ExportScope
	if scope == "" {
		return
	}
	for i, input := range n.GetInput() {
		if hasScope(strings.TrimLeft(input, "^"), scope) {
			n.Input[i] = namescope.Strip(input, scope)
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
	n.Name = namescope.Strip(n.GetName(), scope)
	if class := n.GetAttr()["_class"].GetList(); class != nil {
		var kept [][]byte
		for _, s := range class.GetS() {
			if _, at, ok := strings.Cut(string(s), "@"); !ok || hasScope(at, scope) {
				kept = append(kept, []byte(namescope.Strip(string(s), scope)))
			}
		}
		class.S = kept
	}
	switch n.GetOp() {
	case "Enter", "RefEnter":
		if v := n.GetAttr()["frame_name"]; v != nil && hasScope(string(v.GetS()), scope) {
			setBytes(v, namescope.Strip(string(v.GetS()), scope))
		}
	}
}

func (ex *exporter) addUnbound(name string) {
	if !slices.Contains(ex.unbound, name) {
		ex.unbound = append(ex.unbound, name)
	}
}

// collections adds the collections to mg.
func (ex *exporter) collections(mg *graphdef.MetaGraphDef) error {
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
			items = nil // without those of an earlier scoped export or import
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
		} else if err != nil && key == Savers {
			return &tfkeep.Error{Item: "collection", Name: key, Err: tfkeep.ErrArgument, Cause: err}
		}
		if err != nil || def == nil {
			continue
		}
		if mg.CollectionDef == nil {
			mg.CollectionDef = map[string]*for_core_protos_go_proto.CollectionDef{}
		}
		mg.CollectionDef[key] = def
	}
	return nil
}

// olderThan reports whether a TensorFlow version, such as "1.12.0-rc1" or "0.12.head", is
// older than major.minor.
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

// collectionOrder returns the keys of the collections in the order in which they are
// restored: trainable variables first, because in old files they decide which variables
// are trainable, and then by name.
func collectionOrder(mg *graphdef.MetaGraphDef) []string {
	keys := slices.Sorted(maps.Keys(mg.GetCollectionDef()))
	if i := slices.Index(keys, TrainableVariables); i >= 0 {
		keys = slices.Insert(slices.Delete(keys, i, i+1), 0, TrainableVariables)
	}
	return keys
}
