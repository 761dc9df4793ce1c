package freeze

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// modelAssets are the files of a SavedModel.
type modelAssets struct {
	folder  string
	assets  map[string]string // constant with the name of a file → its name in the folder
	initOps []string          // the nodes that run when the model is loaded
}

// embedder puts the content of tables into the graph.
type embedder struct {
	*tables
	b    *body
	src  checkpoint.Source
	o    *Options
	used map[string]bool // nodes whose place is taken by what fills the table now
}

// embedTables puts the content of the tables into the graph, as constants, and lets whatever
// uses a table wait until it is filled. It returns the names of the files.
func embedTables(ctx context.Context, t *tables, b *body, src checkpoint.Source, o *Options) (files []string, err error) {
	e := &embedder{tables: t, b: b, src: src, o: o, used: map[string]bool{}}
	imports := map[string]string{} // table → the node that fills it
	for _, table := range t.list {
		read, err := e.read(ctx, table)
		if err != nil {
			return nil, err
		}
		if read.file != "" && !slices.Contains(files, read.file) {
			files = append(files, read.file)
		}
		id := tableID(table.where, table.node)
		if imports[id], err = e.place(table, read); err != nil {
			return nil, err
		}
	}
	if err := e.replaceInitializers(imports); err != nil {
		return nil, err
	}
	return files, e.addWaits(imports)
}

// filling is the content of a table.
type filling struct {
	keys, values *elements
	file         string
}

// read returns the content of a table.
func (e *embedder) read(ctx context.Context, table *lookupTable) (*filling, error) {
	var first *filling
	for _, fill := range table.fills {
		refuse := func(format string, args ...any) error {
			return nodeError(fill.where, fill.node, tfkeep.ErrUnsupported, "the content of table %q is not known: "+format, append([]any{table.node.Name}, args...)...)
		}
		if fill.maybe {
			return nil, refuse("the node is in a branch or a loop")
		}
		if isMutableTable(table.node.Op) && fill.keys.key == "" {
			return nil, refuse("the table is mutable, and this node may or may not have run")
		}
		read, err := e.readFill(ctx, table, fill)
		if err != nil {
			return nil, nodeError(fill.where, fill.node, tfkeep.ErrUnsupported, "table %q cannot be embedded: %v", table.node.Name, err)
		}
		if first != nil && !(first.keys.equal(read.keys) && first.values.equal(read.values)) {
			return nil, refuse("several nodes fill it, and differ")
		}
		first = read
	}
	return first, nil
}

func (e *embedder) readFill(ctx context.Context, table *lookupTable, fill *tableFill) (*filling, error) {
	r := &filling{}
	var err error
	switch {
	case fill.file != nil:
		path, err := e.o.vocabularyFile(fill.file)
		if err != nil {
			return nil, err
		}
		r.file = path
		if r.keys, r.values, err = readVocabulary(path, fill.node, table.node); err != nil {
			return nil, err
		}
	case fillsFromFile(fill.node.Op):
		return nil, fmt.Errorf("the name of its file is not a constant")
	case !fill.keys.known() || !fill.values.known():
		return nil, fmt.Errorf("its keys or values are computed when the graph runs")
	default:
		if r.keys, err = e.elements(ctx, fill.keys); err != nil {
			return nil, err
		}
		if r.values, err = e.elements(ctx, fill.values); err != nil {
			return nil, err
		}
	}
	if want := table.node.Attr["key_dtype"].GetType(); r.keys.dtype != want {
		return nil, fmt.Errorf("its keys are %s, and the table's are %s", dtype.Name(r.keys.dtype), dtype.Name(want))
	}
	if want := table.node.Attr["value_dtype"].GetType(); r.values.dtype != want {
		return nil, fmt.Errorf("its values are %s, and the table's are %s", dtype.Name(r.values.dtype), dtype.Name(want))
	}
	if isStaticTable(table.node.Op) {
		err = r.makeUnique()
	}
	if err != nil && r.file != "" {
		err = fmt.Errorf("%s: %w", r.file, err)
	}
	return r, err
}

