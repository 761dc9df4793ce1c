package savergraph

import (
	"cmp"
	"slices"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// SavePlan describes what a Saver's save nodes write.
type SavePlan struct {
	V1      bool    // in the format of 2015, one file for each shard, instead of V2
	Shards  int     // number of files, at least 1
	Merge   string  // device of the MergeV2Checkpoints node, "" without one
	Tensors []Saved // by shard, then by key: the order in which TensorFlow writes them
}

// Saved is one tensor that a save node writes.
type Saved struct {
	Key    string // name in the checkpoint
	Slice  string // full shape and slice, as in "4 2 0,2:-", "" for a whole tensor
	Source string // the tensor, "node:1" or "node"
	Shard  int    // number of the file, from 0
	Node   string // the save node
	Device string // of the save node: where the file is written
	// Aliases reports that a fetch of Source may return the variable's own memory,
	// which later steps change.
	Aliases bool
}

// Save returns what is written when saveTensor ("save/control_dependency:0") is
// fetched. Its errors are of kind [ErrUnknownForm].
func (g *Graph) Save(saveTensor string) (*SavePlan, error) {
	if g == nil || g.scope == nil {
		return nil, argcheck.Nil("read the save nodes", "", "Graph")
	}
	start, _ := input(saveTensor)
	p := &SavePlan{Shards: 1}
	var saves []*graphdef.NodeDef
	for _, n := range g.needed(start, isSave) {
		if isSave(n) {
			saves = append(saves, n)
		} else if n.GetOp() == "MergeV2Checkpoints" {
			p.Merge = n.GetDevice()
		}
	}
	files := map[int]bool{}
	for i, n := range saves {
		v1 := n.GetOp() != "SaveV2"
		if i > 0 && v1 != p.V1 {
			return nil, unknown(n, "the graph saves in two formats")
		}
		p.V1 = v1
		shard, shards, err := g.shard(n)
		if err != nil {
			return nil, err
		}
		if shards != len(saves) || files[shard] {
			return nil, unknown(n, "the node writes shard %d of %d, and there are %d save nodes", shard, shards, len(saves))
		}
		files[shard], p.Shards = true, shards
		tensors, err := g.savedBy(n, shard)
		if err != nil {
			return nil, err
		}
		p.Tensors = append(p.Tensors, tensors...)
	}
	if len(saves) == 0 {
		return nil, unknown(nil, "tensor %q needs no save node", saveTensor)
	}
	slices.SortStableFunc(p.Tensors, func(a, b Saved) int {
		return cmp.Or(cmp.Compare(a.Shard, b.Shard), cmp.Compare(a.Key, b.Key))
	})
	return p, nil
}

// shard returns which of how many files a save node writes.
func (g *Graph) shard(n *graphdef.NodeDef) (shard, shards int, err error) {
	in := nodedef.DataInputs(n)
	if len(in) == 0 {
		return 0, 0, unknown(n, "the node has no inputs")
	}
	name, _ := input(in[0])
	file := g.nodes[name]
	if file.GetOp() != "ShardedFilename" {
		return 0, 1, nil
	}
	if shard, err = g.int32Input(file, 1); err != nil {
		return 0, 0, err
	}
	if shards, err = g.int32Input(file, 2); err != nil {
		return 0, 0, err
	}
	if shard < 0 || shard >= shards {
		return 0, 0, unknown(file, "shard %d of %d", shard, shards)
	}
	return shard, shards, nil
}

// savedBy returns the tensors that a save node writes, in the order of its inputs.
func (g *Graph) savedBy(n *graphdef.NodeDef, shard int) ([]Saved, error) {
	first := 3 // after file, keys and slices
	if n.GetOp() == "Save" {
		first = 2 // Save has no input for slices
	}
	in := nodedef.DataInputs(n)
	if len(in) < first {
		return nil, unknown(n, "the node has %d inputs", len(in))
	}
	values := in[first:]
	keys, err := g.strings(n, 1, len(values))
	if err != nil {
		return nil, err
	}
	specs := make([]string, len(values))
	if first == 3 {
		if specs, err = g.strings(n, 2, len(values)); err != nil {
			return nil, err
		}
	}
	tensors := make([]Saved, len(values))
	for i, source := range values {
		tensors[i] = Saved{
			Key: keys[i], Slice: specs[i], Source: source, Shard: shard,
			Node: n.GetName(), Device: n.GetDevice(), Aliases: g.aliases(source),
		}
	}
	return tensors, nil
}

// aliases reports whether a fetch of the tensor may show later assignments. Only a
// read of a resource variable is known to be a snapshot.
func (g *Graph) aliases(tensor string) bool {
	for range maxHops {
		name, _ := input(tensor)
		n := g.nodes[name]
		switch n.GetOp() {
		case "ReadVariableOp", "Const", "LookupTableExport", "LookupTableExportV2":
			return false
		case "Identity", "Enter", "RefIdentity":
			if len(n.GetInput()) == 0 {
				return true
			}
			tensor = n.Input[0]
		default:
			return true
		}
	}
	return true
}
