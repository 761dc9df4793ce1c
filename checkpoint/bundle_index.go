package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"unsafe"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/internal/wire"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/crc32c"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/table"
)

// indexReader reads a V2 index into TensorInfos.
type indexReader struct {
	in      *input
	table   *table.Reader
	opts    *ReaderOptions
	header  wire.BundleHeader
	tensors []TensorInfo
	stored  map[string]bundleEntry // the slices that were read, by key
	claimed int                    // how many of them belong to a tensor
	dims    []int64                // memory for shapes
}

// readIndex reads and checks an index. It opens no data file.
func readIndex(ctx context.Context, fsys fs.FS, prefix string, o *ReaderOptions) (*indexReader, error) {
	in, err := openInput(fsys, filenames.Index(prefix))
	if err != nil {
		return nil, err
	}
	defer in.Close()
	x := &indexReader{in: in, opts: o}
	limit := o.memoryLimit(in)
	if x.table, err = table.NewReader(in, in.size, o.tableOptions(limit)); err != nil {
		return nil, in.notATable("open", err)
	}
	if err := x.scan(ctx, limit); err != nil {
		return nil, tableError("open", in.path, err)
	}
	return x, nil
}

// scan reads the table twice: first to estimate the memory that its entries take, then
// to keep them.
func (x *indexReader) scan(ctx context.Context, limit int64) error {
	var count, slices int
	var need int64
	for e, err := range x.table.All() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		need += entryMemory(e)
		if isSliceKey(e.Key) {
			slices++
		} else {
			count++
		}
	}
	if need > limit {
		return x.errorf("", -1, tfkeep.ErrUnsupported, "%d entries need %d bytes of memory, the limit is %d: raise ReaderOptions.MemoryLimit", count, need, limit)
	}
	x.tensors = make([]TensorInfo, 0, count)
	x.stored = make(map[string]bundleEntry, slices)
	empty := true
	for e, err := range x.table.All() {
		switch {
		case err != nil:
		case ctx.Err() != nil:
			err = ctx.Err()
		case empty:
			err = x.addHeader(e)
		default:
			err = x.add(e)
		}
		if err != nil {
			return err
		}
		empty = false
	}
	if empty {
		return x.errorf("", -1, tfkeep.ErrCorrupt, "the index is empty: it has no header")
	}
	if x.claimed < len(x.stored) {
		return x.errorf("", -1, tfkeep.ErrCorrupt, "%d stored slices belong to no tensor", len(x.stored)-x.claimed)
	}
	return nil
}

// isSliceKey reports whether the key of an entry is that of a slice. The keys of slices
// begin with a zero byte.
func isSliceKey(key []byte) bool { return bytes.HasPrefix(key, []byte{0}) }

// entryMemory estimates from above the memory that an entry takes once it is decoded.
func entryMemory(e table.Entry) int64 {
	// The shape and the slices take at most eight bytes for each byte of their
	// encoding, and their dimensions have at least two bytes there.
	need := int64(len(e.Key)) + 4*int64(len(e.Value))
	if isSliceKey(e.Key) {
		return need + int64(unsafe.Sizeof(SliceInfo{})+2*unsafe.Sizeof(bundleEntry{}))
	}
	return need + int64(unsafe.Sizeof(TensorInfo{}))
}

func (x *indexReader) addHeader(e table.Entry) (err error) {
	if len(e.Key) > 0 {
		return x.errorf("", e.Offset, tfkeep.ErrCorrupt, "the header is missing: the first key is %q", e.Key)
	}
	if x.header, err = wire.DecodeBundleHeader(e.Value); err != nil {
		return x.errorf("", e.Offset, tfkeep.ErrCorrupt, "header: %v", err)
	}
	if why := x.header.Versions.Refusal(); why != "" {
		return x.errorf("", e.Offset, tfkeep.ErrUnsupported, "%s", why)
	}
	return nil
}

