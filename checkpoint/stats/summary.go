package stats

import (
	"math"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
)

// Bins is the number of equal intervals in a histogram.
const Bins = 16

// Measure is the number of an element that a [Summary] is about.
type Measure string

// The measures.
const (
	Value     Measure = "value"     // of real numbers and booleans (0 and 1)
	Magnitude Measure = "magnitude" // of complex numbers
	Length    Measure = "length"    // of strings, in bytes
)

func measureOf(dt dtype.DataType) (Measure, bool) {
	switch {
	case dt == dtype.String:
		return Length, true
	case dtype.IsComplex(dt):
		return Magnitude, true
	}
	return Value, dtype.Size(dt) > 0
}

// Summary describes the elements of one tensor. Integers of 64 bits are rounded to
// float64.
type Summary struct {
	Tensor  checkpoint.TensorInfo
	Measure Measure
	// Elements counts all elements, those counted by Zeros, NaN, PosInf and NegInf
	// included.
	Elements int64
	Zeros    int64
	NaN      int64
	PosInf   int64
	NegInf   int64
	// Min, Max, Mean and Std (the population's standard deviation) are those of the
	// finite elements, or NaN if no element is finite.
	Min, Max, Mean, Std float64
	// Histogram counts the finite elements in Bins equal intervals from Min to Max. It is
	// nil if no element is finite. If Min equals Max, the first interval has them all.
	Histogram []int64
}

// Finite returns the number of elements that are neither NaN nor infinite.
func (s *Summary) Finite() int64 { return s.Elements - s.NaN - s.PosInf - s.NegInf }

// accumulator takes a tensor's values in two passes: the first computes the moments, the
// second the histogram, whose intervals depend on them.
type accumulator struct {
	s    *Summary
	n    float64 // finite values so far
	mean float64
	m2   float64 // sum of squared distances from the mean
}

func newAccumulator(s *Summary) *accumulator {
	s.Min, s.Max = math.Inf(1), math.Inf(-1)
	return &accumulator{s: s}
}

// moments takes a batch of values. It sums up each batch by itself and then joins the
// sums, which keeps the rounding errors small.
func (a *accumulator) moments(values []float64) {
	s := a.s
	s.Elements += int64(len(values))
	var n, sum float64
	lowest, highest := s.Min, s.Max
	for _, v := range values {
		if v-v != 0 { // NaN or infinite
			switch {
			case v > 0:
				s.PosInf++
			case v < 0:
				s.NegInf++
			default:
				s.NaN++
			}
			continue
		}
		if v == 0 {
			s.Zeros++
		}
		n++
		sum += v
		if v < lowest {
			lowest = v
		}
		if v > highest {
			highest = v
		}
	}
	s.Min, s.Max = lowest, highest
	if n == 0 {
		return
	}
	mean := sum / n
	var m2 float64
	for _, v := range values {
		if d := v - mean; v-v == 0 {
			m2 += d * d
		}
	}
	delta := mean - a.mean
	all := a.n + n
	a.m2 += m2 + delta*delta*a.n*n/all
	a.mean += delta * n / all
	a.n = all
}

// endMoments computes the results of the first pass.
func (a *accumulator) endMoments() {
	s := a.s
	if a.n == 0 {
		s.Min, s.Max, s.Mean, s.Std = math.NaN(), math.NaN(), math.NaN(), math.NaN()
		return
	}
	s.Mean, s.Std = a.mean, math.Sqrt(a.m2/a.n)
	s.Histogram = make([]int64, Bins)
}

// bins takes the same values in the second pass.
func (a *accumulator) bins(values []float64) {
	h := a.s.Histogram
	if h == nil {
		return
	}
	lowest, span := a.s.Min, a.s.Max/Bins-a.s.Min/Bins // of one interval, which cannot overflow
	if span == 0 {
		h[0] = int64(a.n)
		return
	}
	for _, v := range values {
		if v-v != 0 {
			continue
		}
		i := int(v/span - lowest/span)
		h[max(0, min(i, Bins-1))]++
	}
}
