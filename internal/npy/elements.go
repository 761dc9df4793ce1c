package npy

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"

	"github.com/tfkeep/tfkeep/dtype"
)

// elements streams the elements of an array as TensorFlow stores them: in the order of
// the file, little-endian, and in the type that they had before [StoredType].
type elements struct {
	r    io.Reader // the bytes after the header
	h    *header
	as   dtype.DataType // h.dtype, or a type that is stored as it
	read int64          // bytes read from r
	in   []byte
	rest []byte // decoded bytes that no Read has returned yet
	err  error
}

func newElements(r io.Reader, h *header, as dtype.DataType) *elements {
	return &elements{r: r, h: h, as: as}
}

func (e *elements) Read(p []byte) (int, error) {
	if len(e.rest) == 0 && e.err == nil {
		e.rest, e.err = e.next()
	}
	if len(e.rest) == 0 {
		return 0, e.err
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// next decodes the next piece. It returns io.EOF if the data has ended where the header
// says that it ends.
func (e *elements) next() ([]byte, error) {
	const piece = 32 << 10 // a multiple of every unit of byte order
	left := e.h.bytes - e.read
	if left == 0 {
		switch n, err := io.ReadFull(e.r, make([]byte, 1)); {
		case n > 0:
			return nil, corrupt("bytes follow the array's %d", e.h.bytes)
		case errors.Is(err, io.EOF):
			return nil, io.EOF
		default:
			return nil, readError(err)
		}
	}
	if e.in == nil {
		e.in = make([]byte, min(left, piece))
	}
	data := e.in[:min(left, piece)]
	n, err := io.ReadFull(e.r, data)
	if errors.Is(err, io.EOF) || err == io.ErrUnexpectedEOF {
		return nil, corrupt("the data ends after %d of %d bytes", e.read+int64(n), e.h.bytes)
	}
	if err != nil {
		return nil, readError(err)
	}
	first := e.read
	e.read += int64(n)
	return e.decode(data, first)
}

// decode converts a piece of the data in place. first is its offset.
func (e *elements) decode(data []byte, first int64) ([]byte, error) {
	if e.h.bigEndian && e.h.word > 1 {
		for i := 0; i < len(data); i += e.h.word {
			slices.Reverse(data[i : i+e.h.word])
		}
	}
	switch {
	case e.as == dtype.Bool:
		if i := slices.IndexFunc(data, func(b byte) bool { return b > 1 }); i >= 0 {
			return nil, corrupt("element %d is %d, not a bool", first+int64(i), data[i])
		}
	case e.as != e.h.dtype && isSmallFloat(e.as):
		values := make([]float32, len(data)/4)
		for i := range values {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		data = data[:len(values)*dtype.Size(e.as)]
		if i := dtype.PutFloat32s(e.as, data, values); i >= 0 {
			return nil, corrupt("element %d, %v, cannot have been a %s", first/4+int64(i), values[i], dtype.Name(e.as))
		}
	}
	return data, nil
}

// size returns the number of bytes that the stream has in all.
func (e *elements) size() int64 {
	if e.h.dtype == dtype.String {
		return e.h.bytes
	}
	return e.h.elements * int64(dtype.Size(e.as))
}
