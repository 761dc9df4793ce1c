package checkpoint

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// The few protocol buffers of the formats are decoded by hand, field by field:
// an index has one for every tensor, and none may cost more memory than it is
// long. A field that this package knows must have its type; others are skipped,
// as in every protocol buffer.

var errWire = errors.New("the protocol buffer does not decode")

// field is one field of a message. Its value is num for the numeric types and
// bytes for a string, a message or packed numbers.
type field struct {
	number protowire.Number
	wire   protowire.Type
	num    uint64
	bytes  []byte
}

// eachField visits the fields of a message in order.
func eachField(b []byte, visit func(field) error) error {
	for len(b) > 0 {
		f, n, err := nextField(b)
		if err != nil {
			return err
		}
		if err := visit(f); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func nextField(b []byte) (f field, size int, err error) {
	number, wire, n := protowire.ConsumeTag(b)
	if n < 0 {
		return f, 0, errWire
	}
	f.number, f.wire = number, wire
	var m int
	switch wire {
	case protowire.VarintType:
		f.num, m = protowire.ConsumeVarint(b[n:])
	case protowire.Fixed32Type:
		var v uint32
		v, m = protowire.ConsumeFixed32(b[n:])
		f.num = uint64(v)
	case protowire.Fixed64Type:
		f.num, m = protowire.ConsumeFixed64(b[n:])
	case protowire.BytesType:
		f.bytes, m = protowire.ConsumeBytes(b[n:])
	default:
		m = protowire.ConsumeFieldValue(number, wire, b[n:])
	}
	if m < 0 {
		return f, 0, errWire
	}
	return f, n + m, nil
}

// int64 gives a varint field's value.
func (f field) int64(to *int64) error {
	if f.wire != protowire.VarintType {
		return f.typeError()
	}
	*to = int64(f.num)
	return nil
}

func (f field) int32(to *int32) error {
	var v int64
	if err := f.int64(&v); err != nil {
		return err
	}
	if v < math.MinInt32 || v > math.MaxInt32 {
		return fmt.Errorf("field %d does not fit 32 bits", f.number)
	}
	*to = int32(v)
	return nil
}

func (f field) fixed32(to *uint32) error {
	if f.wire != protowire.Fixed32Type {
		return f.typeError()
	}
	*to = uint32(f.num)
	return nil
}

// message visits the fields of a nested message.
func (f field) message(visit func(field) error) error {
	if f.wire != protowire.BytesType {
		return f.typeError()
	}
	return eachField(f.bytes, visit)
}

func (f field) string(to *[]byte) error {
	if f.wire != protowire.BytesType {
		return f.typeError()
	}
	*to = f.bytes
	return nil
}

func (f field) typeError() error {
	return fmt.Errorf("field %d has wire type %d", f.number, f.wire)
}

// decodeShape reads a TensorShapeProto, appending the dimensions to dims, of
// which start belong to others.
func (f field) decodeShape(dims []int64, start int) ([]int64, error) {
	err := f.message(func(f field) error {
		switch f.number {
		case 2: // dim
			var size int64
			if err := f.message(func(f field) error {
				if f.number == 1 {
					return f.int64(&size)
				}
				return nil
			}); err != nil {
				return err
			}
			if len(dims)-start == maxRank {
				return fmt.Errorf("the shape has more than %d dimensions", maxRank)
			}
			dims = append(dims, size)
		case 3: // unknown_rank
			if f.num != 0 {
				return errors.New("the shape has no rank")
			}
		}
		return nil
	})
	return dims, err
}

// decodeSlice reads a TensorSliceProto. An extent without a length is full;
// so is one of length -1, which older writers spell out.
func (f field) decodeSlice() (Slice, error) {
	s := Slice{}
	err := f.message(func(f field) error {
		if f.number != 1 {
			return nil
		}
		e := Extent{0, FullExtent}
		if err := f.message(func(f field) error {
			switch f.number {
			case 1:
				return f.int64(&e.Start)
			case 2:
				return f.int64(&e.Length)
			}
			return nil
		}); err != nil {
			return err
		}
		if len(s) == maxRank {
			return fmt.Errorf("the slice has more than %d dimensions", maxRank)
		}
		s = append(s, e)
		return nil
	})
	return s, err
}

// versions is a VersionDef.
type versions struct {
	producer, minConsumer int32
	badConsumers          []int32
}

func (f field) decodeVersions() (v versions, err error) {
	bad := func(n uint64) {
		if len(v.badConsumers) < 1000 {
			v.badConsumers = append(v.badConsumers, int32(n))
		}
	}
	err = f.message(func(f field) error {
		switch f.number {
		case 1:
			return f.int32(&v.producer)
		case 2:
			return f.int32(&v.minConsumer)
		case 3:
			if f.wire == protowire.VarintType {
				bad(f.num)
				return nil
			}
			for b := f.bytes; len(b) > 0; {
				n, m := protowire.ConsumeVarint(b)
				if m < 0 {
					return errWire
				}
				bad(n)
				b = b[m:]
			}
		}
		return nil
	})
	return v, err
}

// formatVersion is that of both formats: TensorFlow has not changed it since
// 2015. It is the newest consumer that this package can be.
const formatVersion = 1

// refusal tells, in TensorFlow's words, why this package cannot read such a
// file; it is empty if it can.
func (v versions) refusal() string {
	switch {
	case v.producer < 0:
		return fmt.Sprintf("Checkpoint producer version %d below min producer 0 supported by TensorFlow", v.producer)
	case v.minConsumer > formatVersion:
		return fmt.Sprintf("Checkpoint min consumer version %d above current version %d for TensorFlow", v.minConsumer, formatVersion)
	case slices.Contains(v.badConsumers, formatVersion):
		return fmt.Sprintf("Checkpoint disallows consumer version %d.  Please upgrade TensorFlow: this version is likely buggy.", formatVersion)
	}
	return ""
}
