package diff

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
)

// Values is how far the values of two tensors are apart.
type Values struct {
	// Elements is the number of elements of each tensor. Different is the number of
	// those further apart than the tolerance, Near of those that differ by less.
	Elements, Different, Near int64
	// MaxAbs is the largest |a-b| of all elements, and At is the row-major index of the
	// first element with it. |a-b| is +Inf if one of the two is NaN or they are different
	// infinities, and 1 for different strings.
	MaxAbs float64
	At     int64
	// MeanAbs is the mean of the finite |a-b|.
	MeanAbs float64
	// MaxRel is the largest |a-b|/|a| of the elements with a finite a other than zero.
	MaxRel float64
}

// compareValues reads two tensors of one type and shape side by side.
func compareValues(ctx context.Context, a, b *checkpoint.Reader, t *checkpoint.TensorInfo, tolerance float64) (*Values, error) {
	if t.DType == dtype.String || t.DType == dtype.Variant || t.Fault != nil {
		return compareStrings(ctx, a, b, t.Name) // reading returns the fault
	}
	// Complex numbers are two floats each.
	dt, parts := t.DType, int64(1)
	switch dt {
	case dtype.Complex64:
		dt, parts = dtype.Float32, 2
	case dtype.Complex128:
		dt, parts = dtype.Float64, 2
	}
	c := &comparison{dtype: dt, parts: parts, tolerance: tolerance}
	if t.Bytes <= wholeLimit {
		return c.whole(ctx, a, b, t.Name)
	}
	return c.streamed(ctx, a, b, t.Name)
}

// wholeLimit is the size up to which two tensors are read into memory.
const wholeLimit = 4 << 20

func (c *comparison) whole(ctx context.Context, a, b *checkpoint.Reader, name string) (*Values, error) {
	dataA, err := a.ReadBytes(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	dataB, err := b.ReadBytes(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	c.add(dataA, dataB)
	return c.result(), nil
}

func (c *comparison) streamed(ctx context.Context, a, b *checkpoint.Reader, name string) (*Values, error) {
	readA, err := a.OpenTensor(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	defer readA.Close()
	readB, err := b.OpenTensor(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	defer readB.Close()
	bufA, bufB := make([]byte, 1<<20), make([]byte, 1<<20) // a multiple of every element's size
	for {
		n, errA := io.ReadFull(readA, bufA)
		_, errB := io.ReadFull(readB, bufB)
		c.add(bufA[:n], bufB[:n])
		for _, err := range []error{errA, errB} {
			if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				return nil, err
			}
		}
		if errA != nil {
			return c.result(), nil
		}
	}
}

// comparison sums up pieces of two tensors.
type comparison struct {
	dtype     dtype.DataType
	parts     int64
	tolerance float64
	v         Values // counted in parts
	sum       float64
	finite    int64
	last      int64 // the element that was last counted as different, +1
	lastNear  int64
}

func (c *comparison) add(a, b []byte) {
	size := dtype.Size(c.dtype)
	n := len(a) / size
	if bytes.Equal(a, b) {
		c.v.Elements += int64(n)
		c.finite += int64(n)
		return
	}
	const batch = 1024
	var x, y [batch]float64
	for n > 0 {
		k := min(n, batch)
		dtype.Float64s(c.dtype, a, x[:k])
		dtype.Float64s(c.dtype, b, y[:k])
		for i := range k {
			d := distance(x[i], y[i])
			if size == 8 && c.dtype != dtype.Float64 {
				d = integerDistance(c.dtype, a[8*i:], b[8*i:])
			}
			c.one(d, x[i])
		}
		a, b, n = a[k*size:], b[k*size:], n-k
	}
}

func (c *comparison) one(d, a float64) {
	at := c.v.Elements / c.parts
	c.v.Elements++
	if !math.IsInf(d, 0) {
		c.sum += d
		c.finite++
	}
	if d == 0 {
		return
	}
	if d > c.v.MaxAbs {
		c.v.MaxAbs, c.v.At = d, at
	}
	if a != 0 && a-a == 0 {
		c.v.MaxRel = max(c.v.MaxRel, d/math.Abs(a))
	}
	// An element with two parts counts once, as different if either is.
	switch {
	case d > c.tolerance && c.last != at+1:
		c.v.Different++
		c.last = at + 1
		if c.lastNear == at+1 {
			c.v.Near--
		}
	case d <= c.tolerance && c.last != at+1 && c.lastNear != at+1:
		c.v.Near++
		c.lastNear = at + 1
	}
}

func (c *comparison) result() *Values {
	v := c.v
	v.Elements /= c.parts
	if c.finite > 0 {
		v.MeanAbs = c.sum / float64(c.finite)
	}
	return &v
}

func distance(a, b float64) float64 {
	switch d := math.Abs(a - b); {
	case a == b || a != a && b != b:
		return 0
	case d != d:
		return math.Inf(1)
	default:
		return d
	}
}

// integerDistance does not round before it subtracts.
func integerDistance(dt dtype.DataType, a, b []byte) float64 {
	x, y := binary.LittleEndian.Uint64(a), binary.LittleEndian.Uint64(b)
	less := x < y
	if dt == dtype.Int64 {
		less = int64(x) < int64(y)
	}
	if less {
		return float64(y - x)
	}
	return float64(x - y)
}

func compareStrings(ctx context.Context, a, b *checkpoint.Reader, name string) (*Values, error) {
	before, err := a.ReadStrings(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	after, err := b.ReadStrings(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	v := &Values{Elements: int64(len(before))}
	for i := range before {
		if bytes.Equal(before[i], after[i]) {
			continue
		}
		if v.Different == 0 {
			v.MaxAbs, v.At = 1, int64(i)
		}
		v.Different++
	}
	return v, nil
}
