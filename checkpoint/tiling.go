package checkpoint

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tfkeep/tfkeep/dtype"
)

// The pairs of slices that checkTiling compares at most. TensorFlow's
// partitioners cut one dimension, where each slice is compared with few.
const maxTilingWork = 20_000_000

// checkTiling refuses slices that overlap. If cover is set, it also refuses slices that
// do not cover the tensor. Otherwise only reading the missing part fails, as in
// TensorFlow.
func checkTiling(t *TensorInfo, cover bool) error {
	boxes := make([]Slice, len(t.Slices))
	total := int64(0)
	for i, p := range t.Slices {
		box, err := p.Slice.resolve(t.Shape)
		if err != nil {
			return fmt.Errorf("slice %s does not lie in the shape %v", p.Slice, t.Shape)
		}
		boxes[i] = box
		if total += box.volume(); total < 0 {
			return fmt.Errorf("its slices overlap")
		}
	}
	n, _ := dtype.NumElements(t.Shape)
	if total > n {
		return fmt.Errorf("its slices overlap: they have %d elements, the tensor %d", total, n)
	}
	if cover && total < n {
		return fmt.Errorf("its slices leave gaps: they have %d elements, the tensor %d", total, n)
	}
	return checkDisjoint(boxes)
}

// checkDisjoint goes along the dimension with the most cuts, and compares each box with
// those that have not ended before its start.
func checkDisjoint(boxes []Slice) error {
	if len(boxes) < 2 || len(boxes[0]) == 0 {
		if len(boxes) > 1 {
			return fmt.Errorf("a scalar has %d slices", len(boxes))
		}
		return nil
	}
	axis := sweepAxis(boxes)
	slices.SortStableFunc(boxes, func(a, b Slice) int { return cmp.Compare(a[axis].Start, b[axis].Start) })
	var open []Slice
	work := 0
	for _, b := range boxes {
		if b.volume() == 0 {
			continue
		}
		kept := open[:0]
		for _, o := range open {
			if o[axis].Start+o[axis].Length > b[axis].Start {
				kept = append(kept, o)
			}
		}
		for _, o := range kept {
			if _, ok := b.intersect(o); ok {
				return fmt.Errorf("its slices %s and %s overlap", o, b)
			}
		}
		if work += len(open); work > maxTilingWork {
			return fmt.Errorf("its %d slices are too tangled to check", len(boxes))
		}
		open = append(kept, b)
	}
	return nil
}

func sweepAxis(boxes []Slice) int {
	best, axis := 0, 0
	for d := range boxes[0] {
		starts := map[int64]struct{}{}
		for _, b := range boxes {
			starts[b[d].Start] = struct{}{}
		}
		if len(starts) > best {
			best, axis = len(starts), d
		}
	}
	return axis
}

// volume returns the number of elements of a resolved slice.
func (s Slice) volume() int64 {
	n := int64(1)
	for _, e := range s {
		n *= e.Length
	}
	return n
}

// region iterates over the elements that two boxes of one tensor share: in row-major
// order, as runs that are contiguous in both boxes. Offsets count elements from the
// first element of each box.
type region struct {
	run        int64 // elements of every run
	aOff, bOff int64 // where the current run begins
	done       bool

	index, count, aStep, bStep []int64 // of the dimensions outside a run
}

// newRegion returns the region of two boxes and their intersection, all of them
// resolved and not empty.
func newRegion(a, b, shared Slice) *region {
	r := &region{run: 1}
	last := len(shared) - 1
	// A run includes a dimension. It continues with the next outer dimension if both
	// boxes have no more of this one than they share.
	inner := last
	for ; inner >= 0; inner-- {
		r.run *= shared[inner].Length
		if shared[inner] != a[inner] || shared[inner] != b[inner] {
			inner--
			break
		}
	}
	outer := inner + 1
	r.index = make([]int64, outer)
	r.count = make([]int64, outer)
	r.aStep = make([]int64, outer)
	r.bStep = make([]int64, outer)
	aStep, bStep := int64(1), int64(1)
	for d := last; d >= 0; d-- {
		r.aOff += (shared[d].Start - a[d].Start) * aStep
		r.bOff += (shared[d].Start - b[d].Start) * bStep
		if d < outer {
			r.count[d], r.aStep[d], r.bStep[d] = shared[d].Length, aStep, bStep
		}
		aStep *= a[d].Length
		bStep *= b[d].Length
	}
	return r
}

// next moves to the next run.
func (r *region) next() {
	for d := len(r.count) - 1; d >= 0; d-- {
		r.index[d]++
		r.aOff += r.aStep[d]
		r.bOff += r.bStep[d]
		if r.index[d] < r.count[d] {
			return
		}
		r.aOff -= r.count[d] * r.aStep[d]
		r.bOff -= r.count[d] * r.bStep[d]
		r.index[d] = 0
	}
	r.done = true
}
