package freeze

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"

	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	protobuf "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
)

// A saved names what a saver in the graph restores into a variable.
type saved struct {
	key   string
	spec  string // TensorFlow's shape and slice, "" for the whole
	saver string // scope of the restore node, "save/"
}

// restores returns, for each variable, the keys under which the graph's savers restore
// it: savers may rename variables, and save slices of one as a single tensor.
func restores(def *graphpb.GraphDef) map[string][]saved {
	found := map[string][]saved{}
	for r, err := range savergraph.New(def).AllRestores() {
		if err == nil && r.Assign != "" {
			found[r.Variable] = append(found[r.Variable], saved{key: r.Key, spec: r.Slice, saver: scopeOf(r.Node)})
		}
	}
	return found
}

// scopeOf is the name scope a node stands in: "save/" for "save/RestoreV2".
func scopeOf(node string) string {
	return node[:strings.LastIndexByte(node, '/')+1]
}

var partName = regexp.MustCompile(`^(.*)/part_(\d+)$`)

// resolver finds the value of each variable in a source.
type resolver struct {
	src     Source
	saved   map[string][]saved
	prefer  string // scope of the saver whose keys come first
	aliases map[string]string
}

func newResolver(def *graphpb.GraphDef, src Source, sd *protobuf.SaverDef, aliases map[string]string) *resolver {
	r := &resolver{src: src, saved: restores(def), aliases: aliases}
	if sd != nil {
		r.prefer = scopeOf(sd.RestoreOpName)
	}
	return r
}

// find returns the value of variable n; problem says what is wrong if there
// is none that fits, with missing telling whether there is none at all.
func (r *resolver) find(n *nodepb.NodeDef) (ref *valueRef, problem string, missing bool) {
	cands := append([]saved(nil), r.saved[n.Name]...)
	sort.SliceStable(cands, func(i, j int) bool {
		return cands[i].saver == r.prefer && cands[j].saver != r.prefer
	})
	cands = append(cands, saved{key: n.Name})
	if s := string(n.Attr["shared_name"].GetS()); s != "" && s != n.Name {
		cands = append(cands, saved{key: s})
	}
	for _, name := range []string{n.Name, string(n.Attr["shared_name"].GetS())} {
		if key, ok := r.aliases[name]; ok {
			cands = append(cands, saved{key: key})
		}
	}
	var mismatch string
	for _, c := range cands {
		info, ok := r.src.Lookup(c.key)
		if !ok {
			continue
		}
		ref, why := fit(n, info, c)
		if ref != nil {
			return ref, "", false
		}
		if mismatch == "" {
			mismatch = why
		}
	}
	if ref := r.part(n); ref != nil {
		return ref, "", false
	}
	if mismatch != "" {
		return nil, mismatch, false
	}
	if cands[0].key != n.Name {
		return nil, fmt.Sprintf("%s (saved as %q)", n.Name, cands[0].key), true
	}
	return nil, n.Name, true
}

// part finds the value of one part of a partitioned variable in a graph that
// has no saver to tell: the parts are saved as slices of one tensor, in order.
func (r *resolver) part(n *nodepb.NodeDef) *valueRef {
	m := partName.FindStringSubmatch(n.Name)
	if m == nil {
		return nil
	}
	info, ok := r.src.Lookup(m[1])
	i, err := strconv.Atoi(m[2])
	if !ok || err != nil || i >= len(info.Slices) {
		return nil
	}
	slices := append([]checkpoint.SliceInfo(nil), info.Slices...)
	sort.SliceStable(slices, func(a, b int) bool {
		for d := range slices[a].Slice {
			if x, y := slices[a].Slice[d].Start, slices[b].Slice[d].Start; x != y {
				return x < y
			}
		}
		return false
	})
	ref, _ := fit(n, info, saved{key: m[1], spec: checkpoint.FormatSliceSpec(info.Shape, slices[i].Slice)})
	return ref
}

// fit checks that what is stored is what the variable holds.
func fit(n *nodepb.NodeDef, info checkpoint.TensorInfo, c saved) (*valueRef, string) {
	ref := &valueRef{key: c.key, dtype: info.DType, shape: info.Shape, bytes: info.Bytes}
	if c.spec != "" {
		full, slice, err := checkpoint.ParseSliceSpec(c.spec)
		if err != nil {
			return nil, fmt.Sprintf("%s: slice %q: %v", n.Name, c.spec, err)
		}
		if !equalDims(full, info.Shape) {
			return nil, fmt.Sprintf("%s: part of a tensor of shape %v, but %q has shape %v", n.Name, full, c.key, info.Shape)
		}
		if ref.shape, err = slice.Shape(full); err != nil {
			return nil, fmt.Sprintf("%s: slice %q: %v", n.Name, c.spec, err)
		}
		if !slice.IsFull() {
			ref.slice = slice
		}
	}
	if want := n.Attr["dtype"].GetType(); want != 0 && want != info.DType {
		return nil, fmt.Sprintf("%s: the graph has %s, the checkpoint %s", n.Name, dtype.Name(want), dtype.Name(info.DType))
	}
	if want, ok := staticShape(n); ok && !compatible(want, ref.shape) {
		return nil, fmt.Sprintf("%s: the graph has shape %v, the checkpoint %v", n.Name, want, ref.shape)
	}
	if size := dtype.Size(info.DType); size > 0 {
		elems, ok := checkpoint.NumElements(ref.shape)
		if !ok || elems > int64(1)<<62/int64(size) {
			return nil, fmt.Sprintf("%s: shape %v is too large", n.Name, ref.shape)
		}
		ref.bytes = elems * int64(size)
	}
	return ref, ""
}

// staticShape is the shape a variable declares; false if it declares none.
func staticShape(n *nodepb.NodeDef) ([]int64, bool) {
	s := n.Attr["shape"].GetShape()
	if s == nil || s.UnknownRank {
		return nil, false
	}
	// VariableV2 of old graphs wrote a scalar where the shape was unknown.
	if len(s.Dim) == 0 && n.Op == "Variable" {
		return nil, false
	}
	dims := make([]int64, len(s.Dim))
	for i, d := range s.Dim {
		dims[i] = d.Size
	}
	return dims, true
}

func compatible(want, have []int64) bool {
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		if want[i] >= 0 && want[i] != have[i] {
			return false
		}
	}
	return true
}

func equalDims(a, b []int64) bool { return compatible(a, b) && compatible(b, a) }
