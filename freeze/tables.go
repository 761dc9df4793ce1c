package freeze

import (
	"slices"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

var tableOps = []string{
	"HashTable", "HashTableV2", "MutableHashTable", "MutableHashTableV2",
	"MutableHashTableOfTensors", "MutableHashTableOfTensorsV2", "MutableDenseHashTable", "MutableDenseHashTableV2",
}

// isTable reports whether op holds a lookup table.
func isTable(op string) bool { return slices.Contains(tableOps, op) }

// fillsFromFile reports whether op fills a table from a text file.
func fillsFromFile(op string) bool {
	return op == "InitializeTableFromTextFile" || op == "InitializeTableFromTextFileV2"
}

// fillsTable reports whether op fills a table when the table is initialized. The imports
// that savers make do not count.
func fillsTable(op string) bool {
	return fillsFromFile(op) || op == "InitializeTable" || op == "InitializeTableV2"
}

// describeTables reports the lookup tables of b, the nodes of the whole graph that fill
// them, and the files that they are filled from: whoever uses the frozen graph has to
// run those nodes, which have to find those files.
func (r *Report) describeTables(b *body, def *graphdef.GraphDef) {
	tables := map[string]bool{}
	for _, n := range b.nodes {
		if isTable(n.Op) {
			tables[n.Name] = true
			r.Tables = append(r.Tables, n.Name)
		}
	}
	if len(tables) == 0 {
		return
	}
	nodes := map[string]bool{}
	for _, n := range def.Node {
		nodes[n.Name] = true
	}
	for _, n := range def.Node {
		in := nodedef.DataInputs(n)
		if !fillsTable(n.Op) || len(in) < 2 || !tables[b.parse(in[0]).node] {
			continue
		}
		r.TableInitializers = append(r.TableInitializers, n.Name)
		file := b.parse(in[1]).node
		if fillsFromFile(n.Op) && nodes[file] && !slices.Contains(r.Assets, file) {
			r.Assets = append(r.Assets, file)
		}
	}
}
