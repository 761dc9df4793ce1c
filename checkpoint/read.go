package checkpoint

import (
	"context"
	"io"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/parallel"
)

// ReadInto reads a tensor of numbers, or the part of it that part selects, into dst:
// its elements in row-major order, little-endian. A nil part is the whole tensor. The
// length of dst must be the size of the value. After an error the contents of dst are
// undefined.
//
// The parts in which the tensor was saved do not matter. Unless checksums are skipped,
// every stored part that the selection touches is read to its end, because the checksum
// covers all of it. That takes no additional memory.
//
// A damaged file may claim any size for a tensor, and ReadInto is the first to compare
// the size with the files. To read files that are not trusted, use [Reader.ReadBytes],
// which allocates memory only after that.
func (r *Reader) ReadInto(ctx context.Context, name string, part Slice, dst []byte) error {
	t, end, err := r.begin(ctx, name)
	if err != nil {
		return err
	}
	defer end()
	sel, err := r.selectNumbers(t, part)
	if err != nil {
		return err
	}
	if int64(len(dst)) != sel.bytes() {
		return t.errorf(r.prefix, -1, tfkeep.ErrMismatch, "the destination has %d bytes, the value has %d", len(dst), sel.bytes())
	}
	return sel.readInto(ctx, dst)
}

// ReadBytes returns the elements of a tensor of numbers, or of the part of it that part
// selects, as [Reader.ReadInto] reads them. A nil part is the whole tensor.
func (r *Reader) ReadBytes(ctx context.Context, name string, part Slice) ([]byte, error) {
	t, end, err := r.begin(ctx, name)
	if err != nil {
		return nil, err
	}
	defer end()
	sel, err := r.selectNumbers(t, part)
	if err != nil {
		return nil, err
	}
	dst := make([]byte, sel.bytes())
	if err := sel.readInto(ctx, dst); err != nil {
		return nil, err
	}
	return dst, nil
}

// ReadStrings returns the elements of a tensor of strings, or of the part of it that part
// selects, in row-major order. A nil part is the whole tensor. The elements of a tensor of
// variants, such as the states of iterators and lists of tensors, are the bytes of one
// VariantTensorDataProto each.
func (r *Reader) ReadStrings(ctx context.Context, name string, part Slice) ([][]byte, error) {
	t, end, err := r.begin(ctx, name)
	if err != nil {
		return nil, err
	}
	defer end()
	if !variable(t.DType) {
		return nil, t.errorf(r.prefix, -1, tfkeep.ErrMismatch, "it has %s, not strings: use ReadBytes or Values", dtype.Name(t.DType))
	}
	sel, err := r.selectParts(t, part)
	if err != nil {
		return nil, err
	}
	return sel.strings(ctx)
}

// selectNumbers is selectParts for tensors whose elements have a size.
func (r *Reader) selectNumbers(t *TensorInfo, s Slice) (*selection, error) {
	switch {
	case t.DType == dtype.String:
		return nil, t.errorf(r.prefix, -1, tfkeep.ErrMismatch, "it has strings: use ReadStrings")
	case t.DType == dtype.Variant:
		return nil, t.errorf(r.prefix, -1, tfkeep.ErrUnsupported, "its values are variants, such as the state of an iterator, and no numbers: ReadStrings returns their bytes")
	}
	return r.selectParts(t, s)
}

// selection is the part of a tensor that is being read, and the stored parts that it
// touches.
type selection struct {
	t       *TensorInfo
	box     Slice // what is wanted, resolved
	pieces  []piece
	workers int
	skip    bool // the stored parts need not be read to their ends
}

// piece is the share that one stored part has in a selection.
type piece struct {
	storedPart
	box    Slice // the part
	shared Slice // what it shares with the selection
}

