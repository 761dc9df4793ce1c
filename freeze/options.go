package freeze

import (
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
)

// Options select what is frozen. New requires Outputs; everything else has a default.
type Options struct {
	// Outputs are the names of the nodes to keep, "y" or "y:0". [New] requires them. The
	// other functions choose the outputs themselves if the graph has one likely choice.
	// [SuggestOutputs] finds likely ones.
	Outputs []string

	// Limits, if not nil, refuse a graph that asks for more of the process that imports it,
	// with a tfkeep.ErrTooLarge. Freezing itself imports nothing, so that nil means no limits.
	Limits *check.Limits

	// KeepDevices leaves the device of each node as it is. By default devices are
	// removed, so that the graph runs anywhere.
	KeepDevices bool

	// VariableAllowlist, if not empty, names the only variables to freeze.
	// VariableDenylist names variables that stay variables. Both have names of nodes.
	VariableAllowlist []string
	VariableDenylist  []string

	// InitializerNodes are kept besides the outputs, with what they need, so that
	// tables can be initialized in the frozen graph. [Report] names the initializers
	// of the tables that the outputs use.
	InitializerNodes []string

	// EmbedTables puts the content of lookup tables into the graph, as constants, and
	// lets what uses a table wait until it is filled, so that the graph needs neither files
	// nor initializers. The files are those of a SavedModel's assets. Assets, if not empty,
	// is the folder of files that are no assets; a graph without assets has them where it
	// expects them by default.
	EmbedTables bool
	Assets      string

	model *modelAssets // nil if the graph is not that of a SavedModel

	// SaverDef is the saver that has the keys of the checkpoint, where the graph
	// has several. By default it is the meta graph's, or else the keys of all savers
	// are tried.
	SaverDef *graphdef.SaverDef

	// NodeNames means that the values have the names of the variables' nodes, not the
	// keys under which a saver in the graph saves them.
	NodeNames bool

	// Rename gives variables other keys. The first rule that matches a variable decides.
	// A variable whose new key the values lack keeps its own; [Report] names the others.
	// A rule that gives no variable a value is an error.
	Rename []Rename

	// AllowNoVariables accepts a graph that has no variables. It is only pruned then.
	AllowNoVariables bool

	// Tags choose a graph of a SavedModel as graphdef.FindMetaGraph does: the one with
	// exactly these tags; by default the only one, the one without tags, or the one that
	// is tagged "serve".
	Tags []string

	// CloseSource lets [Plan.Close] close the source that is passed to [New], if it is
	// an io.Closer.
	CloseSource bool
}

// WriteOptions configures [Plan.Write] and [Plan.WriteFile]. Nil and the zero value are
// the defaults.
type WriteOptions struct {
	// Progress, if not nil, is called with the bytes written so far and the bytes of the
	// whole graph, from one goroutine at a time.
	Progress func(done, total int64)
}
