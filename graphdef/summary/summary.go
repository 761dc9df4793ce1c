package summary

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/collectiondef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Summary is the content of a GraphDef, a MetaGraphDef or a SavedModel.
type Summary struct {
	Kind          string      `json:"kind"` // "GraphDef", "MetaGraphDef" or "SavedModel"
	SchemaVersion int64       `json:"schema_version,omitempty"`
	Graph         *Graph      `json:"graph,omitempty"`       // of a GraphDef
	MetaGraphs    []MetaGraph `json:"meta_graphs,omitempty"` // of a MetaGraphDef (one) or a SavedModel
}

// Graph is the content of a GraphDef.
type Graph struct {
	Nodes       int      `json:"nodes"`
	Functions   []string `json:"functions,omitempty"`
	Ops         []Count  `json:"ops"`     // most frequent first
	Inputs      []Tensor `json:"inputs"`  // the placeholders, without those of Savers
	Outputs     []Tensor `json:"outputs"` // the nodes whose outputs no node uses, without those that act on state and those of Savers
	Devices     []Count  `json:"devices,omitempty"`
	Producer    int32    `json:"producer"` // the graph version of the TensorFlow that wrote it
	MinConsumer int32    `json:"min_consumer,omitempty"`
	Frozen      bool     `json:"frozen"` // it has no variables
}

// Count is the number of times that a name occurs.
type Count struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// Tensor is a tensor of the graph. Shape is nil if the rank is unknown; a dimension of
// unknown size is -1.
type Tensor struct {
	Name  string  `json:"name"`
	DType string  `json:"dtype,omitempty"` // "DT_FLOAT"; "" if it is unknown
	Shape []int64 `json:"shape"`
	Op    string  `json:"op,omitempty"`
	// Parts are the tensors that a sparse or composite value of a signature consists of:
	// values, indices and dense shape of a sparse one. Name is "" then.
	Parts []string `json:"parts,omitempty"`
}

// MetaGraph is the content of a MetaGraphDef.
type MetaGraph struct {
	Tags                 []string     `json:"tags,omitempty"`
	TensorFlowVersion    string       `json:"tensorflow_version,omitempty"`
	TensorFlowGitVersion string       `json:"tensorflow_git_version,omitempty"`
	StrippedDefaultAttrs bool         `json:"stripped_default_attrs,omitempty"`
	Graph                *Graph       `json:"graph"`
	Variables            []Variable   `json:"variables"`
	Parameters           int64        `json:"parameters"` // elements of the variables of known shape
	Collections          []Collection `json:"collections,omitempty"`
	Saver                *Saver       `json:"saver,omitempty"`
	Signatures           []Signature  `json:"signatures,omitempty"`
	Assets               []string     `json:"assets,omitempty"`
	// Objects are the Python objects of a TensorFlow 2 model, each after its parent, and Traces
	// their functions.
	Objects []Object         `json:"objects,omitempty"`
	Traces  map[string]Trace `json:"traces,omitempty"`
}

// Variable is a variable that a collection lists.
type Variable struct {
	Tensor
	Trainable bool `json:"trainable"`
	Resource  bool `json:"resource"`
}

// Collection is a collection's kind and size.
type Collection struct {
	Key   string `json:"key"`
	Kind  string `json:"kind"` // "node_list", …; "" if the file does not say
	Items int    `json:"items"`
}

// Saver is a SaverDef.
type Saver struct {
	FilenameTensor string `json:"filename_tensor"`
	SaveTensor     string `json:"save_tensor"`
	RestoreOp      string `json:"restore_op"`
	MaxToKeep      int32  `json:"max_to_keep"`
	Sharded        bool   `json:"sharded"`
	Version        string `json:"version"`
}

// Signature is a SignatureDef.
type Signature struct {
	Key     string   `json:"key"`
	Method  string   `json:"method"`
	Inputs  []Tensor `json:"inputs"`  // Op is the signature's name for it
	Outputs []Tensor `json:"outputs"` // as above
}

