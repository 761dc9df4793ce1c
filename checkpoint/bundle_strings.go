package checkpoint

import (
	"context"
	"encoding/binary"
	"math"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/crc32c"
)

// strings decodes a string tensor, whose bytes are
//
//	the lengths as varints, uint32 masked checksum of the lengths, the strings
//
// The checksum of the lengths is not that of the varints: it takes each length as a
// uint32, or as a uint64 if 32 bits are too few. The checksum of the tensor continues
// it with the masked checksum and the strings. All integers except the varints have the
// byte order of the file.
func (p *bundlePart) strings(ctx context.Context) ([][]byte, error) {
	size := p.place.Bytes
	if p.t.DType == dtype.Variant {
		return p.variants(ctx)
	}
	if size == 0 && p.count == 0 {
		return nil, p.checkSum(0)
	}
	if size < 4 || p.count > size-4 {
		return nil, p.corrupt(0, "%d bytes cannot hold %d strings", size, p.count)
	}
	data, err := p.readStrings(ctx)
	if err != nil {
		return nil, err
	}
	out := make([][]byte, p.count)
	crc, pos, err := p.lengths(data, func(i, n int) { out[i] = data[:n] })
	if err != nil {
		return nil, err
	}
	if !p.b.opts.SkipChecksums {
		if got := crc32c.Unmask(p.order().Uint32(data[pos:])); got != crc {
			return nil, p.corrupt(pos, "the checksum of the strings' lengths is %08x, stored is %08x", crc, got)
		}
		if err := p.checkSum(crc32c.Update(crc, data[pos:])); err != nil {
			return nil, err
		}
	}
	// At this point the elements have the right lengths, but no content.
	rest := data[pos+4:]
	for i, s := range out {
		n := len(s)
		out[i], rest = rest[:n:n], rest[n:]
	}
	return out, nil
}

// readStrings reads the part as it is stored. Its size is only stated in files, so that it
// must not consist of holes, which cost nothing.
func (p *bundlePart) readStrings(ctx context.Context) ([]byte, error) {
	size := p.place.Bytes
	if size > max(p.in.memoryLimit(), p.b.opts.MemoryLimit) {
		return nil, p.t.errorf(p.in.path, p.place.Offset, tfkeep.ErrTooLarge,
			"its strings take %d bytes, but holes leave %d of the file on the disk; if you trust it, copy it with cp --sparse=never, or raise ReaderOptions.MemoryLimit", size, p.in.stored)
	}
	data := make([]byte, size)
	for off := 0; off < len(data); off += readChunk {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := p.readAt(data[off:min(off+readChunk, len(data))], int64(off)); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// lengths decodes the lengths, computes their checksum, and compares their sum with the
// number of bytes. It returns the position of the stored checksum.
func (p *bundlePart) lengths(data []byte, visit func(i, n int)) (crc uint32, pos int, err error) {
	order := p.order()
	total := uint64(0)
	var batch []byte
	for i := range int(p.count) {
		length, n := binary.Uvarint(data[pos:])
		if n <= 0 {
			return 0, 0, p.corrupt(pos, "the length of string %d does not decode", i)
		}
		pos += n
		if length > uint64(len(data)) || total+length > uint64(len(data)) {
			return 0, 0, p.corrupt(pos, "string %d leaves the tensor", i)
		}
		total += length
		visit(i, int(length))
		if length <= math.MaxUint32 {
			batch = order.AppendUint32(batch, uint32(length))
		} else {
			batch = order.AppendUint64(batch, length)
		}
		if len(batch) >= 4096 {
			crc, batch = crc32c.Update(crc, batch), batch[:0]
		}
	}
	if uint64(pos)+4+total != uint64(len(data)) {
		return 0, 0, p.corrupt(pos, "%d strings take %d bytes, the tensor has %d", p.count, uint64(pos)+4+total, len(data))
	}
	return crc32c.Update(crc, batch), pos, nil
}

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

func (p *bundlePart) order() byteOrder {
	if p.b.bigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

func (p *bundlePart) corrupt(at int, format string, args ...any) error {
	return p.t.errorf(p.in.path, p.place.Offset+int64(at), tfkeep.ErrCorrupt, format, args...)
}
