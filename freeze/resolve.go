package freeze

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tfkeep/tfkeep/checkpoint"
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
}

// savedAs is a key under which a variable may be saved.
type savedAs struct {
	key   string
	slice string // TensorFlow's text of shape and slice, "" for the whole tensor
	saver string // the scope of the restore node, "save/"
}

// restoredAs returns, for each variable, the keys under which the graph's savers restore
// it: savers may rename variables, and save slices of one as a single tensor. unread are
// the restore nodes whose keys cannot be read, because they are computed when the graph
// runs.
func restoredAs(def *graphdef.GraphDef) (keys map[string][]savedAs, unread []string) {
	keys = map[string][]savedAs{}
	for r, err := range savergraph.New(def).AllRestores() {
		switch {
		case err != nil:
			unread = append(unread, r.Node)
		case r.Assign != "":
			keys[r.Variable] = append(keys[r.Variable], savedAs{key: r.Key, slice: r.Slice, saver: scopeOf(r.Node)})
		}
	}
	return keys, unread
}

// scopeOf returns the name scope that a node is in: "save/" for "save/RestoreV2".
func scopeOf(node string) string {
	return node[:strings.LastIndexByte(node, '/')+1]
}

// resolver finds the values of variables in a source.
type resolver struct {
	src     checkpoint.Source
	saved   map[string][]savedAs
	unread  []string          // restore nodes whose keys cannot be read
	prefer  string            // the scope of the saver whose keys come first
	aliases map[string]string // names of variables → their keys, for object-based checkpoints
}

func newResolver(def *graphdef.GraphDef, src checkpoint.Source, o *Options, aliases map[string]string) *resolver {
	if o.NodeNames {
		return &resolver{src: src}
	}
	r := &resolver{src: src, aliases: aliases}
	r.saved, r.unread = restoredAs(def)
	if o.SaverDef != nil {
		r.prefer = scopeOf(o.SaverDef.RestoreOpName)
	}
	return r
}

// problem is the reason why a variable has no value.
type problem struct {
	text    string
	missing bool // nothing is stored under any of its keys
}

// find returns the value of variable n, or the reason why it has none.
func (r *resolver) find(n *graphdef.NodeDef) (*valueRef, *problem) {
	candidates := r.candidates(n)
	mismatch := ""
	for _, c := range candidates {
		info, ok := r.src.Lookup(c.key)
		if !ok {
			continue
		}
		ref, why := fit(n, info, c)
		if ref != nil {
			return ref, nil
		}
		mismatch = cmp.Or(mismatch, why)
	}
	if ref := r.part(n); ref != nil {
		return ref, nil
	}
	switch {
	case mismatch != "":
		return nil, &problem{text: mismatch}
	case candidates[0].key != n.Name:
		return nil, &problem{text: fmt.Sprintf("%s (saved as %q)", n.Name, candidates[0].key), missing: true}
	}
	return nil, &problem{text: n.Name, missing: true}
}

// candidates returns the keys under which variable n may be saved, the likeliest first.
// There is always one.
func (r *resolver) candidates(n *graphdef.NodeDef) []savedAs {
	all := slices.Clone(r.saved[n.Name])
	slices.SortStableFunc(all, func(a, b savedAs) int {
		switch preferA, preferB := a.saver == r.prefer, b.saver == r.prefer; {
		case preferA == preferB:
			return 0
		case preferA:
			return -1
		}
		return 1
	})
	shared := string(n.Attr["shared_name"].GetS())
	all = append(all, savedAs{key: n.Name})
	if shared != "" && shared != n.Name {
		all = append(all, savedAs{key: shared})
	}
	for _, name := range []string{n.Name, shared} {
		if key, ok := r.aliases[name]; ok {
			all = append(all, savedAs{key: key})
		}
	}
	return all
}

var partName = regexp.MustCompile(`^(.*)/part_(\d+)$`)

// part returns the value of one part of a partitioned variable in a graph without a
// saver: the parts are saved as slices of one tensor, in order. It returns nil if n is
// not such a part.
func (r *resolver) part(n *graphdef.NodeDef) *valueRef {
	m := partName.FindStringSubmatch(n.Name)
	if m == nil {
		return nil
	}
	info, ok := r.src.Lookup(m[1])
	i, err := strconv.Atoi(m[2])
	if !ok || err != nil || i >= len(info.Slices) {
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