// selectParts opens the stored parts that a slice of t touches. If it succeeds, the
// files have all of them, and memory for the result may be allocated.
func (r *Reader) selectParts(t *TensorInfo, s Slice) (*selection, error) {
	box, err := s.resolve(t.Shape)
	if err != nil {
		return nil, t.errorf(r.prefix, -1, tfkeep.ErrMismatch, "slice %s does not lie in the shape %v", s, t.Shape)
	}
	sel := &selection{t: t, box: box, workers: r.opts.workers(), skip: r.opts.SkipChecksums}
	parts := t.Slices
	if parts == nil {
		parts = []SliceInfo{{Slice: fullSlice(len(t.Shape)), Bytes: t.Bytes, Shard: t.Shard, Offset: t.Offset, CRC32C: t.CRC32C}}
	}
	covered := int64(0)
	spans := map[*input]int64{}
	for i := range parts {
		p := &parts[i]
		partBox, err := p.Slice.resolve(t.Shape)
		if err != nil {
			return nil, t.errorf(r.prefix, -1, tfkeep.ErrCorrupt, "slice %s does not lie in the shape %v", p.Slice, t.Shape)
		}
		shared, ok := partBox.intersect(box)
		// The stored bytes of an empty tensor are checked as well.
		if !ok && len(parts) > 1 {
			continue
		}
		part, err := r.values.open(t, p, partBox)
		if err != nil {
			return nil, err
		}
		file, n := part.span()
		if spans[file] += n; spans[file] > file.size {
			return nil, t.errorf(file.path, p.Offset, tfkeep.ErrCorrupt, "its slices share bytes: together they are longer than the file")
		}
		if ok {
			covered += shared.volume()
		} else {
			shared = nil
		}
		sel.pieces = append(sel.pieces, piece{part, partBox, shared})
	}
	if covered != box.volume() {
		return nil, t.errorf(r.prefix, -1, tfkeep.ErrCorrupt, "its slices do not cover %s", box)
	}
	return sel, nil
}

func (sel *selection) elemSize() int64 { return int64(dtype.Size(sel.t.DType)) }

func (sel *selection) bytes() int64 { return sel.box.volume() * sel.elemSize() }

func (sel *selection) readInto(ctx context.Context, dst []byte) error {
	if len(sel.pieces) == 1 {
		return sel.readPiece(ctx, &sel.pieces[0], dst)
	}
	return parallel.Each(ctx, len(sel.pieces), sel.workers, func(ctx context.Context, i int) error {
		return sel.readPiece(ctx, &sel.pieces[i], dst)
	})
}

// readPiece reads the share of a stored part to its places in dst: directly if it is
// the whole part and one run, otherwise through a buffer.
func (sel *selection) readPiece(ctx context.Context, p *piece, dst []byte) error {
	if p.shared == nil {
		return p.readInto(ctx, nil)
	}
	elem := sel.elemSize()
	at := newRegion(p.box, sel.box, p.shared)
	if at.run == p.box.volume() {
		return p.readInto(ctx, dst[at.bOff*elem:][:at.run*elem])
	}
	c := cursor{part: p.stream(streamBuffer)}
	for ; !at.done; at.next() {
		if err := c.read(ctx, at.aOff*elem, dst[at.bOff*elem:][:at.run*elem]); err != nil {
			return err
		}
	}
	if sel.skip {
		return nil
	}
	return c.drain(ctx)
}

func (sel *selection) strings(ctx context.Context) ([][]byte, error) {
	if len(sel.pieces) == 1 && sel.pieces[0].box.equal(sel.box) {
		return sel.pieces[0].strings(ctx)
	}
	dst := make([][]byte, sel.box.volume())
	for i := range sel.pieces {
		p := &sel.pieces[i]
		elems, err := p.strings(ctx)
		if err != nil {
			return nil, err
		}
		if p.shared == nil {
			continue
		}
		for at := newRegion(p.box, sel.box, p.shared); !at.done; at.next() {
			copy(dst[at.bOff:][:at.run], elems[at.aOff:])
		}
	}
	return dst, nil
}

// streamBuffer is the size of the pieces of a stream.
const streamBuffer = 1 << 20

// cursor reads at rising offsets from the stream of a part.
type cursor struct {
	part partStream
	buf  []byte // what is left of the current piece
	pos  int64  // of buf in the part
}

// read fills dst from offset off of the part.
func (c *cursor) read(ctx context.Context, off int64, dst []byte) error {
	for len(dst) > 0 {
		if skip := off - c.pos; skip >= int64(len(c.buf)) {
			c.pos = c.part.skipTo(off)
			piece, err := c.part.next(ctx)
			if err != nil {
				if isEOF(err) {
					err = io.ErrUnexpectedEOF
				}
				return err
			}
			c.buf = piece
			continue
		} else if skip > 0 {
			c.buf = c.buf[skip:]
			c.pos += skip
		}
		n := copy(dst, c.buf)
		dst, c.buf = dst[n:], c.buf[n:]
		off += int64(n)
		c.pos += int64(n)
	}
	return nil
}

// drain reads to the end of the part, where its checksum is known.
func (c *cursor) drain(ctx context.Context) error {
	for {
		if _, err := c.part.next(ctx); err != nil {
			if isEOF(err) {
				return nil
			}
			return err
		}
	}
}
