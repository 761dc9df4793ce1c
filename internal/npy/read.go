package npy

import (
	"bytes"
	"encoding/binary"
	"io"
	"unicode/utf8"

	"github.com/tfkeep/tfkeep/dtype"
)

// Read reads one .npy file to its end, in any byte order, in C or Fortran order. Memory
// grows with the bytes that r really has, whatever the header claims.
func Read(r io.Reader) (*Array, error) {
	h, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	return readArray(newElements(r, h, h.dtype), 0)
}

// readArray reads all elements. known is the number of bytes that the file is known to
// have, or 0: as many are allocated at once, which saves copies while memory grows.
func readArray(e *elements, known int64) (*Array, error) {
	h := e.h
	var b bytes.Buffer
	// ReadFrom wants this much room beyond the last byte.
	b.Grow(int(min(e.size(), max(known, 1<<20)) + bytes.MinRead))
	if _, err := b.ReadFrom(e); err != nil {
		return nil, err
	}
	data := b.Bytes()
	if h.dtype == dtype.String {
		if h.fortran && len(h.shape) > 1 {
			data = rowMajor(data, h.shape, h.width)
		}
		values, err := splitStrings(data, h)
		if err != nil {
			return nil, err
		}
		return &Array{DType: e.as, Shape: h.shape, Strings: values}, nil
	}
	if h.fortran && len(h.shape) > 1 {
		data = rowMajor(data, h.shape, dtype.Size(e.as))
	}
	return &Array{DType: e.as, Shape: h.shape, Data: data}, nil
}

// rowMajor reorders an array whose first dimension varies fastest.
func rowMajor(data []byte, shape []int64, width int) []byte {
	out := make([]byte, 0, len(data))
	strides := make([]int, len(shape))
	stride := width
	for i, d := range shape {
		strides[i] = stride
		stride *= int(d)
	}
	var walk func(dim, offset int)
	walk = func(dim, offset int) {
		if dim == len(shape) {
			out = append(out, data[offset:offset+width]...)
			return
		}
		for i := range int(shape[dim]) {
			walk(dim+1, offset+i*strides[dim])
		}
	}
	if len(data) > 0 {
		walk(0, 0)
	}
	return out
}

// splitStrings splits data into fixed-width strings and removes their padding.
func splitStrings(data []byte, h *header) ([][]byte, error) {
	if h.width == 0 {
		// The file's size does not limit the number of empty strings.
		const most = 1 << 20
		if h.elements > most {
			return nil, corrupt("%d strings of no bytes", h.elements)
		}
		return make([][]byte, h.elements), nil
	}
	out := make([][]byte, h.elements)
	for i := range out {
		s := data[i*h.width : (i+1)*h.width]
		if !h.unicode {
			out[i] = bytes.TrimRight(s, "\x00")
			continue
		}
		var text []byte
		for ; len(s) > 0; s = s[4:] {
			c := binary.LittleEndian.Uint32(s)
			if c > utf8.MaxRune || !utf8.ValidRune(rune(c)) {
				return nil, corrupt("string %d has the code point %#x", i, c)
			}
			text = utf8.AppendRune(text, rune(c))
		}
		out[i] = bytes.TrimRight(text, "\x00")
	}
	return out, nil
}