// elements reads keys or values.
func (e *embedder) elements(ctx context.Context, c content) (*elements, error) {
	if c.key == "" {
		return elementsOf(c.value)
	}
	if e.src == nil {
		return nil, fmt.Errorf("the model has no checkpoint with %q", c.key)
	}
	info, ok := e.src.Lookup(c.key)
	if !ok {
		return nil, fmt.Errorf("the checkpoint lacks %q", c.key)
	}
	return readElements(ctx, e.src, info)
}

// makeUnique removes keys that come again. TensorFlow takes them if their values are equal,
// but then compares only the number of entries when the table is filled again, and fails.
func (f *filling) makeUnique() error {
	if len(f.keys.list) != len(f.values.list) {
		return fmt.Errorf("it has %d keys and %d values", len(f.keys.list), len(f.values.list))
	}
	if len(f.keys.list) == 0 {
		return fmt.Errorf("it has no entries, which TensorFlow refuses")
	}
	seen := map[string]int{}
	keep := make([]int, 0, len(f.keys.list))
	for i, key := range f.keys.list {
		first, again := seen[key]
		if !again {
			seen[key] = i
			keep = append(keep, i)
			continue
		}
		if f.values.list[first] != f.values.list[i] || f.values.isNaN(i) {
			return fmt.Errorf("entries %d and %d have the same key and other values, which TensorFlow refuses", first, i)
		}
	}
	if len(keep) < len(f.keys.list) {
		f.keys, f.values = f.keys.pick(keep), f.values.pick(keep)
	}
	return nil
}

// isNaN reports whether element i is a NaN, which equals nothing.
func (e *elements) isNaN(i int) bool {
	var f float64
	switch e.dtype {
	case dtype.Float32:
		f = float64(math.Float32frombits(uint32(littleEndian(e.list[i]))))
	case dtype.Float64:
		f = math.Float64frombits(littleEndian(e.list[i]))
	default:
		return false
	}
	return math.IsNaN(f)
}

func littleEndian(s string) uint64 {
	var v uint64
	for i := len(s) - 1; i >= 0; i-- {
		v = v<<8 | uint64(s[i])
	}
	return v
}

// place adds the node that fills a table, and its constants. It takes the place of the node
// that filled it before, if the graph has kept that.
func (e *embedder) place(table *lookupTable, f *filling) (string, error) {
	handle, err := e.handle(table)
	if err != nil {
		return "", err
	}
	reference := e.b.node(handle).Op == table.node.Op && !strings.HasSuffix(table.node.Op, "V2")
	op := "LookupTableImportV2"
	types := attrs{"Tin": nodedef.TypeAttr(f.keys.dtype), "Tout": nodedef.TypeAttr(f.values.dtype)}
	if isStaticTable(table.node.Op) {
		op, types = "InitializeTableV2", attrs{"Tkey": nodedef.TypeAttr(f.keys.dtype), "Tval": nodedef.TypeAttr(f.values.dtype)}
	}
	if reference {
		op = strings.TrimSuffix(op, "V2")
	}
	name := handle + "/embedded"
	for i := 1; e.b.has(name) || e.b.has(name+"_keys") || e.b.has(name+"_values"); i++ {
		name = fmt.Sprintf("%s/embedded_%d", handle, i)
	}
	keys, values := nodedef.Const(name+"_keys", f.keys.proto()), nodedef.Const(name+"_values", f.values.proto())
	added := []*graphdef.NodeDef{keys, values}
	input := []string{handle, keys.Name, values.Name}
	if strings.HasPrefix(table.node.Op, "MutableDense") {
		// A dense table saves its buckets as they are, as a matrix, which TensorFlow takes
		// back only where it does not know the shape before the graph runs.
		for i, n := range []*graphdef.NodeDef{keys, values} {
			shape := &tensor_shape_go_proto.TensorShapeProto{UnknownRank: true}
			free := &graphdef.NodeDef{Name: n.Name + "_any_shape", Op: "PlaceholderWithDefault", Input: []string{n.Name},
				Attr: attrs{"dtype": n.Attr["dtype"], "shape": {Value: &attrpb.AttrValue_Shape{Shape: shape}}}}
			added, input[i+1] = append(added, free), free.Name
		}
	}
	return name, e.b.addNew(append(added, &graphdef.NodeDef{Name: name, Op: op, Input: input, Attr: types, Device: e.b.node(handle).Device}))
}

