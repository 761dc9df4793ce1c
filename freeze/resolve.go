package freeze

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// valueRef is the place of the value of one variable.
type valueRef struct {
	key   string
	slice checkpoint.Slice // nil for the whole tensor
	dtype dtype.DataType
	shape []int64
	bytes int64

	renamed bool     // Options.Rename gave the key
	others  []string // other keys of the source, from which other savers restore the variable
}

// resolver finds the values of variables in a source. It takes a value only where the key
// is known: from the objects that functions of a SavedModel captured, from the restore nodes
// of the graph, or by a name that no other variable has.
type resolver struct {
	src   checkpoint.Source
	keys  *keys
	parts map[string]int    // name of a partitioned variable → how many parts the graph has
	full  map[string]string // names of variables in the program that saved objects → their keys
}

// newResolver returns a resolver for the variables of def, and of b, which has those that
// functions made. objects may be nil.
func newResolver(ctx context.Context, def *graphdef.GraphDef, b *body, src checkpoint.Source, o *Options, objects *pb.SavedObjectGraph) (*resolver, error) {
	r := &resolver{src: src, keys: newKeys(), parts: map[string]int{}}
	for _, n := range slices.Concat(def.GetNode(), b.nodes) {
		r.keys.addVariable(n)
	}
	for _, n := range def.GetNode() {
		if m := partName.FindStringSubmatch(n.GetName()); m != nil && nodedef.IsVariableOp(n.GetOp()) {
			r.parts[m[1]]++
		}
	}
	if o.NodeNames || src == nil {
		return r, nil
	}
	g := savergraph.New(def)
	r.keys.addSavers(g, o.SaverDef)
	if _, ok := src.Lookup(objectgraph.Key); !ok {
		return r, nil
	}
	saved, err := objectgraph.Read(ctx, src)
	if err != nil {
		return nil, err
	}
	r.keys.addObjects(g, objects, saved)
	r.full, _ = saved.KeysByName()
	return r, nil
}

// scopeOf returns the name scope that a node is in: "save/" for "save/RestoreV2".
func scopeOf(node string) string {
	return node[:strings.LastIndexByte(node, '/')+1]
}

// problem is the reason why a variable has no value.
type problem struct {
	text    string
	missing bool // nothing is stored under any of its keys
	unclear bool // its key is not known, or several values may be meant
}

// find returns the value of variable n, or the reason why it has none.
func (r *resolver) find(ctx context.Context, n *graphdef.NodeDef) (*valueRef, *problem) {
	id := variableID(n)
	saved := r.keys.saved[id]
	if objects := r.keys.objects[id]; len(objects) > 0 {
		ref, trouble := r.equal(ctx, n, objects)
		if ref == nil {
			return nil, trouble
		}
		// The graph's own restore function must agree with TensorFlow's loader.
		return r.equal(ctx, n, slices.Concat(objects, saved))
	}
	if ref, trouble := r.restored(ctx, n, r.present(saved)); ref != nil || trouble != nil {
		return ref, trouble
	}
	if nodes := r.keys.unread[id]; len(nodes) > 0 {
		return nil, &problem{unclear: true, text: fmt.Sprintf(
			"%s: its key is not known, because it is computed when the graph runs, for %s", n.Name, strings.Join(nodes, " and "))}
	}
	ref, trouble := r.equal(ctx, n, r.keys.conventional(id))
	if ref != nil || !trouble.missing {
		return ref, trouble
	}
	if part := r.part(n); part != nil {
		return part, nil
	}
	if list := r.byFullName(id); len(list) > 0 {
		return r.equal(ctx, n, list)
	}
	if len(saved) > 0 && saved[0].key != n.Name {
		trouble.text = fmt.Sprintf("%s (saved as %q)", n.Name, saved[0].key)
	}
	return nil, trouble
}

// present returns those keys that the source has: of the preferred saver if it has any of
// that.
func (r *resolver) present(list []savedAs) []savedAs {
	var present, preferred []savedAs
	for _, c := range list {
		if _, ok := r.src.Lookup(c.key); !ok {
			continue
		}
		present = append(present, c)
		if c.preferred {
			preferred = append(preferred, c)
		}
	}
	if len(preferred) > 0 {
		return preferred
	}
	return present
}

// restored returns the value of a variable that savers of the graph restore from keys of
// the source. It returns nil, nil if there are no keys.
func (r *resolver) restored(ctx context.Context, n *graphdef.NodeDef, from []savedAs) (*valueRef, *problem) {
	if len(from) == 0 {
		return nil, nil
	}
	id := variableID(n)
	for _, c := range from {
		if other := r.keys.shares(id, c); other != "" {
			return nil, &problem{unclear: true, text: fmt.Sprintf("%s: the saver restores %q into %s too", n.Name, c.key, other)}
		}
	}
	ref, trouble := r.equal(ctx, n, from)
	if ref != nil || !trouble.unclear {
		return ref, trouble
	}
	chosen := r.keys.choose(id, from)
	if chosen == nil {
		trouble.text += "; name the saver that is meant"
		return nil, trouble
	}
	if ref, trouble = r.equal(ctx, n, []savedAs{*chosen}); ref == nil {
		return nil, trouble
	}
	for _, c := range from {
		if c.key != chosen.key && !slices.Contains(ref.others, c.key) {
			ref.others = append(ref.others, c.key)
		}
	}
	return ref, nil
}

