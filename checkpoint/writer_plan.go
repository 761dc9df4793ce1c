package checkpoint

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/crc32c"
)

// tensorPlan is a tensor that is being written: its entry, and the bytes that come
// before its elements.
type tensorPlan struct {
	tensor *Tensor
	entry  *bundleEntry // on its own: the index keeps it, and must not keep the tensor
	shard  *shardWriter
	head   []byte // of a string tensor: the lengths and their checksum
	seed   uint32 // the checksum that the bytes after head continue
}

func newTensorPlan(t *Tensor) (*tensorPlan, error) {
	shape, err := t.check()
	if err != nil {
		return nil, err
	}
	p := &tensorPlan{tensor: t}
	p.entry = &bundleEntry{dtype: t.DType, shape: slices.Clone(shape), size: int64(len(t.Data))}
	switch t.DType {
	case dtype.String:
		p.planStrings()
	case dtype.Variant:
		p.planVariants()
	}
	return p, nil
}

// newStreamPlan plans a tensor whose elements come from a stream.
func newStreamPlan(t *Tensor) (*tensorPlan, error) {
	shape, err := t.checkDescription()
	if err != nil {
		return nil, err
	}
	if variable(t.DType) || t.Data != nil || t.Strings != nil {
		return nil, &tfkeep.Error{Op: "write", Item: "tensor", Name: t.Name, Err: tfkeep.ErrArgument,
			Detail: "AddFrom takes a tensor of numbers without Data"}
	}
	n, _ := dtype.NumElements(shape)
	p := &tensorPlan{tensor: t}
	p.entry = &bundleEntry{dtype: t.DType, shape: slices.Clone(shape), size: n * int64(dtype.Size(t.DType))}
	return p, nil
}

// planStrings plans a string tensor:
//
//	varint lengths, masked CRC-32C of the lengths, the strings
//
// The checksum of the lengths takes each of them as an integer of four bytes, or of
// eight bytes if it needs them. The checksum of the tensor continues it with the stored
// checksum and the strings.
func (p *tensorPlan) planStrings() {
	var fixed []byte
	for _, s := range p.tensor.Strings {
		n := uint64(len(s))
		p.head = binary.AppendUvarint(p.head, n)
		if n <= math.MaxUint32 {
			fixed = binary.LittleEndian.AppendUint32(fixed, uint32(n))
		} else {
			fixed = binary.LittleEndian.AppendUint64(fixed, n)
		}
		p.entry.size += int64(n)
	}
	crc := crc32c.Checksum(fixed)
	stored := binary.LittleEndian.AppendUint32(nil, crc32c.Mask(crc))
	p.head = append(p.head, stored...)
	p.seed = crc32c.Update(crc, stored)
	p.entry.size += int64(len(p.head))
}

// chunkSize is the number of bytes that one goroutine sums and writes at a time: few
// enough to stay in the cache of the processor in between.
const chunkSize = 1 << 20

// chunk is a part of the bytes of a tensor: one run of memory, or some strings.
type chunk struct {
	plan    *tensorPlan
	offset  int64
	data    []byte
	strings [][]byte
	size    int64
	crc     uint32
}

// chunks returns the pieces of the bytes after the head.
func (p *tensorPlan) chunks() []chunk {
	offset := p.entry.offset + int64(len(p.head))
	var out []chunk
	add := func(c chunk) {
		c.plan, c.offset = p, offset
		out = append(out, c)
		offset += c.size
	}
	addBytes := func(b []byte) {
		for len(b) > 0 {
			n := min(len(b), chunkSize)
			add(chunk{data: b[:n], size: int64(n)})
			b = b[n:]
		}
	}
	addBytes(p.tensor.Data)
	rest := p.tensor.Strings
	for len(rest) > 0 {
		// A chunk has as many strings as fit. A larger string is cut into chunks of its
		// own.
		n, size := 0, 0
		for n < len(rest) && size+len(rest[n]) <= chunkSize {
			size += len(rest[n])
			n++
		}
		if n == 0 {
			addBytes(rest[0])
			rest = rest[1:]
			continue
		}
		if size > 0 {
			add(chunk{strings: rest[:n], size: int64(size)})
		}
		rest = rest[n:]
	}
	return out
}

// bytes returns the chunk in one run. Strings are copied into scratch.
func (c *chunk) bytes(scratch []byte) []byte {
	if c.strings == nil {
		return c.data
	}
	scratch = scratch[:0]
	for _, s := range c.strings {
		scratch = append(scratch, s...)
	}
	return scratch
}

// finish computes the checksum of the tensor from those of its chunks, in order.
func (p *tensorPlan) finish(chunks []chunk) {
	crc := p.seed
	full := fullChunkShift
	for _, c := range chunks {
		if c.size == chunkSize {
			crc = crc32c.CombineShift(crc, c.crc, full)
		} else {
			crc = crc32c.Combine(crc, c.crc, c.size)
		}
	}
	p.entry.crc = crc32c.Mask(crc)
}

var fullChunkShift = crc32c.Shift(chunkSize)
