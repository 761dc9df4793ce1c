package checkpoint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tfkeep/tfkeep"
)

// FullExtent is the Length of an Extent that covers the whole dimension.
const FullExtent = -1

// Extent is a range of one dimension: Length positions from Start on. {0, FullExtent}
// is the whole dimension, whatever its size.
type Extent struct{ Start, Length int64 }

// Slice is a rectangular part of a tensor, with one extent for each dimension. A nil
// Slice is the whole tensor.
type Slice []Extent

// fullSlice returns the slice that covers a tensor of the given rank, "-:-:-".
func fullSlice(rank int) Slice {
	s := make(Slice, rank)
	for i := range s {
		s[i].Length = FullExtent
	}
	return s
}

// IsFull reports whether the length of every extent is FullExtent.
func (s Slice) IsFull() bool {
	for _, e := range s {
		if e.Length != FullExtent {
			return false
		}
	}
	return true
}

// String returns the slice as TensorFlow writes it: "0,2:-" is the first two rows of a
// matrix with all columns.
func (s Slice) String() string {
	var b strings.Builder
	for i, e := range s {
		if i > 0 {
			b.WriteByte(':')
		}
		if e.Length == FullExtent {
			b.WriteByte('-')
		} else {
			fmt.Fprintf(&b, "%d,%d", e.Start, e.Length)
		}
	}
	return b.String()
}

// resolve replaces every FullExtent by the dimension in shape, and checks that the
// slice lies within the shape. A nil slice becomes the whole tensor.
func (s Slice) resolve(shape []int64) (Slice, error) {
	if s != nil && len(s) != len(shape) {
		return nil, &tfkeep.Error{Op: "slice", Err: tfkeep.ErrMismatch,
			Detail: fmt.Sprintf("slice %s has %d dimensions, the shape %v has %d", s, len(s), shape, len(shape))}
	}
	out := make(Slice, len(shape))
	for i, d := range shape {
		e := Extent{0, FullExtent}
		if s != nil {
			e = s[i]
		}
		if e.Length == FullExtent && e.Start == 0 {
			e.Length = d
		}
		if e.Start < 0 || e.Length < 0 || e.Start > d || e.Length > d-e.Start {
			return nil, &tfkeep.Error{Op: "slice", Err: tfkeep.ErrMismatch,
				Detail: fmt.Sprintf("slice %s leaves the shape %v in dimension %d", s, shape, i)}
		}
		out[i] = e
	}
	return out, nil
}

// Shape returns the shape of the slice of a tensor with the given full shape.
func (s Slice) Shape(full []int64) ([]int64, error) {
	r, err := s.resolve(full)
	if err != nil {
		return nil, err
	}
	return r.lengths(), nil
}

func (s Slice) lengths() []int64 {
	out := make([]int64, len(s))
	for i, e := range s {
		out[i] = e.Length
	}
	return out
}

// intersect returns the common part of two resolved slices; false if there is none.
func (s Slice) intersect(t Slice) (Slice, bool) {
	out := make(Slice, len(s))
	for i := range s {
		start := max(s[i].Start, t[i].Start)
		end := min(s[i].Start+s[i].Length, t[i].Start+t[i].Length)
		if end <= start {
			return nil, false
		}
		out[i] = Extent{start, end - start}
	}
	return out, true
}

func (s Slice) equal(t Slice) bool { return slices.Equal(s, t) }

// ParseSlice parses what [Slice.String] returns. The empty string is a slice of rank 0.
func ParseSlice(text string) (Slice, error) {
	if text == "" {
		return Slice{}, nil
	}
	var s Slice
	for _, part := range strings.Split(text, ":") {
		if part == "-" {
			s = append(s, Extent{0, FullExtent})
			continue
		}
		a, b, ok := strings.Cut(part, ",")
		start, err1 := strconv.ParseInt(a, 10, 64)
		length, err2 := strconv.ParseInt(b, 10, 64)
		if !ok || err1 != nil || err2 != nil || start < 0 || length <= 0 || start > (1<<63-1)-length {
			return nil, specError(text, `each part must be "-" or "start,length" with start ≥ 0 and length > 0`)
		}
		s = append(s, Extent{start, length})
	}
	return s, nil
}

// ParseSliceSpec parses the "shape and slice" strings of the save and restore ops: "4
// 16 0,2:-" is the first two rows of a tensor of shape [4, 16]. For the empty string,
// which means a whole tensor, it returns nil and nil.
func ParseSliceSpec(spec string) (shape []int64, s Slice, err error) {
	if spec == "" {
		return nil, nil, nil
	}
	parts := strings.Split(spec, " ")
	if len(parts) < 2 {
		return nil, nil, specError(spec, `want dimensions and a slice, as in "4 16 0,2:-"`)
	}
	dims := parts[:len(parts)-1]
	shape = make([]int64, len(dims))
	for i, d := range dims {
		shape[i], err = strconv.ParseInt(d, 10, 64)
		if err != nil || shape[i] < 0 {
			return nil, nil, specError(spec, fmt.Sprintf("%q is not a dimension", d))
		}
	}
	if s, err = ParseSlice(parts[len(parts)-1]); err != nil {
		return nil, nil, err
	}
	if _, err = s.resolve(shape); err != nil {
		return nil, nil, err
	}
	return shape, s, nil
}

// FormatSliceSpec returns the string that [ParseSliceSpec] parses.
func FormatSliceSpec(shape []int64, s Slice) string {
	if s == nil {
		return ""
	}
	var b strings.Builder
	for _, d := range shape {
		b.WriteString(strconv.FormatInt(d, 10))
		b.WriteByte(' ')
	}
	b.WriteString(s.String())
	return b.String()
}

func specError(spec, detail string) error {
	return &tfkeep.Error{Op: "slice", Err: tfkeep.ErrMismatch, Detail: fmt.Sprintf("bad slice specification %q: %s", spec, detail)}
}
