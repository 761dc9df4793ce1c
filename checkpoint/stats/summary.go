package stats

import (
	"math"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
)

// Bins is the number of equal intervals in a histogram.
const Bins = 16

// Measure says which number of an element is summed up.
type Measure string

// The measures.
const (
	Value     Measure = "value"     // numbers; booleans are 0 and 1
	Magnitude Measure = "magnitude" // complex numbers
	Length    Measure = "length"    // strings: their bytes
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

// Summary is what one tensor's elements have in common. Integers of 64 bits
// are rounded to float64.
type Summary struct {
	Tensor  checkpoint.TensorInfo
	Measure Measure
	// Elements counts all of them. Zeros, NaN, PosInf and NegInf are parts of it.
	Elements int64
	Zeros    int64
	NaN      int64
	PosInf   int64
	NegInf   int64
	// Min, Max, Mean and Std, the standard deviation of the population, are of
	// the finite elements; NaN where there is none.
	Min, Max, Mean, Std float64
	// Histogram counts the finite elements in Bins equal intervals from Min to
	// Max; nil where there is none. Where Min is Max the first has them all.
	Histogram []int64
}

// Finite counts the elements that are neither NaN nor infinite.
func (s *Summary) Finite() int64 { return s.Elements - s.NaN - s.PosInf - s.NegInf }

// accumulator takes a tensor's values in two passes: moments first, then the
// histogram, whose intervals depend on them.
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

// moments takes a batch of values. Batches are summed up by themselves and
// joined, which keeps the rounding small however many there are.
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

// endMoments fills in what follows from the first pass.
func (a *accumulator) endMoments() {
	s := a.s
	if a.n == 0 {
		s.Min, s.Max, s.Mean, s.Std = math.NaN(), math.NaN(), math.NaN(), math.NaN()
		return
	}
	s.Mean, s.Std = a.mean, math.Sqrt(a.m2/a.n)
	s.Histogram = make([]int64, Bins)
}

// bins takes the same values again.
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