// Of summarizes a GraphDef, a MetaGraphDef or a SavedModel; for any other message it
// returns an empty Summary. ops are the op definitions that define the types of outputs;
// nil means opdef.Builtin.
func Of(m proto.Message, ops *opdef.Set) *Summary {
	if m == nil {
		return &Summary{}
	}
	s := &Summary{Kind: string(m.ProtoReflect().Descriptor().Name())}
	switch m := m.(type) {
	case *graphdef.GraphDef:
		s.Graph = ofGraph(m, ops)
	case *graphdef.MetaGraphDef:
		s.MetaGraphs = []MetaGraph{ofMetaGraph(m, ops)}
	case *graphdef.SavedModel:
		s.SchemaVersion = m.GetSavedModelSchemaVersion()
		for _, mg := range m.GetMetaGraphs() {
			s.MetaGraphs = append(s.MetaGraphs, ofMetaGraph(mg, ops))
		}
	default:
		s.Kind = "unknown file"
	}
	return s
}

func ofGraph(g *graphdef.GraphDef, ops *opdef.Set) *Graph {
	s := &Graph{
		Nodes:       len(g.GetNode()),
		Producer:    g.GetVersions().GetProducer(),
		MinConsumer: g.GetVersions().GetMinConsumer(),
		Inputs:      []Tensor{},
		Outputs:     []Tensor{},
		Frozen:      true,
	}
	counts, devices, used := map[string]int{}, map[string]int{}, map[string]bool{}
	for _, n := range g.GetNode() {
		counts[n.GetOp()]++
		if n.GetDevice() != "" {
			devices[n.GetDevice()]++
		}
		for _, input := range n.GetInput() {
			used[nodedef.NodeName(input)] = true
		}
	}
	savers := savergraph.ExtraneousNodes(g, nil)
	for _, n := range g.GetNode() {
		if nodedef.IsVariableOp(n.GetOp()) {
			s.Frozen = false
		}
		if savers[n.GetName()] {
			continue
		}
		switch n.GetOp() {
		case "Placeholder", "PlaceholderV2", "PlaceholderWithDefault":
			s.Inputs = append(s.Inputs, output(n, ops))
		}
		if !used[n.GetName()] && isOutput(n, ops) {
			s.Outputs = append(s.Outputs, output(n, ops))
		}
	}
	for _, f := range g.GetLibrary().GetFunction() {
		s.Functions = append(s.Functions, f.GetSignature().GetName())
	}
	slices.Sort(s.Functions)
	s.Ops, s.Devices = byCount(counts), byCount(devices)
	return s
}

// isOutput reports whether a node that no other uses can be an output of the model. Nodes
// without a tensor (assertions, enqueuing, saving, groups) and those that read or assign
// variables are sinks.
func isOutput(n *graphdef.NodeDef, ops *opdef.Set) bool {
	if types, err := opdef.OutputTypes(n, ops); err == nil && len(types) == 0 {
		return false
	}
	op := n.GetOp()
	if op == "VarIsInitializedOp" || op == "IsVariableInitialized" || op == "ReadVariableOp" {
		return false
	}
	return !strings.HasPrefix(op, "Assign") && !strings.HasPrefix(op, "Scatter") && !strings.HasPrefix(op, "Apply") &&
		!nodedef.IsVariableOp(op) && op != "Const" && op != "Assert" && !isQueue(op)
}

// isQueue reports whether an op makes a queue or moves elements into one.
func isQueue(op string) bool {
	return strings.HasPrefix(op, "Queue") || strings.HasSuffix(op, "Queue") || strings.HasSuffix(op, "QueueV2")
}

func ofMetaGraph(mg *graphdef.MetaGraphDef, ops *opdef.Set) MetaGraph {
	info := mg.GetMetaInfoDef()
	s := MetaGraph{
		Tags:                 info.GetTags(),
		TensorFlowVersion:    info.GetTensorflowVersion(),
		TensorFlowGitVersion: info.GetTensorflowGitVersion(),
		StrippedDefaultAttrs: info.GetStrippedDefaultAttrs(),
		Graph:                ofGraph(mg.GetGraphDef(), ops),
	}
	s.Variables, s.Parameters = variables(mg)
	for _, key := range slices.Sorted(maps.Keys(mg.GetCollectionDef())) {
		c := mg.GetCollectionDef()[key]
		s.Collections = append(s.Collections, Collection{Key: key, Kind: collectionKind(c), Items: collectiondef.Len(c)})
	}
	if d := mg.GetSaverDef(); d != nil {
		s.Saver = &Saver{
			FilenameTensor: d.GetFilenameTensorName(), SaveTensor: d.GetSaveTensorName(), RestoreOp: d.GetRestoreOpName(),
			MaxToKeep: d.GetMaxToKeep(), Sharded: d.GetSharded(), Version: d.GetVersion().String(),
		}
	}
	for _, key := range slices.Sorted(maps.Keys(mg.GetSignatureDef())) {
		d := mg.GetSignatureDef()[key]
		s.Signatures = append(s.Signatures, Signature{Key: key, Method: d.GetMethodName(), Inputs: infos(d.GetInputs()), Outputs: infos(d.GetOutputs())})
	}
	for _, a := range mg.GetAssetFileDef() {
		s.Assets = append(s.Assets, a.GetFilename())
	}
	if graph := mg.GetObjectGraphDef(); graph != nil {
		s.Objects, s.Traces = objects(graph), traces(graph)
	}
	return s
}

