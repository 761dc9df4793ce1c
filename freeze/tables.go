package freeze

import (
	"context"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// isStaticTable reports whether op holds a table that is filled once.
func isStaticTable(op string) bool { return op == "HashTable" || op == "HashTableV2" }

// isMutableTable reports whether op holds a table whose content is part of a checkpoint.
func isMutableTable(op string) bool {
	return strings.HasPrefix(op, "MutableHashTable") || strings.HasPrefix(op, "MutableDenseHashTable")
}

// isAnonymousTable reports whether op makes a new table each time that it runs.
func isAnonymousTable(op string) bool {
	return strings.HasPrefix(op, "Anonymous") && strings.Contains(op, "HashTable")
}

// isTable reports whether op holds a lookup table.
func isTable(op string) bool { return isStaticTable(op) || isMutableTable(op) || isAnonymousTable(op) }

// fillsFromFile reports whether op fills a table from a text file.
func fillsFromFile(op string) bool {
	return op == "InitializeTableFromTextFile" || op == "InitializeTableFromTextFileV2"
}

// fillsFromTensors reports whether op fills a table from its inputs 1 and 2, keys and values.
func fillsFromTensors(op string) bool {
	switch op {
	case "InitializeTable", "InitializeTableV2", "LookupTableImport", "LookupTableImportV2":
		return true
	}
	return false
}

// fillsTable reports whether op fills the table at its input 0.
func fillsTable(op string) bool {
	return fillsFromFile(op) || fillsFromTensors(op) || op == "InitializeTableFromDataset"
}

// changesTable reports whether op changes some entries of the table at its input 0.
func changesTable(op string) bool {
	return strings.HasPrefix(op, "LookupTableInsert") || strings.HasPrefix(op, "LookupTableRemove")
}

// lookupTable is a table that the frozen graph uses.
type lookupTable struct {
	node  *graphdef.NodeDef
	where *body // the graph, or the function that makes the table
	fills []*tableFill
}

// tableID identifies a table in a session. It is "" for a table of a function that only
// the function's node names.
func tableID(b *body, n *graphdef.NodeDef) string {
	if len(n.Attr["shared_name"].GetS()) == 0 && b.fn != nil {
		return ""
	}
	return variableOf(n)
}

// tables plans what becomes of the lookup tables of a graph.
type tables struct {
	lib   *library
	list  []*lookupTable
	known map[string]*lookupTable // by tableID

	unclear []*tableFill // nodes that fill a table, but it is not known which one
	changes []*tableFill // nodes that change entries of tables
}

// hasTables reports whether nodes, or the functions that they call, use lookup tables.
func (l *library) hasTables(b *body) bool {
	found := false
	_ = l.eachNode(b, func(_ *body, n *graphdef.NodeDef) error {
		found = found || isTable(n.Op)
		return nil
	})
	return found
}

// eachNode calls visit for the nodes of b and of each function that they call, once.
func (l *library) eachNode(b *body, visit func(*body, *graphdef.NodeDef) error) error {
	seen := map[string]bool{}
	queue := []*body{b}
	for len(queue) > 0 {
		b := queue[0]
		queue = queue[1:]
		for _, n := range b.nodes {
			if err := visit(b, n); err != nil {
				return err
			}
			for _, name := range l.functionsOf(n) {
				if !seen[name] {
					seen[name] = true
					queue = append(queue, newBody(l.functions[name].NodeDef, l.functions[name]))
				}
			}
		}
	}
	return nil
}

// functionsOf returns the functions that n names in any way: those of calls, and those that
// datasets and others run.
func (l *library) functionsOf(n *graphdef.NodeDef) []string {
	var names []string
	if l.functions[n.Op] != nil {
		names = append(names, n.Op)
	}
	for attr := range n.Attr {
		for _, fn := range namesIn(n, attr) {
			if l.functions[fn.Name] != nil {
				names = append(names, fn.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// findTables returns the tables that b uses, and what fills them in the whole graph. It
// refuses tables whose content is not known.
func findTables(lib *library, b *body, def *graphdef.GraphDef) (*tables, error) {
	t := &tables{lib: lib, known: map[string]*lookupTable{}}
	err := lib.eachNode(b, t.add)
	if err != nil || len(t.list) == 0 {
		return t, err
	}
	err = lib.eachNode(b, t.checkUse)
	if err != nil {
		return nil, err
	}
	f := &fillFinder{lib: lib, tables: t, graph: newBody(def.GetNode(), nil)}
	if err := f.find(); err != nil {
		return nil, err
	}
	for _, fill := range t.unclear {
		return nil, nodeError(fill.where, fill.node, tfkeep.ErrUnsupported, "it is not known which lookup table it fills; choose outputs that use no tables")
	}
	for _, table := range t.list {
		if len(table.fills) == 0 {
			return nil, nodeError(table.where, table.node, tfkeep.ErrUnsupported,
				"nothing in the graph fills this lookup table, so that the frozen graph would have an empty one; choose outputs that do not use it")
		}
	}
	return t, nil
}

func (t *tables) add(b *body, n *graphdef.NodeDef) error {
	if !isTable(n.Op) {
		return nil
	}
	id := tableID(b, n)
	switch {
	case isAnonymousTable(n.Op):
		return nodeError(b, n, tfkeep.ErrUnsupported, "each run of this node makes a new, empty table; choose outputs that do not use it")
	case id == "":
		return nodeError(b, n, tfkeep.ErrUnsupported, "a function makes this lookup table without a shared_name, so that nothing outside can fill it; make the table outside of the function")
	case t.known[id] == nil:
		t.known[id] = &lookupTable{node: n, where: b}
		t.list = append(t.list, t.known[id])
	}
	return nil
}

// checkUse refuses a graph that changes entries of tables.
func (t *tables) checkUse(b *body, n *graphdef.NodeDef) error {
	if changesTable(n.Op) {
		return nodeError(b, n, tfkeep.ErrUnsupported, "it changes a lookup table, which a frozen graph cannot carry from run to run; choose outputs that do not need it")
	}
	return nil
}

// checkInitOps refuses a SavedModel whose init op changes mutable tables: it runs after the
// restore, so that the checkpoint does not have what the tables hold then.
func (t *tables) checkInitOps(graph *body, o *Options) error {
	if o.model == nil || len(t.changes) == 0 || !slices.ContainsFunc(t.list, func(l *lookupTable) bool { return isMutableTable(l.node.Op) }) {
		return nil
	}
	runs := graph.ancestors(o.model.initOps)
	for _, change := range t.changes {
		if runs[change.root] {
			return nodeError(change.where, change.node, tfkeep.ErrUnsupported,
				"the model's init op changes a lookup table with it after the restore, so that the checkpoint does not have its content; load the model, save a checkpoint of it, and freeze that")
		}
	}
	return nil
}

// freezeTables reports the tables of b, and embeds them if the options say so.
func (r *Report) freezeTables(ctx context.Context, lib *library, b *body, def *graphdef.GraphDef, src checkpoint.Source, o *Options) error {
	t, err := findTables(lib, b, def)
	if err != nil {
		return err
	}
	if err := t.checkInitOps(newBody(def.GetNode(), nil), o); err != nil {
		return err
	}
	r.describeTables(t)
	if !o.EmbedTables {
		return t.checkFilled()
	}
	r.Embedded, err = embedTables(ctx, t, b, src, o)
	return err
}

// describeTables reports the lookup tables, the nodes that fill them, and the constants
// with the names of their files.
func (r *Report) describeTables(t *tables) {
	for _, table := range t.list {
		r.Tables = append(r.Tables, table.node.Name)
		for _, f := range table.fills {
			if !slices.Contains(r.TableInitializers, f.root) {
				r.TableInitializers = append(r.TableInitializers, f.root)
			}
			if f.file != nil && !slices.Contains(r.Assets, f.file.Name) {
				r.Assets = append(r.Assets, f.file.Name)
			}
		}
	}
}

// checkFilled refuses tables that only the checkpoint fills: without embedding, nothing in
// the frozen graph would.
func (t *tables) checkFilled() error {
	for _, table := range t.list {
		if isMutableTable(table.node.Op) || slices.ContainsFunc(table.fills, func(f *tableFill) bool { return f.keys.key != "" }) {
			return nodeError(table.where, table.node, tfkeep.ErrUnsupported,
				"the content of this lookup table is in the checkpoint; set Options.EmbedTables (--embed_tables) to put it into the graph")
		}
	}
	return nil
}

// constString returns the value of a constant scalar string.
func constString(n *graphdef.NodeDef) (string, bool) {
	t := n.GetAttr()["value"].GetTensor()
	if n.GetOp() != "Const" || len(t.GetStringVal()) != 1 || len(nodedef.DataInputs(n)) > 0 {
		return "", false
	}
	return string(t.StringVal[0]), true
}
