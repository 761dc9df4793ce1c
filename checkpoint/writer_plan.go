package checkpoint

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/crc32c"
)

// tensorPlan is a tensor on its way to a data file: its entry, and the pieces
// that its bytes are written in.
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
	if t.DType == dtype.String {
		p.planStrings()
	}
	return p, nil
}

// newStreamPlan plans a tensor whose elements come from a stream.
func newStreamPlan(t *Tensor) (*tensorPlan, error) {
	shape, err := t.checkDescription()
	if err != nil {
		return nil, err
	}
	if t.DType == dtype.String || t.Data != nil || t.Strings != nil {
		return nil, &tfkeep.Error{Op: "write", Item: "tensor", Name: t.Name, Err: tfkeep.ErrArgument,
			Detail: "AddFrom takes a tensor of numbers without Data"}
	}
	n, _ := NumElements(shape)
	p := &tensorPlan{tensor: t}
	p.entry = &bundleEntry{dtype: t.DType, shape: slices.Clone(shape), size: n * int64(dtype.Size(t.DType))}
	return p, nil
}

// planStrings lays a string tensor out:
//
//	varint lengths, masked CRC-32C of the lengths, the strings
//
// Both that checksum and the tensor's own take the lengths as fixed-size
// integers, of four bytes, or of eight for those that need it; the tensor's own
// goes on with the stored checksum and the strings.
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

// chunkSize is what one goroutine sums and writes at a time: little enough to
// stay in the processor's cache between the two.
const chunkSize = 1 << 20

// chunk is a part of a tensor's bytes: one run of memory, or some strings.
type chunk struct {
	plan    *tensorPlan
	offset  int64
	data    []byte
	strings [][]byte
	size    int64
	crc     uint32
}

// chunks cuts what follows the head into pieces.
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
		// As many strings as fit; one that fills a chunk goes by itself.
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

// bytes returns the chunk in one run, in scratch if it has to be gathered.
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

// finish computes the tensor's checksum from those of its chunks, in order.
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