// collectionKind returns the field that holds a collection's items, "node_list" for
// one, or "" if the collection has none.
func collectionKind(c *for_core_protos_go_proto.CollectionDef) string {
	m := c.ProtoReflect()
	field := m.WhichOneof(m.Descriptor().Oneofs().ByName("kind"))
	if field == nil {
		return ""
	}
	return string(field.Name())
}

// variables lists the variables of a meta graph, none if an entry is damaged: this is a
// summary, and importing the file returns the error.
func variables(mg *graphdef.MetaGraphDef) (vars []Variable, parameters int64) {
	vars = []Variable{}
	defs, err := graphdef.Variables(mg)
	if err != nil {
		return vars, 0
	}
	nodes := make(map[string]*graphdef.NodeDef, len(mg.GetGraphDef().GetNode()))
	for _, n := range mg.GetGraphDef().GetNode() {
		nodes[n.GetName()] = n
	}
	// In files older than TensorFlow 1.9 only the collection shows what is trainable.
	trainable := map[string]bool{}
	for _, data := range mg.GetCollectionDef()["trainable_variables"].GetBytesList().GetValue() {
		def := &graphdef.VariableDef{}
		if proto.Unmarshal(data, def) == nil {
			trainable[def.GetVariableName()] = true
		}
	}
	for _, def := range defs {
		n := nodes[nodedef.NodeName(def.GetVariableName())]
		v := Variable{
			Tensor:    Tensor{Name: def.GetVariableName(), Op: n.GetOp()},
			Trainable: def.GetTrainable() || trainable[def.GetVariableName()],
			Resource:  def.GetIsResource(),
		}
		if t := n.GetAttr()["dtype"].GetType(); t != 0 {
			v.DType = dtype.Constant(t)
		}
		if dims, ok := nodedef.Dims(n.GetAttr()["shape"].GetShape()); ok {
			v.Shape = dims
			count, _ := dtype.NumElements(dims) // 0 if it is not known
			parameters += count
		}
		vars = append(vars, v)
	}
	return vars, parameters
}

// output describes a node's first output.
func output(n *graphdef.NodeDef, ops *opdef.Set) Tensor {
	t := Tensor{Name: n.GetName(), Op: n.GetOp()}
	if types, err := opdef.OutputTypes(n, ops); err == nil && len(types) > 0 && types[0] != 0 {
		t.DType = dtype.Constant(types[0])
	}
	if shapes := n.GetAttr()["_output_shapes"].GetList().GetShape(); len(shapes) > 0 {
		t.Shape, _ = nodedef.Dims(shapes[0])
	} else if strings.HasPrefix(n.GetOp(), "Placeholder") {
		t.Shape, _ = nodedef.Dims(n.GetAttr()["shape"].GetShape())
	}
	return t
}

func infos(m map[string]*graphdef.TensorInfo) []Tensor {
	list := []Tensor{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		info := m[key]
		dims, _ := nodedef.Dims(info.GetTensorShape())
		t := Tensor{Name: info.GetName(), Op: key, DType: dtype.Constant(info.GetDtype()), Shape: dims}
		if t.Name == "" {
			t.Parts = signature.TensorNames(info)
		}
		list = append(list, t)
	}
	return list
}

func byCount(counts map[string]int) []Count {
	list := []Count{}
	for name, n := range counts {
		list = append(list, Count{name, n})
	}
	slices.SortFunc(list, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	return list
}
