package checkpoint

import (
	"context"
	"encoding/binary"

	"github.com/tfkeep/tfkeep/internal/crc32c"
)

// A tensor of variants has for each element
//
//	its length as a varint, the serialized VariantTensorDataProto, a uint32 masked checksum
//
// The checksum is that of everything before it, in which a length is a uint64 and not a
// varint, and so is that of the tensor. See WriteVariantTensor in
// tensorflow/core/util/tensor_bundle/tensor_bundle.cc.

// minVariant is the least number of bytes that a variant takes: its length and checksum.
const minVariant = 5

// variants reads the elements of a tensor of variants.
func (p *bundlePart) variants(ctx context.Context) ([][]byte, error) {
	data, err := p.readStrings(ctx)
	if err != nil {
		return nil, err
	}
	order, crc, pos := p.order(), uint32(0), 0
	out := make([][]byte, p.count)
	for i := range out {
		length, n := binary.Uvarint(data[pos:])
		if n <= 0 || length > uint64(len(data)-pos-n) || uint64(len(data)-pos-n)-length < 4 {
			return nil, p.corrupt(pos, "variant %d leaves the tensor", i)
		}
		pos += n
		out[i] = data[pos:][:length:length]
		pos += int(length)
		crc = crc32c.Update(crc32c.Update(crc, order.AppendUint64(nil, length)), out[i])
		stored := data[pos:][:4]
		if got := crc32c.Unmask(order.Uint32(stored)); got != crc && !p.b.opts.SkipChecksums {
			return nil, p.corrupt(pos, "the checksum of variant %d is %08x, stored is %08x", i, crc, got)
		}
		crc = crc32c.Update(crc, stored)
		pos += 4
	}
	if pos != len(data) {
		return nil, p.corrupt(pos, "%d variants take %d bytes, the tensor has %d", p.count, pos, len(data))
	}
	return out, p.checkSum(crc)
}

// planVariants plans a tensor of variants. All of its bytes are in the head: such tensors
// are small, and their checksum continues over all elements.
func (p *tensorPlan) planVariants() {
	order := binary.LittleEndian
	for _, s := range p.tensor.Strings {
		p.head = append(binary.AppendUvarint(p.head, uint64(len(s))), s...)
		p.seed = crc32c.Update(crc32c.Update(p.seed, order.AppendUint64(nil, uint64(len(s)))), s)
		stored := order.AppendUint32(nil, crc32c.Mask(p.seed))
		p.head = append(p.head, stored...)
		p.seed = crc32c.Update(p.seed, stored)
	}
	p.entry.size = int64(len(p.head))
	bare := *p.tensor
	bare.Strings = nil // they are in the head
	p.tensor = &bare
}
