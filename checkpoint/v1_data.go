package checkpoint

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/internal/wire"
	"github.com/tfkeep/tfkeep/dtype"
)

// maxKeptBlock and maxKeptRecords limit the size of a decoded block that is kept.
const (
	maxKeptBlock   = 1 << 20
	maxKeptRecords = 1 << 14
)

// get returns the record of a key, nil if there is none.
func (t *v1Table) get(key []byte) ([]byte, error) {
	i, ok := t.table.Find(key)
	if !ok {
		return nil, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.block != i {
		values, err := t.decodeSmall(i)
		if err != nil {
			return nil, err
		}
		if values == nil {
			value, _, err := t.table.Get(key)
			return value, err
		}
		t.block, t.values = i, values
	}
	return t.values[string(key)], nil
}

// decodeSmall returns the records of a block by key, nil if the block is too large to
// keep.
func (t *v1Table) decodeSmall(i int) (map[string][]byte, error) {
	if t.table.BlockSize(i) > maxKeptBlock {
		return nil, nil
	}
	values, size := map[string][]byte{}, 0
	for e, err := range t.table.Block(i) {
		if err != nil {
			return nil, err
		}
		if size += len(e.Value); size > maxKeptBlock || len(values) == maxKeptRecords {
			return nil, nil
		}
		values[string(e.Key)] = e.Value
	}
	return values, nil
}

func (v *v1Files) open(t *TensorInfo, p *SliceInfo, box Slice) (storedPart, error) {
	tab := v.tables[p.Shard]
	bad := func(kind error, format string, args ...any) error {
		return t.errorf(tab.in.path, p.Offset, kind, format, args...)
	}
	record, err := tab.get(appendSliceKey(nil, t.Name, p.Slice))
	if err != nil {
		e := tableError("read", tab.in.path, err)
		var placed *tfkeep.Error
		if errors.As(e, &placed) {
			placed.Item, placed.Name = "tensor", t.Name
		}
		return nil, e
	}
	if record == nil {
		return nil, bad(tfkeep.ErrCorrupt, "the values of slice %s are missing", p.Slice)
	}
	part := &v1Part{in: tab.in, t: t, offset: p.Offset, count: box.volume(), bytes: p.Bytes}
	if err := part.decode(record, p.Slice); err != nil {
		return nil, bad(tfkeep.ErrCorrupt, "%v", err)
	}
	if part.field == 0 {
		return nil, bad(tfkeep.ErrUnsupported, "values of type %s cannot be read", dtype.Name(t.DType))
	}
	if part.found != part.count {
		return nil, bad(tfkeep.ErrCorrupt, "%d values are stored, its shape needs %d", part.found, part.count)
	}
	return part, nil
}

// v1Part has the values of one slice as a TensorProto stores them: in the repeated
// field of their type, packed or not, in any number of pieces.
type v1Part struct {
	in     *input
	t      *TensorInfo
	offset int64
	count  int64 // elements
	bytes  int64

	field  protowire.Number // of the TensorProto, 0 if there is none for the type
	wire   protowire.Type   // of the field's elements
	pieces [][]byte
	loose  bool  // the last piece was made up of elements that are not packed
	found  int64 // elements in the pieces
}

// tensorField returns the field of a TensorProto that has elements of a type. A complex
// element is two numbers there.
func tensorField(dt dtype.DataType) (protowire.Number, protowire.Type) {
	switch dt {
	case dtype.Float32:
		return 5, protowire.Fixed32Type
	case dtype.Float64:
		return 6, protowire.Fixed64Type
	case dtype.Int32, dtype.Uint8, dtype.Int16, dtype.Int8, dtype.Uint16, dtype.QInt8, dtype.QUint8, dtype.QInt16, dtype.QUint16, dtype.QInt32, dtype.Int4, dtype.Uint4, dtype.Int2, dtype.Uint2:
		return 7, protowire.VarintType
	case dtype.String:
		return 8, protowire.BytesType
	case dtype.Complex64:
		return 9, protowire.Fixed32Type
	case dtype.Int64:
		return 10, protowire.VarintType
	case dtype.Bool:
		return 11, protowire.VarintType
	case dtype.Complex128:
		return 12, protowire.Fixed64Type
	case dtype.Float16, dtype.BFloat16:
		return 13, protowire.VarintType
	case dtype.Uint32:
		return 16, protowire.VarintType
	case dtype.Uint64:
		return 17, protowire.VarintType
	}
	return 0, 0
}

// decode decodes a SavedTensorSlices record and counts its elements.
func (p *v1Part) decode(record []byte, want Slice) error {
	p.field, p.wire = tensorField(p.t.DType)
	if p.wire == protowire.BytesType {
		// Even an empty string takes two bytes.
		p.pieces = make([][]byte, 0, min(p.count, int64(len(record)/2)))
	}
	var name []byte
	slice := Slice{}
	err := wire.Each(record, func(f wire.Field) error {
		if f.Number != 2 {
			return nil
		}
		return f.Message(func(f wire.Field) (err error) {
			switch f.Number {
			case 1:
				err = f.Text(&name)
			case 2:
				slice, err = decodeSlice(f)
			case 3:
				err = f.Message(p.addPiece)
			}
			return err
		})
	})
	if err != nil {
		return err
	}
	if string(name) != p.t.Name || !slice.equal(want) {
		return fmt.Errorf("the record is that of %q, slice %s", name, slice)
	}
	if p.t.DType == dtype.Complex64 || p.t.DType == dtype.Complex128 {
		if p.found%2 != 0 {
			return fmt.Errorf("%d numbers do not make whole complex numbers", p.found)
		}
		p.found /= 2
	}
	return nil
}

func (p *v1Part) addPiece(f wire.Field) error {
	if f.Number != p.field {
		return nil
	}
	loose := false
	switch {
	case f.Wire == protowire.BytesType && p.wire == protowire.BytesType:
		if p.found++; p.found > p.count {
			return fmt.Errorf("more than the %d strings that its shape needs are stored", p.count)
		}
	case f.Wire == protowire.BytesType:
		n, err := countPacked(f.Bytes, p.wire)
		if err != nil {
			return err
		}
		p.found += n
	case f.Wire == p.wire:
		// Elements that are stored one by one become a packed piece.
		p.found++
		if loose = true; p.loose {
			last := &p.pieces[len(p.pieces)-1]
			*last = appendElement(*last, p.wire, f.Num)
			return nil
		}
		f.Bytes = appendElement(nil, p.wire, f.Num)
	default:
		return f.TypeError()
	}
	p.loose = loose
	p.pieces = append(p.pieces, f.Bytes)
	return nil
}

func appendElement(b []byte, wire protowire.Type, v uint64) []byte {
	switch wire {
	case protowire.Fixed32Type:
		return protowire.AppendFixed32(b, uint32(v))
	case protowire.Fixed64Type:
		return protowire.AppendFixed64(b, v)
	}
	return protowire.AppendVarint(b, v)
}

// countPacked counts packed numbers without decoding them.
func countPacked(b []byte, kind protowire.Type) (int64, error) {
	var size int
	switch kind {
	case protowire.Fixed32Type:
		size = 4
	case protowire.Fixed64Type:
		size = 8
	default:
		// The last byte of each varint is the only one without the high bit.
		if len(b) > 0 && b[len(b)-1] >= 0x80 {
			return 0, wire.ErrDecode
		}
		n := int64(0)
		for _, c := range b {
			if c < 0x80 {
				n++
			}
		}
		return n, nil
	}
	if len(b)%size != 0 {
		return 0, wire.ErrDecode
	}
	return int64(len(b) / size), nil
}

func (p *v1Part) span() (*input, int64) { return p.in, 0 }

func (p *v1Part) readInto(ctx context.Context, dst []byte) error {
	elem := dtype.Size(p.t.DType)
	for _, piece := range p.pieces {
		if err := ctx.Err(); err != nil {
			return err
		}
		if p.wire != protowire.VarintType {
			// Fixed numbers are little-endian already.
			dst = dst[copy(dst, piece):]
			continue
		}
		for len(piece) > 0 {
			v, n := protowire.ConsumeVarint(piece)
			if n < 0 || !fitsElement(v, p.t.DType) {
				return p.t.errorf(p.in.path, p.offset, tfkeep.ErrCorrupt, "a stored number does not decode to a %s", dtype.Name(p.t.DType))
			}
			piece = piece[n:]
			putElement(dst, elem, v)
			dst = dst[elem:]
		}
	}
	return nil
}

// fitsElement reports whether a varint is in the range of a type. Narrow unsigned types
// are stored as int32.
func fitsElement(v uint64, dt dtype.DataType) bool {
	i := int64(v)
	switch dt {
	case dtype.Bool:
		return v <= 1
	case dtype.Int8, dtype.QInt8, dtype.Int4, dtype.Int2:
		return i >= math.MinInt8 && i <= math.MaxInt8
	case dtype.Uint8, dtype.QUint8, dtype.Uint4, dtype.Uint2:
		return v <= math.MaxUint8
	case dtype.Int16, dtype.QInt16:
		return i >= math.MinInt16 && i <= math.MaxInt16
	case dtype.Uint16, dtype.QUint16, dtype.Float16, dtype.BFloat16:
		return v <= math.MaxUint16
	case dtype.Int32, dtype.QInt32:
		return i >= math.MinInt32 && i <= math.MaxInt32
	case dtype.Uint32:
		return v <= math.MaxUint32
	}
	return true
}

func putElement(dst []byte, size int, v uint64) {
	switch size {
	case 1:
		dst[0] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(dst, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(dst, uint32(v))
	case 8:
		binary.LittleEndian.PutUint64(dst, v)
	}
}

// strings copies the strings, because other values share the memory of the block.
func (p *v1Part) strings(ctx context.Context) ([][]byte, error) {
	total := 0
	for _, s := range p.pieces {
		total += len(s)
	}
	rest := make([]byte, total)
	for i, s := range p.pieces {
		n := copy(rest, s)
		p.pieces[i], rest = rest[:n:n], rest[n:]
	}
	return p.pieces, ctx.Err()
}

// stream decodes the part at once: its encoded form is in memory already.
func (p *v1Part) stream(int) partStream { return &v1Stream{p: p} }

type v1Stream struct {
	p    *v1Part
	done bool
}

func (s *v1Stream) next(ctx context.Context) ([]byte, error) {
	if s.done || s.p.bytes == 0 {
		return nil, io.EOF
	}
	s.done = true
	out := make([]byte, s.p.bytes)
	return out, s.p.readInto(ctx, out)
}

func (s *v1Stream) skipTo(int64) int64 {
	if s.done {
		return s.p.bytes
	}
	return 0
}

func (v *v1Files) fileNames([]TensorInfo) []string {
	names := make([]string, len(v.tables))
	for i, tab := range v.tables {
		names[i] = tab.in.path
	}
	return names
}

// verify reads every file whole. Each record must be one that the file's table of
// contents lists.
func (v *v1Files) verify(ctx context.Context, tensors []TensorInfo) error {
	for shard, tab := range v.tables {
		if err := tab.verify(ctx, recordKeys(tensors, shard)); err != nil {
			return tableError("open", tab.in.path, err)
		}
	}
	return nil
}

// recordKeys returns the keys of the records that a file must have.
func recordKeys(tensors []TensorInfo, shard int) map[string]bool {
	keys := map[string]bool{"": true}
	for t, p := range storedParts(tensors) {
		if p.Shard != shard {
			continue
		}
		s := p.Slice
		if s == nil {
			s = fullSlice(len(t.Shape))
		}
		keys[string(appendSliceKey(nil, t.Name, s))] = true
	}
	return keys
}

func (t *v1Table) verify(ctx context.Context, listed map[string]bool) error {
	for e, err := range t.table.All() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if !listed[string(e.Key)] {
			return atOffset(e.Offset, &tfkeep.Error{Op: "open", Path: t.in.path, Err: tfkeep.ErrCorrupt,
				Detail: fmt.Sprintf("the table of contents does not list the record %q", e.Key)})
		}
		delete(listed, string(e.Key))
	}
	for key := range listed {
		name, s, _ := parseSliceKey([]byte(key))
		return &tfkeep.Error{Op: "open", Path: t.in.path, Item: "tensor", Name: name, Err: tfkeep.ErrCorrupt,
			Detail: fmt.Sprintf("the values of slice %s are missing", s)}
	}
	return nil
}
