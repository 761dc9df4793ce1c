package freeze

import (
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
)

// describeTables reports the lookup tables of the kept part of the graph and
// the files that fill them: a frozen graph has to run their initializers and
// to find those files.
func (f *freezer) describeTables(b *body, def *graphpb.GraphDef) {
	tables := map[string]bool{}
	for _, n := range b.nodes {
		switch n.Op {
		case "HashTable", "HashTableV2", "MutableHashTable", "MutableHashTableV2",
			"MutableHashTableOfTensors", "MutableHashTableOfTensorsV2", "MutableDenseHashTable", "MutableDenseHashTableV2":
			tables[n.Name] = true
			f.report.Tables = append(f.report.Tables, n.Name)
		}
	}
	if len(tables) == 0 {
		return
	}
	byName := map[string]*nodepb.NodeDef{}
	for _, n := range def.Node {
		byName[n.Name] = n
	}
	seen := map[string]bool{}
	for _, n := range def.Node {
		if n.Op != "InitializeTableFromTextFile" && n.Op != "InitializeTableFromTextFileV2" || len(dataInputs(n)) < 2 {
			continue
		}
		t, _ := b.parseInput(n.Input[0])
		file, _ := b.parseInput(n.Input[1])
		if tables[t.node] && byName[file.node] != nil && !seen[file.node] {
			seen[file.node] = true
			f.report.Assets = append(f.report.Assets, file.node)
		}
	}
}
