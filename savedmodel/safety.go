package savedmodel

import (
	"fmt"
	"slices"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/edit"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// reachesOut reports whether an operation reads or writes files, runs code of the host
// program, or calls other machines. A model that runs one while it is loaded does so
// with the rights of the program that loads it.
func reachesOut(op string) bool {
	save, restore := savergraph.Ops()
	return reachOut[op] || slices.Contains(save, op) || slices.Contains(restore, op)
}

// reachOut has the operations of reachesOut, except for those that write and read
// checkpoints.
var reachOut = map[string]bool{
	"ReadFile": true, "WriteFile": true, "MatchingFiles": true, "PrintV2": true, "MergeV2Checkpoints": true,
	"PyFunc": true, "PyFuncStateless": true, "EagerPyFunc": true, "RemoteCall": true, "RpcCall": true, "TryRpc": true, "Rpc": true,
	"TextLineReader": true, "TextLineReaderV2": true, "TFRecordReader": true, "TFRecordReaderV2": true,
	"FixedLengthRecordReader": true, "FixedLengthRecordReaderV2": true, "WholeFileReader": true, "WholeFileReaderV2": true, "LMDBReader": true,
	"TextLineDataset": true, "TFRecordDataset": true, "TFRecordDatasetV2": true, "FixedLengthRecordDataset": true, "FixedLengthRecordDatasetV2": true,
	"SqlDataset": true, "CSVDataset": true, "CSVDatasetV2": true, "LMDBDataset": true, "SaveDataset": true, "SaveDatasetV2": true, "LoadDataset": true,
	"CacheDataset": true, "CacheDatasetV2": true, "SnapshotDataset": true, "SnapshotDatasetV2": true, "DatasetToTFRecord": true,
	"CreateSummaryFileWriter": true, "CreateSummaryDbWriter": true, "ImportEvent": true, "DebugIdentity": true, "DebugIdentityV2": true, "DebugIdentityV3": true,
	"BigQueryReader": true, "DataServiceDataset": true, "DataServiceDatasetV2": true, "DataServiceDatasetV3": true, "DataServiceDatasetV4": true,
	"RegisterDataset": true, "RegisterDatasetV2": true, "DumpToFile": true, "LoadAndRemapMatrix": true, "GenerateVocabRemapping": true,
}

// fileTableOps fill a table from a file, which must be an asset.
var fileTableOps = map[string]bool{"InitializeTableFromTextFile": true, "InitializeTableFromTextFileV2": true}

// checkRuns checks that the operation op of a graph can run without reaching out of the
// model. The error names the operations that would. fed has the nodes with the paths of
// assets. doing describes why op runs.
func checkRuns(dir string, def *graphdef.GraphDef, doing, op string, fed map[string]bool, allow []string) error {
	sub, err := edit.Extract(def, []string{nodedef.NodeName(op)})
	if err != nil {
		return &tfkeep.Error{Op: "load", Path: dir, Err: tfkeep.ErrCorrupt, Detail: doing, Cause: err}
	}
	w := walk{allowed: map[string]bool{}, functions: map[string]*function_go_proto.FunctionDef{}, seen: map[string]bool{}}
	for _, a := range allow {
		w.allowed[a] = true
	}
	for _, f := range def.GetLibrary().GetFunction() {
		w.functions[f.GetSignature().GetName()] = f
	}
	w.queue = []body{{nodes: sub.Node, assets: fed}}
	for len(w.queue) > 0 && len(w.seen) < maxBodies {
		next := w.queue[0]
		w.queue = w.queue[1:]
		w.checkBody(next)
	}
	if len(w.queue) > 0 {
		return loadError(dir, tfkeep.ErrUnsafe, "%s calls functions in more than %d ways, too many to check; set LoadOptions.AllowAllOps if you trust the model", doing, maxBodies)
	}
	if len(w.unsafe) > 0 {
		slices.Sort(w.unsafe)
		return loadError(dir, tfkeep.ErrUnsafe, "%s reaches out of the model through %s; allow these operations with LoadOptions.AllowOps if you trust the model",
			doing, strings.Join(slices.Compact(w.unsafe), ", "))
	}
	return nil
}

// maxBodies bounds the work of checkRuns: a model can call functions with exponentially
// many combinations of arguments.
const maxBodies = 10_000

// walk visits all nodes that would run, including those of functions.
type walk struct {
	allowed   map[string]bool
	functions map[string]*function_go_proto.FunctionDef
	seen      map[string]bool // the keys of bodies that were queued
	queue     []body
	unsafe    []string // descriptions of refused operations
}

// body is a set of nodes that run together: those of the graph, or of one call of a
// function.
type body struct {
	function string // "" for the graph
	nodes    []*graphdef.NodeDef
	assets   map[string]bool // nodes and arguments with the paths of assets
	byName   map[string]*graphdef.NodeDef
}

func (w *walk) checkBody(b body) {
	b.byName = make(map[string]*graphdef.NodeDef, len(b.nodes))
	for _, n := range b.nodes {
		b.byName[n.Name] = n
	}
	for _, n := range b.nodes {
		switch {
		case reachesOut(n.Op):
			w.refuse(b, n, "")
		case fileTableOps[n.Op] && (len(n.Input) < 2 || !b.isAsset(n.Input[1])):
			w.refuse(b, n, " with a file that is not an asset")
		}
		w.queueCalls(b, n)
	}
}

func (w *walk) refuse(b body, n *graphdef.NodeDef, how string) {
	if w.allowed[n.Op] {
		return
	}
	if b.function != "" {
		how += " of function " + b.function
	}
	w.unsafe = append(w.unsafe, fmt.Sprintf("%s (%s)%s", n.Name, n.Op, how))
}

// isAsset reports whether an input is the path of one of the model's assets.
func (b body) isAsset(input string) bool {
	for hops := 0; hops < 16; hops++ {
		name, _, _ := strings.Cut(input, ":")
		if b.assets[name] {
			return true
		}
		src := b.byName[name]
		switch {
		case src == nil || len(src.Input) == 0:
			return false
		case src.Op == "Identity":
			input = src.Input[0]
		case src.Op == "ReadVariableOp":
			if input = b.assignedValue(src); input == "" {
				return false
			}
		default:
			return false
		}
	}
	return false
}

// assignedValue returns the input that a read of a variable returns, or "" if that is
// not certain. It is certain if the variable is assigned once, before the read, and
// no other node uses it. TensorFlow 2 keeps the paths of assets in such variables.
func (b body) assignedValue(read *graphdef.NodeDef) string {
	handle := b.byName[nodedef.NodeName(read.Input[0])]
	if handle == nil || handle.Op != "VarHandleOp" {
		return ""
	}
	value := ""
	for _, n := range b.nodes {
		if n != handle && n.Op == "VarHandleOp" && sharedName(n) == sharedName(handle) {
			return ""
		}
		for i, in := range n.Input {
			if strings.HasPrefix(in, "^") || nodedef.NodeName(in) != handle.Name {
				continue
			}
			switch {
			case n.Op == "ReadVariableOp" || n.Op == "VarIsInitializedOp":
			case n.Op == "AssignVariableOp" && i == 0 && len(n.Input) > 1 && value == "" && slices.Contains(read.Input, "^"+n.Name):
				value = n.Input[1]
			default:
				return ""
			}
		}
	}
	return value
}

func sharedName(handle *graphdef.NodeDef) string {
	if name := handle.Attr["shared_name"].GetS(); len(name) > 0 {
		return string(name)
	}
	return handle.Name
}

// queueCalls queues the functions that a node calls by its op or by an attribute. Only
// for plain calls is it known which input becomes which argument.
func (w *walk) queueCalls(b body, n *graphdef.NodeDef) {
	w.queueCall(b, n, n.Op, true)
	plain := n.Op == "PartitionedCall" || n.Op == "StatefulPartitionedCall"
	for key, a := range n.Attr {
		if f := a.GetFunc(); f != nil {
			w.queueCall(b, n, f.Name, plain && key == "f")
		}
		for _, f := range a.GetList().GetFunc() {
			w.queueCall(b, n, f.Name, false)
		}
	}
}

func (w *walk) queueCall(b body, n *graphdef.NodeDef, name string, plain bool) {
	f := w.functions[name]
	if f == nil {
		return
	}
	assets := map[string]bool{}
	key := name
	for i, arg := range f.GetSignature().GetInputArg() {
		if !plain || arg.NumberAttr != "" || arg.TypeListAttr != "" || i >= len(n.Input) {
			break
		}
		if b.isAsset(n.Input[i]) {
			assets[arg.Name] = true
			key += "\x00" + arg.Name
		}
	}
	if !w.seen[key] {
		w.seen[key] = true
		w.queue = append(w.queue, body{function: name, nodes: f.NodeDef, assets: assets})
	}
}
