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

// Reads returns the tensors that the run's functions read from the checkpoint, so that
// the caller can check them before TensorFlow reads them. Call Check first.
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
			if readsCheckpoint(n) {
				reads, _ := w.read(b, n)
				all = append(all, reads...)
			}
		}
	}
	return all
}

func readsCheckpoint(n *graphdef.NodeDef) bool {
	_, restore := savergraph.Ops()
	return slices.Contains(restore, n.GetOp())
}

// read returns what a restore node of a function reads, and whether that is constant.
func (w *walk) read(b *body, n *graphdef.NodeDef) ([]Read, bool) {
	if n.GetOp() != "RestoreV2" || n.GetAttr()["dtypes"].GetPlaceholder() != "" {
		return nil, false
	}
	dtypes := n.GetAttr()["dtypes"].GetList().GetType()
	keys, ok := constantStrings(b, input(n, 1), len(dtypes))
	if !ok {
		return nil, false
	}
	slices, ok := constantStrings(b, input(n, 2), len(dtypes))
	if !ok {
		return nil, false
	}
	reads := make([]Read, len(dtypes))
	for i := range reads {
		reads[i] = Read{Function: b.function, Node: n.GetName(), Key: keys[i], Slice: slices[i], DType: dtypes[i]}
	}
	return reads, true
}

// constantStrings returns the strings of the Const that an input names.
func constantStrings(b *body, in string, count int) ([]string, bool) {
	c := b.byName[nodedef.NodeName(in)]
	if c.GetOp() != "Const" {
		return nil, false
	}
	values, err := savergraph.Strings(c, count)
	return values, err == nil
}
