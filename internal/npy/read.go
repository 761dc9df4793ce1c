package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/tfkeep/tfkeep/dtype"
)

// Read reads one .npy file to its end: any byte order, C or Fortran order.
// Memory grows with the bytes that r really has, whatever the header claims.
func Read(r io.Reader) (*Array, error) { return readArray(r, 0) }

// readArray is Read of a file that is known to have size bytes, or 0.
func readArray(r io.Reader, size int64) (*Array, error) {
	h, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	data, err := readData(r, h.bytes, size)
	if err != nil {
		return nil, err
	}
	if h.bigEndian && h.word > 1 {
		for i := 0; i+h.word <= len(data); i += h.word {
			slices.Reverse(data[i : i+h.word])
		}
	}
	if h.fortran && len(h.shape) > 1 {
		data = rowMajor(data, h.shape, h.width)
	}
	a := &Array{DType: h.dtype, Shape: h.shape, Data: data}
	if h.dtype == dtype.String {
		a.Data = nil
		a.Strings, err = splitStrings(data, h)
	}
	if h.dtype == dtype.Bool {
		if i := slices.IndexFunc(data, func(b byte) bool { return b > 1 }); i >= 0 {
			err = corrupt("element %d is %d, not a bool", i, data[i])
		}
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// readData reads exactly n bytes and then the end. As many as are known to be
// there have their room at once, which saves growing into it.
func readData(r io.Reader, n, known int64) ([]byte, error) {
	var b bytes.Buffer
	// ReadFrom wants this much room beyond the last byte.
	b.Grow(int(min(n, max(known, 1<<20)) + bytes.MinRead))
	got, err := io.CopyN(&b, r, n)
	switch {
	case errors.Is(err, io.EOF):
		return nil, corrupt("the data ends after %d of %d bytes", got, n)
	case err != nil:
		return nil, readError(err)
	}
	if extra, err := io.CopyN(io.Discard, r, 1); extra > 0 {
		return nil, corrupt("bytes follow the array's %d", n)
	} else if err != nil && !errors.Is(err, io.EOF) {
		return nil, readError(err)
	}
	return b.Bytes(), nil
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

// splitStrings cuts fixed-width strings out of data, without their padding.
func splitStrings(data []byte, h *header) ([][]byte, error) {
	if h.width == 0 {
		// Nothing in the file bounds the number of empty strings.
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