func (x *indexReader) add(e table.Entry) (err error) {
	if cap(x.dims)-len(x.dims) < maxRank {
		x.dims = make([]int64, 0, 16*maxRank)
	}
	var entry bundleEntry
	entry, x.dims, err = decodeBundleEntry(e.Value, x.dims)
	if err == nil {
		err = entry.check(x.header.NumShards)
	}
	if err != nil {
		return x.errorf(string(e.Key), e.Offset, tfkeep.ErrCorrupt, "%v", err)
	}
	// The keys of slices begin with a zero byte, so all of them come before those of
	// the tensors.
	if _, _, ok := parseSliceKey(e.Key); ok {
		if len(entry.slices) > 0 {
			return x.errorf(string(e.Key), e.Offset, tfkeep.ErrCorrupt, "a slice has slices")
		}
		x.stored[string(e.Key)] = entry
		return nil
	}
	t := TensorInfo{Name: string(e.Key), DType: entry.dtype, Shape: entry.shape,
		Bytes: entry.size, Shard: entry.shard, Offset: entry.offset, CRC32C: crc32c.Unmask(entry.crc)}
	if whole := len(entry.slices) == 1 && entry.slices[0].IsFull(); whole {
		entry.slices = nil
		if err = entry.check(x.header.NumShards); err != nil {
			return x.errorf(t.Name, e.Offset, tfkeep.ErrCorrupt, "%v", err)
		}
	}
	x.setFault(&t, &entry)
	if len(entry.slices) > 0 {
		if err := x.addSlices(&t, entry.slices); err != nil {
			return x.errorf(t.Name, e.Offset, tfkeep.ErrCorrupt, "%v", err)
		}
	}
	x.tensors = append(x.tensors, t)
	return nil
}

// setFault sets the fault of a tensor whose entry, or that of one of its slices, has values
// that cannot be read.
func (x *indexReader) setFault(t *TensorInfo, e *bundleEntry) {
	if why, kind := e.valueFault(); why != "" && t.Fault == nil {
		t.Fault = &tfkeep.Error{Op: "read", Path: x.in.path, Item: "tensor", Name: t.Name, Err: kind, Detail: why}
	}
}

// addSlices adds the parts of a partitioned tensor.
func (x *indexReader) addSlices(t *TensorInfo, parts []Slice) error {
	t.Slices = make([]SliceInfo, len(parts))
	t.Bytes = 0
	for i, s := range parts {
		shape, err := s.Shape(t.Shape)
		if err != nil {
			return fmt.Errorf("slice %s does not lie in the shape %v", s, t.Shape)
		}
		part, ok := x.stored[string(appendSliceKey(nil, t.Name, s))]
		switch {
		case !ok:
			return fmt.Errorf("slice %s is missing", s)
		case part.dtype != t.DType:
			return fmt.Errorf("slice %s is of %s, the tensor of %s", s, dtype.Name(part.dtype), dtype.Name(t.DType))
		case !slices.Equal(part.shape, shape):
			return fmt.Errorf("slice %s is stored with shape %v", s, part.shape)
		}
		x.claimed++
		x.setFault(t, &part)
		t.Slices[i] = SliceInfo{Slice: s, Bytes: part.size, Shard: part.shard, Offset: part.offset, CRC32C: crc32c.Unmask(part.crc)}
		t.Bytes += part.size
	}
	if err := checkTiling(t, x.opts.Strict); err != nil {
		return err
	}
	t.Shard, t.Offset, t.CRC32C = t.Slices[0].Shard, t.Slices[0].Offset, t.Slices[0].CRC32C
	if n, _ := dtype.NumElements(t.Shape); dtype.Size(t.DType) > 0 {
		if t.Bytes = n * int64(dtype.Size(t.DType)); t.Bytes/int64(dtype.Size(t.DType)) != n {
			return fmt.Errorf("the shape %v is impossible", t.Shape)
		}
	}
	return nil
}

func (x *indexReader) errorf(tensor string, block int64, kind error, format string, args ...any) error {
	return atOffset(block, &tfkeep.Error{Op: "open", Path: x.in.path, Item: "tensor", Name: tensor, Err: kind, Detail: fmt.Sprintf(format, args...)})
}

// tableError turns an error of package table into one of this module's kinds. Other
// errors stay as they are.
func tableError(op, file string, err error) error {
	var te *table.Error
	if !errors.As(err, &te) {
		return err
	}
	e := &tfkeep.Error{Op: op, Path: file, Detail: te.Block}
	if te.Detail != "" {
		e.Detail += ": " + te.Detail
	}
	switch {
	case errors.Is(te.Err, tfkeep.ErrCorrupt), errors.Is(te.Err, tfkeep.ErrUnsupported):
		e.Err = te.Err
	case errors.Is(te.Err, tfkeep.ErrTooLarge):
		e.Err = tfkeep.ErrUnsupported
		e.Detail += ": raise ReaderOptions.MemoryLimit"
	default:
		e.Cause = te.Err
	}
	return atOffset(te.Offset, e)
}
