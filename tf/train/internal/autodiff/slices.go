package autodiff

import (
	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/dtype"
)

// sum adds up gradients of one tensor. The sum of slices is slices, as in Python: the
// rows follow one another, and whoever applies them adds up rows that are named twice.
func (b *builder) sum(gs []Gradient) Gradient {
	if len(gs) == 0 {
		return Gradient{}
	}
	if len(gs) == 1 {
		return gs[0]
	}
	sparse := true
	for _, g := range gs {
		sparse = sparse && g.Slices != nil
	}
	if sparse {
		return Gradient{Slices: b.join(gs)}
	}
	var dense tensorflow.OutputList
	for _, g := range gs {
		dense = append(dense, b.dense(g))
	}
	return Gradient{Dense: b.one("AddN", nil, dense)}
}

// join appends slices to one another.
func (b *builder) join(gs []Gradient) *Slices {
	if b.Err() != nil {
		return nil
	}
	// Concat needs indices of one type.
	mixed := false
	for _, g := range gs {
		mixed = mixed || g.Slices.Indices.DataType() != gs[0].Slices.Indices.DataType()
	}
	var values, indices []output
	for _, g := range gs {
		values = append(values, g.Slices.Values)
		index := g.Slices.Indices
		if mixed {
			index = b.Cast(index, dtype.Int64)
		}
		indices = append(indices, index)
	}
	return &Slices{Values: b.concat(values...), Indices: b.concat(indices...), DenseShape: gs[0].Slices.DenseShape}
}

// dense returns a gradient as one tensor.
func (b *builder) dense(g Gradient) output {
	if g.Slices == nil {
		return g.Dense
	}
	return b.one("UnsortedSegmentSum", nil, g.Slices.Values, g.Slices.Indices, b.first(g.Slices.DenseShape))
}

// gatherGradient returns the gradient of a gather along the first dimension of params: the
// rows that were taken. shape is the shape of params, and known what is known of it.
func (b *builder) gatherGradient(dy, indices, shape output, known tensorflow.Shape) Gradient {
	if b.Err() != nil {
		return Gradient{}
	}
	var rows output
	if dims, ok := rowShape(known); ok {
		rows = b.int32s(append([]int32{-1}, dims...)...)
	} else {
		// With -1, the number of rows would be undefined if a dimension is 0.
		size := b.one("ExpandDims", nil, b.one("Size", nil, indices), b.int32(0))
		rows = b.concat(size, b.from(shape, 1))
	}
	return Gradient{Slices: &Slices{
		Values:     b.one("Reshape", nil, dy, rows),
		Indices:    b.vector(indices),
		DenseShape: shape,
	}}
}

// rowShape returns the shape of a row, if it is known and not empty.
func rowShape(s tensorflow.Shape) ([]int32, bool) {
	if s.NumDimensions() < 1 {
		return nil, false
	}
	dims := make([]int32, 0, s.NumDimensions()-1)
	for i := 1; i < s.NumDimensions(); i++ {
		if s.Size(i) <= 0 || s.Size(i) > 1<<31-1 {
			return nil, false
		}
		dims = append(dims, int32(s.Size(i)))
	}
	return dims, true
}
