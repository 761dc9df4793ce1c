package freeze

import (
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	protobuf "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
)

// Options say what to freeze. Only Outputs has no default.
type Options struct {
	// Outputs are the names of the nodes to keep, "y" or "y:0". Required;
	// [SuggestOutputs] finds likely ones.
	Outputs []string

	// KeepDevices leaves the device of each node as it is. By default devices
	// are cleared, so that the graph runs anywhere.
	KeepDevices bool

	// VariableAllowlist, when not empty, names the only variables to freeze;
	// VariableDenylist names those that stay variables. Names are of nodes.
	VariableAllowlist []string
	VariableDenylist  []string

	// InitializerNodes are kept beside the outputs, with what they need, so
	// that tables can be initialised in the frozen graph. [Report] names those
	// of the tables that the outputs use.
	InitializerNodes []string

	// EmbedTables puts the text files that the kept initializer nodes read into
	// the graph, as constants. Assets, when not empty, is the folder where the
	// files are if they are not where the graph says.
	EmbedTables bool
	Assets      string

	// SaverDef says which of several savers in the graph knows the keys of
	// the checkpoint. nil: the restore nodes that fit the checkpoint best.
	SaverDef *protobuf.SaverDef

	// NodeNames says that the values go by the names of the variables' nodes,
	// not by the keys that a saver in the graph saves them under.
	NodeNames bool

	// AllowNoVariables accepts a graph that has no variables, and only prunes it.
	AllowNoVariables bool
}

// Report tells what freezing did.
type Report struct {
	Outputs   []string   // names of the output nodes
	Nodes     int        // nodes of the frozen graph, functions not counted
	Functions int        // functions in its library
	Frozen    []Variable // variables that became constants, in graph order
	Kept      []string   // variables that stayed, as the lists asked
	Converted int        // nodes that read or passed on a variable and were rewritten
	Repairs   []Repair   // writes to variables that were taken out
	Assets    []string   // names of the Const nodes that hold file names of lookup tables
	Tables    []string   // lookup tables that the frozen graph has to initialise

	// TableInitializers are the nodes that fill the tables; they are in the
	// frozen graph only if Options.InitializerNodes asked for them.
	TableInitializers []string
	Embedded          []string // files that went into the graph

	Inputs []string // placeholders that the frozen graph takes
	Bytes  int64    // bytes of the constants made
	Size   int64    // bytes of the frozen graph as a file
}

// Variable is one that became a constant.
type Variable struct {
	Name  string  // of the node
	Key   string  // in the checkpoint
	DType string  // "float32", …
	Shape []int64 // of the constant
	Bytes int64
}

// Repair is one change that freezing made beyond turning variables to constants.
type Repair struct {
	Node string // name of the node
	Func string // the function that holds it, "" for the graph
	From string // its operation before
	To   string // its operation after, "" if it was dropped
}

// graphOf copies def as far as freezing changes it: nodes are cloned when they
// are first written to, the caller's graph stays as it was.
func graphOf(def *graphpb.GraphDef) *graphpb.GraphDef {
	g := &graphpb.GraphDef{Node: append(def.Node[:0:0], def.Node...), Library: def.Library}
	copyVersions(g, def)
	return g
}

// copyVersions copies what a graph says of the TensorFlow that wrote it.
func copyVersions(to, from *graphpb.GraphDef) {
	to.Versions = from.Versions
	//lint:ignore SA1019 files of 2015 have only this
	to.Version = from.Version
}
