package checkpoint

import (
	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/table"
)

// salvageIndex reads as much of an index as possible, and reports each block and entry
// that it cannot read. If it can read nothing, it returns nil. If it cannot read the
// header, NumShards is 0.
func (v *verifier) salvageIndex(prefix string) *indexReader {
	in, err := openInput(v.fs, filenames.Index(prefix))
	if err != nil {
		v.fault(err)
		return nil
	}
	defer in.Close()
	o := &ReaderOptions{}
	x := &indexReader{in: in, opts: o, stored: map[string]bundleEntry{}}
	limit := o.memoryLimit(in)
	if x.table, err = table.NewReader(in, in.size, o.tableOptions(limit)); err != nil {
		v.fault(in.notATable("open", err))
		return nil
	}
	intact := true
	need := int64(0)
	for i := range x.table.NumBlocks() {
		if v.ctx.Err() != nil {
			return nil
		}
		first := i == 0
		intact = v.scanBlock(x.table, in.path, i, func(e table.Entry) error {
			if need += entryMemory(e); need > limit {
				return x.errorf("", e.Offset, tfkeep.ErrUnsupported, "the entries need more than %d bytes of memory", limit)
			}
			if first {
				first = false
				if err := x.addHeader(e); err != nil {
					v.fault(err)
					x.header.NumShards = 0
				}
				return nil
			}
			shards := x.header.NumShards
			if shards == 0 { // unknown: any will do
				x.header.NumShards = 1<<31 - 1
			}
			if err := x.add(e); err != nil {
				v.fault(err)
			}
			x.header.NumShards = shards
			return nil
		}) && intact
	}
	if x.table.NumBlocks() == 0 {
		v.fault(x.errorf("", -1, tfkeep.ErrCorrupt, "the index is empty: it has no header"))
	}
	if lost := len(x.stored) - x.claimed; lost > 0 && intact {
		v.fault(x.errorf("", -1, tfkeep.ErrCorrupt, "%d stored slices belong to no tensor", lost))
	}
	return x
}

// scanBlock reads the entries of one block, calls visit for each of them, and reports the
// block if it is broken, unless the fault of a tensor did so before.
func (v *verifier) scanBlock(t *table.Reader, file string, block int, visit func(table.Entry) error) (intact bool) {
	for e, err := range t.Block(block) {
		if v.ctx.Err() != nil {
			return false
		}
		if err == nil {
			err = visit(e)
		}
		if err == nil {
			continue
		}
		if at := (place{file, t.BlockOffset(block)}); !v.broken[at] {
			v.broken[at] = true
			v.fault(tableError("open", file, err))
		}
		return false
	}
	return true
}