// handle returns the node of the graph with the table. It adds one for a table that a
// function makes: a session has one table for each shared_name.
func (e *embedder) handle(table *lookupTable) (string, error) {
	if table.where.fn == nil {
		return table.node.Name, nil
	}
	n := &graphdef.NodeDef{Name: table.node.Name, Op: table.node.Op, Attr: attrs{}}
	for i := 1; e.b.has(n.Name); i++ {
		n.Name = fmt.Sprintf("%s_%d", table.node.Name, i)
	}
	for name, value := range table.node.Attr {
		if name != "_class" {
			n.Attr[name] = value
		}
	}
	if len(nodedef.DataInputs(table.node)) > 0 {
		return "", nodeError(table.where, table.node, tfkeep.ErrUnsupported, "a function makes this table from inputs, so that it cannot be filled outside; make the table outside of the function")
	}
	return n.Name, e.b.addNew([]*graphdef.NodeDef{n})
}

// replaceInitializers replaces the nodes that filled the tables before and are kept: they
// only wait for what fills the tables now.
func (e *embedder) replaceInitializers(imports map[string]string) error {
	consumers := e.b.dataConsumers()
	for _, id := range sortedKeys(imports) {
		for _, fill := range e.known[id].fills {
			i, ok := e.b.index[fill.root]
			if !ok {
				continue
			}
			n := e.b.nodes[i]
			if consumers[n.Name] > 0 {
				return nodeError(e.b, n, tfkeep.ErrUnsupported, "it fills a lookup table, and its result is used, so that the table cannot be embedded")
			}
			n = e.b.mutable(i)
			n.Input = append(slices.Clone(controlInputs(n)), "^"+imports[id])
			turnInto(n, "NoOp", attrs{})
		}
	}
	return nil
}

// addWaits lets everything that uses a table wait until the table is filled.
func (e *embedder) addWaits(imports map[string]string) error {
	ready := map[string]string{} // node with a handle → the node that has it once the table is filled
	fills := map[string]bool{}
	for _, name := range imports {
		fills[name] = true
	}
	count := len(e.b.nodes)
	for _, n := range e.b.nodes[:count] {
		if !isTable(n.Op) || imports[tableID(e.b, n)] == "" {
			continue
		}
		op := "Identity"
		dt := dtype.Resource
		if !strings.HasSuffix(n.Op, "V2") {
			op, dt = "RefIdentity", dtype.String
		}
		name := n.Name + "/filled"
		for i := 1; e.b.has(name); i++ {
			name = fmt.Sprintf("%s/filled_%d", n.Name, i)
		}
		if err := e.b.addNew([]*graphdef.NodeDef{{
			Name: name, Op: op, Input: []string{n.Name, "^" + imports[tableID(e.b, n)]}, Attr: attrs{"T": nodedef.TypeAttr(dt)}, Device: n.Device,
		}}); err != nil {
			return err
		}
		ready[n.Name] = name
	}
	for i := range count {
		n := e.b.nodes[i]
		if fills[n.Name] {
			continue
		}
		for k, in := range nodedef.DataInputs(n) {
			if to := ready[e.b.parse(in).node]; to != "" {
				e.b.mutable(i).Input[k] = to
			}
		}
		for _, id := range e.madeBy(e.b.nodes[i]) {
			if control := "^" + imports[id]; imports[id] != "" && !slices.Contains(e.b.nodes[i].Input, control) {
				n := e.b.mutable(i)
				n.Input = append(n.Input, control)
			}
		}
	}
	return nil
}

// madeBy returns the tables that the functions which n calls make.
func (e *embedder) madeBy(n *graphdef.NodeDef) []string {
	var ids []string
	if len(e.lib.functionsOf(n)) == 0 {
		return nil
	}
	_ = e.lib.eachNode(newBody([]*graphdef.NodeDef{n}, nil), func(b *body, n *graphdef.NodeDef) error {
		if b.fn != nil && isTable(n.Op) {
			ids = append(ids, tableID(b, n))
		}
		return nil
	})
	return ids
}
