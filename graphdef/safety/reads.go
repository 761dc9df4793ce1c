package safety

import (
	"slices"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Read is a tensor that a function reads from a checkpoint.
type Read struct {
	Function, Node string
	Key            string // the name in the checkpoint
	Slice          string // the part, "" for the whole tensor
	DType          dtype.DataType
}

// Reads returns the tensors that the run's functions read from the checkpoint under
// constant names, so that the caller can say what is missing before TensorFlow does.
func (r *Run) Reads(g *graphdef.GraphDef) []Read {
	w := newWalk(g, r)
	w.walk()
	var all []Read
	for _, f := range g.GetLibrary().GetFunction() {
		b := w.functions[f.GetSignature().GetName()]
		if b == nil {
			continue
		}
		for _, n := range b.nodes {
			all = append(all, b.reads(n)...)
		}
	}
	return all
}

func readsCheckpoint(n *graphdef.NodeDef) bool {
	_, restore := savergraph.Ops()
	return slices.Contains(restore, n.GetOp())
}

// reads returns what a restore node of a function reads, if that is constant.
func (b *body) reads(n *graphdef.NodeDef) []Read {
	if n.GetOp() != "RestoreV2" || n.GetAttr()["dtypes"].GetPlaceholder() != "" {
		return nil
	}
	dtypes := n.GetAttr()["dtypes"].GetList().GetType()
	keys, ok := b.constantStrings(input(n, 1), len(dtypes))
	parts, ok2 := b.constantStrings(input(n, 2), len(dtypes))
	if !ok || !ok2 {
		return nil
	}
	reads := make([]Read, len(dtypes))
	for i := range reads {
		reads[i] = Read{Function: b.function, Node: n.GetName(), Key: keys[i], Slice: parts[i], DType: dtypes[i]}
	}
	return reads
}

// constantStrings returns the strings of the Const that an input names.
func (b *body) constantStrings(in string, count int) ([]string, bool) {
	c := b.byName[nodedef.NodeName(in)]
	if c.GetOp() != "Const" {
		return nil, false
	}
	values, err := savergraph.Strings(c, count)
	return values, err == nil
}
