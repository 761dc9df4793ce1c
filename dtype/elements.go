package dtype

import "math"

// NumElements returns the product of the dimensions, 1 for a scalar. It returns false
// if a dimension is negative or the product overflows.
func NumElements(shape []int64) (int64, bool) {
	n, fits := int64(1), true
	for _, d := range shape {
		switch {
		case d < 0:
			return 0, false
		case d > 0 && n > math.MaxInt64/d:
			fits = false
		default:
			n *= d
		}
	}
	if n == 0 {
		return 0, true
	}
	if !fits {
		return 0, false
	}
	return n, true
}