// equal returns the value of variable n, which may be under any of several keys. Where the
// source has different values under them, it is not clear which is meant.
func (r *resolver) equal(ctx context.Context, n *graphdef.NodeDef, from []savedAs) (*valueRef, *problem) {
	var ref *valueRef
	mismatch := ""
	for _, c := range from {
		info, ok := r.src.Lookup(c.key)
		if !ok {
			continue
		}
		next, why := fit(n, info, c)
		switch {
		case next == nil:
			mismatch = cmp.Or(mismatch, why)
		case ref == nil:
			ref = next
		default:
			same, err := sameValue(ctx, r.src, ref, next)
			if err != nil {
				return nil, &problem{text: fmt.Sprintf("%s: %v", n.Name, err)}
			}
			if !same {
				return nil, &problem{unclear: true, text: fmt.Sprintf("%s: the graph names %q and %q for it, which have different values", n.Name, ref.key, next.key)}
			}
		}
	}
	switch {
	case ref != nil:
		return ref, nil
	case mismatch != "":
		return nil, &problem{text: mismatch}
	case len(from) > 0 && from[0].key != n.Name && !slices.Contains(r.keys.names[variableID(n)], from[0].key):
		return nil, &problem{text: fmt.Sprintf("%s (saved as %q)", n.Name, from[0].key), missing: true}
	}
	return nil, &problem{text: n.Name, missing: true}
}

// byFullName returns the keys that objects of TensorFlow 2 have by the names that their
// variables had. A graph that restores objects itself has no need of names.
func (r *resolver) byFullName(id string) []savedAs {
	var list []savedAs
	for _, c := range r.keys.saved[id] {
		if strings.HasSuffix(c.key, variableSuffix) {
			return nil
		}
		list = append(list, c)
	}
	list = append(list, r.keys.conventional(id)...)
	var found []savedAs
	for _, c := range list {
		if key, ok := r.full[c.key]; ok && len(r.keys.owners[c.key]) == 1 && c.slice == "" {
			found = append(found, savedAs{key: key})
		}
	}
	return found
}

// variableSuffix ends the keys of variables that are saved as objects.
const variableSuffix = "/.ATTRIBUTES/VARIABLE_VALUE"

var partName = regexp.MustCompile(`^(.*)/part_(\d+)$`)

// part returns the value of one part of a partitioned variable in a graph without a
// saver: the parts are saved as slices of one tensor, in order. It returns nil if n is
// not such a part, or if the graph has another number of them than the source.
func (r *resolver) part(n *graphdef.NodeDef) *valueRef {
	m := partName.FindStringSubmatch(n.Name)
	if m == nil {
		return nil
	}
	info, ok := r.src.Lookup(m[1])
	i, err := strconv.Atoi(m[2])
	if !ok || err != nil || i >= len(info.Slices) || r.parts[m[1]] != len(info.Slices) {
		return nil
	}
	parts := slices.Clone(info.Slices)
	slices.SortStableFunc(parts, func(a, b checkpoint.SliceInfo) int {
		for d := range a.Slice {
			if order := cmp.Compare(a.Slice[d].Start, b.Slice[d].Start); order != 0 {
				return order
			}
		}
		return 0
	})
	ref, _ := fit(n, info, savedAs{key: m[1], slice: checkpoint.FormatSliceSpec(info.Shape, parts[i].Slice)})
	return ref
}

// fit returns the stored value of variable n, or why it is not what the variable holds.
func fit(n *graphdef.NodeDef, info checkpoint.TensorInfo, c savedAs) (*valueRef, string) {
	ref := &valueRef{key: c.key, dtype: info.DType, shape: info.Shape, bytes: info.Bytes}
	if c.slice != "" {
		full, slice, err := checkpoint.ParseSliceSpec(c.slice)
		if err != nil {
			return nil, fmt.Sprintf("%s: slice %q: %v", n.Name, c.slice, err)
		}
		if !slices.Equal(full, info.Shape) {
			return nil, fmt.Sprintf("%s: part of a tensor of shape %v, but %q has shape %v", n.Name, full, c.key, info.Shape)
		}
		if ref.shape, err = slice.Shape(full); err != nil {
			return nil, fmt.Sprintf("%s: slice %q: %v", n.Name, c.slice, err)
		}
		if !slice.IsFull() {
			ref.slice = slice
		}
	}
	if want := n.Attr["dtype"].GetType(); want != 0 && want != info.DType {
		return nil, fmt.Sprintf("%s: the graph has %s, the checkpoint %s", n.Name, dtype.Name(want), dtype.Name(info.DType))
	}
	if want, ok := nodedef.VariableShape(n); ok && !compatible(want, ref.shape) {
		return nil, fmt.Sprintf("%s: the graph has shape %v, the checkpoint %v", n.Name, want, ref.shape)
	}
	if size := int64(dtype.Size(info.DType)); size > 0 {
		elements, ok := dtype.NumElements(ref.shape)
		if !ok || elements > int64(1)<<62/size {
			return nil, fmt.Sprintf("%s: shape %v is too large", n.Name, ref.shape)
		}
		ref.bytes = elements * size
	}
	return ref, ""
}

// compatible reports whether a tensor of shape have can be where want is declared, in
// which negative dimensions are free.
func compatible(want, have []int64) bool {
	return slices.EqualFunc(want, have, func(w, h int64) bool { return w < 0 || w == h })
}
