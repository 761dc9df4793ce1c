package offline

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// addTables lets the model fill its lookup tables: it adds an init op, and the files that the
// tables read as assets. It returns the paths of the files by their names in the model.
func addTables(mg *graphdef.MetaGraphDef, target string) (map[string]string, error) {
	nodes := map[string]*graphdef.NodeDef{}
	var fills []string
	tables := map[string]bool{}
	for _, n := range mg.GetGraphDef().GetNode() {
		nodes[n.Name] = n
	}
	refuse := func(n *graphdef.NodeDef, detail string) error {
		return &tfkeep.Error{Op: "make model", Path: target, Item: "node", Name: n.Name, Err: tfkeep.ErrUnsupported, Detail: detail}
	}
	assets, names := map[string]string{}, map[string]string{}
	for _, n := range mg.GetGraphDef().GetNode() {
		in := nodedef.DataInputs(n)
		if !strings.HasPrefix(n.Op, "InitializeTable") || len(in) < 2 {
			continue
		}
		fills = append(fills, n.Name)
		tables[nodedef.NodeName(in[0])] = true
		if !strings.HasPrefix(n.Op, "InitializeTableFromTextFile") {
			continue
		}
		file := nodes[nodedef.NodeName(in[1])]
		for hops := 0; file.GetOp() == "Identity" && hops < 8 && len(file.Input) > 0; hops++ {
			file = nodes[nodedef.NodeName(file.Input[0])]
		}
		value := file.GetAttr()["value"].GetTensor().GetStringVal()
		if file.GetOp() != "Const" || len(value) != 1 {
			return nil, refuse(n, "it fills a lookup table from a file whose name is not a constant; freeze the model with --embed_tables instead")
		}
		if names[file.Name] != "" {
			continue
		}
		path := string(value[0])
		name := freeAsset(assets, path)
		assets[name], names[file.Name] = path, name
	}
	for _, n := range mg.GetGraphDef().GetNode() {
		if (n.Op == "HashTable" || n.Op == "HashTableV2") && !tables[n.Name] {
			return nil, refuse(n, "nothing in the graph fills this lookup table")
		}
	}
	if err := checkFunctionFills(mg, target); err != nil {
		return nil, err
	}
	if len(fills) == 0 {
		return nil, nil
	}
	for _, key := range []string{modeldir.MainOpCollection, modeldir.LegacyInitCollection} {
		if len(mg.CollectionDef[key].GetNodeList().GetValue()) > 0 {
			return assets, addAssets(mg, names)
		}
	}
	init := &graphdef.NodeDef{Name: freeNodeName(nodes, "init_all_tables"), Op: "NoOp"}
	for _, name := range fills {
		init.Input = append(init.Input, "^"+name)
	}
	mg.GraphDef.Node = append(mg.GraphDef.Node, init)
	if mg.CollectionDef == nil {
		mg.CollectionDef = map[string]*pb.CollectionDef{}
	}
	mg.CollectionDef[modeldir.MainOpCollection] = &pb.CollectionDef{
		Kind: &pb.CollectionDef_NodeList_{NodeList: &pb.CollectionDef_NodeList{Value: []string{init.Name}}}}
	return assets, addAssets(mg, names)
}

// checkFunctionFills refuses a function that fills a lookup table: from a file, which the model
// would lack, or with nothing in the model that calls the function when it is loaded.
func checkFunctionFills(mg *graphdef.MetaGraphDef, target string) error {
	hasInit := false
	for _, key := range []string{modeldir.MainOpCollection, modeldir.LegacyInitCollection} {
		hasInit = hasInit || len(mg.CollectionDef[key].GetNodeList().GetValue()) > 0
	}
	for _, fn := range mg.GetGraphDef().GetLibrary().GetFunction() {
		for _, n := range fn.GetNodeDef() {
			if !strings.HasPrefix(n.Op, "InitializeTable") || hasInit && !strings.HasPrefix(n.Op, "InitializeTableFromTextFile") {
				continue
			}
			return &tfkeep.Error{Op: "make model", Path: target, Item: "node", Name: n.Name, Err: tfkeep.ErrUnsupported,
				Detail: "it fills a lookup table in the function " + fn.GetSignature().GetName() + "; fill the table in the graph, or export the model from Python"}
		}
	}
	return nil
}

// freeAsset returns the name in the model of a file.
func freeAsset(assets map[string]string, path string) string {
	base := path[strings.LastIndexAny(path, `/\`)+1:]
	name := base
	for i := 1; assets[name] != "" && assets[name] != path; i++ {
		name = fmt.Sprintf("%s_%d", base, i)
	}
	return name
}

func freeNodeName(nodes map[string]*graphdef.NodeDef, name string) string {
	free := name
	for i := 1; nodes[free] != nil; i++ {
		free = fmt.Sprintf("%s_%d", name, i)
	}
	return free
}

// addAssets lists the assets of a graph, by the constants with their names.
func addAssets(mg *graphdef.MetaGraphDef, names map[string]string) error {
	if len(names) == 0 {
		return nil
	}
	var nodes []string
	for node := range names {
		nodes = append(nodes, node)
	}
	slices.Sort(nodes)
	list := &pb.CollectionDef_AnyList{}
	mg.AssetFileDef = nil
	for _, node := range nodes {
		def := &pb.AssetFileDef{Filename: names[node], TensorInfo: &pb.TensorInfo{Encoding: &pb.TensorInfo_Name{Name: nodedef.TensorName(node, 0)}}}
		raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(def)
		if err != nil {
			return err
		}
		list.Value = append(list.Value, &anypb.Any{TypeUrl: "type.googleapis.com/tensorflow.AssetFileDef", Value: raw})
		mg.AssetFileDef = append(mg.AssetFileDef, def)
	}
	if mg.CollectionDef == nil {
		mg.CollectionDef = map[string]*pb.CollectionDef{}
	}
	mg.CollectionDef[modeldir.AssetsCollection] = &pb.CollectionDef{Kind: &pb.CollectionDef_AnyList_{AnyList: list}}
	return nil
}

// copyAssets copies files into the folder of the assets.
func copyAssets(assets map[string]string, folder string) error {
	if len(assets) == 0 {
		return nil
	}
	if err := vfs.OS.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for name, path := range assets {
		if err := copyFile(path, filepath.Join(folder, name)); err != nil {
			return fmt.Errorf("copy the file %s, which a lookup table reads: %w", path, err)
		}
	}
	return vfs.OS.SyncDir(folder)
}

func copyFile(from, to string) error {
	in, err := vfs.OS.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	return vfs.CopyNew(vfs.OS, to, in)
}
