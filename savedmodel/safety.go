package savedmodel

import (
	"fmt"
	"sort"
	"strings"

	"github.com/tfkeep/tfkeep/graphdef"
)

// reachOut are operations that read or write files, run code of the host
// program, or call other machines. A model that runs one while it is loaded
// does so with the rights of the program that loads it.
var reachOut = map[string]bool{
	"ReadFile": true, "WriteFile": true, "MatchingFiles": true, "PrintV2": true,
	"Save": true, "SaveSlices": true, "SaveV2": true, "MergeV2Checkpoints": true,
	"Restore": true, "RestoreSlice": true, "RestoreV2": true,
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

// fileTables fill a table from a file; they may, if the file is an asset.
var fileTables = map[string]bool{"InitializeTableFromTextFile": true, "InitializeTableFromTextFileV2": true}

// checkInit refuses an initialisation that reaches out of the model. fed are
// the nodes that hold the paths of assets.
func checkInit(def *graphdef.GraphDef, op string, fed map[string]bool, allow []string) error {
	allowed := map[string]bool{}
	for _, a := range allow {
		allowed[a] = true
	}
	sub, err := graphdef.ExtractSubgraph(def, []string{graphdef.NodeName(op)})
	if err != nil {
		return fmt.Errorf("%w: init op: %w", ErrDamaged, err)
	}
	nodes := map[string]*graphdef.NodeDef{}
	for _, n := range sub.Node {
		nodes[n.Name] = n
	}
	functions := map[string][]*graphdef.NodeDef{}
	for _, f := range def.GetLibrary().GetFunction() {
		functions[f.GetSignature().GetName()] = f.NodeDef
	}
	var bad []string
	refuse := func(n *graphdef.NodeDef, in string) {
		if !allowed[n.Op] {
			bad = append(bad, fmt.Sprintf("%s (%s)%s", n.Name, n.Op, in))
		}
	}
	for _, n := range sub.Node {
		switch {
		case fed[n.Name]: // fed: what it computes does not matter
		case reachOut[n.Op]:
			refuse(n, "")
		case fileTables[n.Op] && !fromAsset(n, nodes, fed):
			refuse(n, " with a file that is no asset")
		}
	}
	seen := map[string]bool{}
	queue := calledBy(sub.Node, functions)
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		for _, n := range functions[name] {
			if reachOut[n.Op] {
				refuse(n, " of function "+name)
			}
		}
		queue = append(queue, calledBy(functions[name], functions)...)
	}
	if len(bad) > 0 {
		sort.Strings(bad)
		return fmt.Errorf("%w: the model's initialisation reaches out of the model through %s; allow it with LoadOptions.AllowOps if you trust the model", ErrUnsafe, strings.Join(bad, ", "))
	}
	return nil
}

// fromAsset tells whether the file of a table is one of the model's assets.
func fromAsset(n *graphdef.NodeDef, nodes map[string]*graphdef.NodeDef, fed map[string]bool) bool {
	if len(n.Input) < 2 {
		return false
	}
	name := graphdef.NodeName(n.Input[1])
	for hops := 0; hops < 16; hops++ {
		if fed[name] {
			return true
		}
		src := nodes[name]
		if src == nil || src.Op != "Identity" || len(src.Input) == 0 {
			return false
		}
		name = graphdef.NodeName(src.Input[0])
	}
	return false
}

// calledBy lists the functions of the library that nodes call, by attribute or by name.
func calledBy(nodes []*graphdef.NodeDef, functions map[string][]*graphdef.NodeDef) []string {
	var names []string
	for _, n := range nodes {
		if functions[n.Op] != nil {
			names = append(names, n.Op)
		}
		for _, a := range n.Attr {
			if f := a.GetFunc(); f != nil {
				names = append(names, f.Name)
			}
			for _, f := range a.GetList().GetFunc() {
				names = append(names, f.Name)
			}
		}
	}
	return names
}
