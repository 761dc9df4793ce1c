package npy

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/tfkeep/tfkeep/dtype"
)

// Array is one array in memory, in TensorFlow's terms.
type Array struct {
	DType   dtype.DataType
	Shape   []int64
	Data    []byte   // little-endian, row-major; nil for strings
	Strings [][]byte // for dtype.String, row-major
}

// Write writes an array as a .npy file. data has its little-endian, row-major bytes;
// Write holds a small part of them in memory. The package documentation describes how
// types that NumPy lacks are written. [WriteStrings] writes strings.
func Write(w io.Writer, dt dtype.DataType, shape []int64, data io.Reader) error {
	stored, err := StoredType(dt)
	if err != nil {
		return err
	}
	size := int64(dtype.Size(dt))
	n, ok := dtype.NumElements(shape)
	if size == 0 || !ok || n > math.MaxInt64/size {
		return unsupported("write", "a %s array of shape %v", dtype.Name(dt), shape)
	}
	if len(shape) > maxRank {
		return unsupported("write", "%d dimensions; NumPy has at most %d", len(shape), maxRank)
	}
	if _, err := w.Write(formatHeader(descr(stored, 0), shape)); err != nil {
		return writeError(err)
	}
	if stored == dt || !isSmallFloat(dt) {
		if dt == dtype.Int4 || dt == dtype.Int2 || dt == dtype.Uint4 || dt == dtype.Uint2 {
			data = &smallInts{dt, data}
		}
		copied, err := io.CopyN(w, data, n*size)
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("%d bytes of %d: %w", copied, n*size, io.ErrUnexpectedEOF)
		}
		if err != nil {
			return writeError(err)
		}
		return nil
	}
	return writeWidened(w, dt, n, data)
}

// smallInts sign-extends integers of 2 and 4 bits to the whole byte.
type smallInts struct {
	dtype dtype.DataType
	r     io.Reader
}

func (s *smallInts) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	dtype.Normalize(s.dtype, p[:n])
	return n, err
}

func writeWidened(w io.Writer, dt dtype.DataType, n int64, data io.Reader) error {
	const chunk = 16 << 10
	var (
		size   = dtype.Size(dt)
		src    = make([]byte, chunk*size)
		values = make([]float64, chunk)
		out    = make([]byte, 4*chunk)
	)
	for n > 0 {
		k := int(min(n, chunk))
		if _, err := io.ReadFull(data, src[:k*size]); err != nil {
			return writeError(err)
		}
		dtype.Float64s(dt, src[:k*size], values[:k])
		for i, v := range values[:k] {
			binary.LittleEndian.PutUint32(out[4*i:], math.Float32bits(float32(v)))
		}
		if _, err := w.Write(out[:4*k]); err != nil {
			return writeError(err)
		}
		n -= int64(k)
	}
	return nil
}

// maxPadding is the largest number of bytes that the fixed width may add to strings of
// very different lengths.
const maxPadding = 1 << 30

// CheckStrings returns a tfkeep.ErrUnsupported with the reason if [WriteStrings] cannot
// write strings: because it would change one, or because their fixed width would take a
// multiple of their size.
func CheckStrings(shape []int64, values [][]byte) error {
	_, err := stringWidth(shape, values)
	return err
}

// stringWidth returns the width in bytes with which the strings are written.
func stringWidth(shape []int64, values [][]byte) (int, error) {
	if n, ok := dtype.NumElements(shape); !ok || n != int64(len(values)) {
		return 0, unsupported("write", "%d strings in shape %v", len(values), shape)
	}
	if len(shape) > maxRank {
		return 0, unsupported("write", "%d dimensions; NumPy has at most %d", len(shape), maxRank)
	}
	width, total := 1, int64(0)
	for i, v := range values {
		if len(v) > 0 && v[len(v)-1] == 0 {
			return 0, unsupported("write", "string %d ends in a zero byte, which NumPy's fixed-width strings drop", i)
		}
		width = max(width, len(v))
		total += int64(len(v))
	}
	if width > maxStringWidth {
		return 0, unsupported("write", "a string of %d bytes is too long", width)
	}
	if padded := int64(width) * int64(len(values)); padded-total > maxPadding {
		return 0, unsupported("write", "%d strings, the longest of %d bytes, would take %d bytes in NumPy's fixed width instead of %d",
			len(values), width, padded, total)
	}
	return width, nil
}

// WriteStrings writes strings, in row-major order, as a .npy file of fixed-width bytes.
func WriteStrings(w io.Writer, shape []int64, values [][]byte) error {
	width, err := stringWidth(shape, values)
	if err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	b.Write(formatHeader(descr(dtype.String, width), shape))
	zeros := make([]byte, width)
	for _, v := range values {
		b.Write(v)
		b.Write(zeros[len(v):])
	}
	if err := b.Flush(); err != nil { // bufio keeps the first error
		return writeError(err)
	}
	return nil
}
