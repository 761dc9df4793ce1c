package freeze

import (
	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
)

// isTable tells the operations that hold a lookup table.
func isTable(op string) bool {
	switch op {
	case "HashTable", "HashTableV2", "MutableHashTable", "MutableHashTableV2",
		"MutableHashTableOfTensors", "MutableHashTableOfTensorsV2", "MutableDenseHashTable", "MutableDenseHashTableV2":
		return true
	}
	return false
}

// fromTextFile tells the operations that fill a table from a file.
func fromTextFile(op string) bool {
	return op == "InitializeTableFromTextFile" || op == "InitializeTableFromTextFileV2"
}

// describeTables reports the lookup tables of the kept part of the graph, the
// nodes of the whole graph that fill them, and the files they are filled from:
// a frozen graph has to run those nodes, and they have to find those files.
func (f *freezer) describeTables(b *body, def *graphpb.GraphDef) {
	tables := map[string]bool{}
	for _, n := range b.nodes {
		if isTable(n.Op) {
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
		if !fromTextFile(n.Op) && n.Op != "InitializeTable" && n.Op != "InitializeTableV2" && n.Op != "LookupTableImport" && n.Op != "LookupTableImportV2" {
			continue
		}
		in := dataInputs(n)
		if len(in) < 2 {
			continue
		}
		if t, _ := b.parseInput(in[0]); !tables[t.node] {
			continue
		}
		if n.Op != "LookupTableImport" && n.Op != "LookupTableImportV2" { // imports belong to savers
			f.report.TableInitializers = append(f.report.TableInitializers, n.Name)
		}
		file, _ := b.parseInput(in[1])
		if fromTextFile(n.Op) && byName[file.node] != nil && !seen[file.node] {
			seen[file.node] = true
			f.report.Assets = append(f.report.Assets, file.node)
		}
	}
}
