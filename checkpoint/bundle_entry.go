package checkpoint

import (
	"errors"
	"fmt"
	"math"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/internal/wire"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/crc32c"
)

// decodeBundleEntry reads a BundleEntryProto. It appends the shape to dims, and returns
// dims for the next entry: so there are few allocations even if an index has many
// tensors.
func decodeBundleEntry(b []byte, dims []int64) (e bundleEntry, rest []int64, err error) {
	start := len(dims)
	var shard int32
	err = wire.Each(b, func(f wire.Field) (err error) {
		switch f.Number {
		case 1:
			return f.Int32((*int32)(&e.dtype))
		case 2:
			dims, err = decodeShape(f, dims, start)
		case 3:
			return f.Int32(&shard)
		case 4:
			return f.Int64(&e.offset)
		case 5:
			return f.Int64(&e.size)
		case 6:
			return f.Fixed32(&e.crc)
		case 7:
			var s Slice
			s, err = decodeSlice(f)
			e.slices = append(e.slices, s)
		}
		return err
	})
	e.shard = int(shard)
	e.shape = dims[start:len(dims):len(dims)]
	return e, dims, err
}

// check compares the entry with itself and with the number of shards.
func (e *bundleEntry) check(numShards int) error {
	n, ok := dtype.NumElements(e.shape)
	if !ok {
		return fmt.Errorf("the shape %v is impossible", e.shape)
	}
	if len(e.slices) > 0 {
		// The entries of the slices say where the bytes of a partitioned tensor are.
		return nil
	}
	switch {
	case e.shard < 0 || e.shard >= numShards:
		return fmt.Errorf("shard %d of %d", e.shard, numShards)
	case e.offset < 0 || e.size < 0 || e.offset > math.MaxInt64-e.size:
		return fmt.Errorf("offset %d and size %d are impossible", e.offset, e.size)
	}
	return e.checkSize(n)
}

func (e *bundleEntry) checkSize(n int64) error {
	elem := int64(dtype.Size(e.dtype))
	if elem == 0 {
		return nil // see valueFault
	}
	if n > math.MaxInt64/elem || e.size != n*elem {
		return fmt.Errorf("%d bytes do not fit %s of shape %v", e.size, dtype.Name(e.dtype), e.shape)
	}
	if n == 0 && e.crc != crc32c.Mask(0) {
		return errors.New("the checksum of an empty tensor is not that of nothing")
	}
	return nil
}

// valueFault returns why the values of an entry cannot be read, although its place can be
// right, with the kind of the error. Other entries can be read all the same.
func (e *bundleEntry) valueFault() (why string, kind error) {
	if why, kind = typeFault(e.dtype); why != "" || !variable(e.dtype) || len(e.slices) > 0 {
		return why, kind
	}
	n, _ := dtype.NumElements(e.shape)
	if e.dtype == dtype.String {
		// A string takes at least one byte of length. The checksum of the lengths follows.
		if n > 0 && (e.size < 4 || n > e.size-4) {
			return fmt.Sprintf("%d bytes cannot hold %d strings", e.size, n), tfkeep.ErrCorrupt
		}
		return "", nil
	}
	if n > e.size/minVariant {
		return fmt.Sprintf("%d bytes cannot hold %d variants", e.size, n), tfkeep.ErrCorrupt
	}
	return "", nil
}
