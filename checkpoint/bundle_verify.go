package checkpoint

import (
	"cmp"
	"context"
	"slices"

	"github.com/tfkeep/tfkeep"
)

// byteRange is the place of a tensor or slice in a data file.
type byteRange struct {
	start, end int64
	tensor     *TensorInfo
}

// verify checks that every data file exists and has nothing but the tensors in it and
// zeros for their alignment.
func (b *bundle) verify(ctx context.Context, tensors []TensorInfo) error {
	ranges := map[int][]byteRange{}
	for t, p := range storedParts(tensors) {
		ranges[p.Shard] = append(ranges[p.Shard], byteRange{p.Offset, p.Offset + p.Bytes, t})
	}
	for shard, used := range ranges {
		if err := ctx.Err(); err != nil {
			return err
		}
		in, err := b.file(shard)
		if err != nil {
			return err
		}
		if err := checkRanges(in, used); err != nil {
			return err
		}
	}
	return nil
}

func checkRanges(in *input, used []byteRange) error {
	slices.SortFunc(used, func(a, b byteRange) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	})
	end := int64(0)
	for _, u := range used {
		switch {
		case u.end > in.size:
			return u.tensor.errorf(in.path, u.start, tfkeep.ErrCorrupt, "it ends at byte %d of %d: cut short?", u.end, in.size)
		case u.start == u.end:
			continue
		case u.start < end:
			return u.tensor.errorf(in.path, u.start, tfkeep.ErrCorrupt, "it shares bytes with another tensor")
		}
		if err := checkZeros(in, end, u.start); err != nil {
			return err
		}
		end = u.end
	}
	if end < in.size {
		return atOffset(end, &tfkeep.Error{Op: "open", Path: in.path, Err: tfkeep.ErrCorrupt, Detail: "the rest of the file belongs to no tensor"})
	}
	return nil
}

func checkZeros(in *input, from, to int64) error {
	buf := make([]byte, min(64<<10, to-from))
	for from < to {
		piece := buf[:min(int64(len(buf)), to-from)]
		if n, err := in.ReadAt(piece, from); n < len(piece) {
			if isEOF(err) {
				err = tfkeep.ErrCorrupt
			}
			return atOffset(from, &tfkeep.Error{Op: "open", Path: in.path, Cause: err, Detail: "the file ends between tensors"})
		}
		if i := slices.IndexFunc(piece, func(c byte) bool { return c != 0 }); i >= 0 {
			return atOffset(from+int64(i), &tfkeep.Error{Op: "open", Path: in.path, Err: tfkeep.ErrCorrupt, Detail: "a byte between tensors is not zero"})
		}
		from += int64(len(piece))
	}
	return nil
}
