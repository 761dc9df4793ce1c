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

// tensors returns the tensors of which a gradient consists.
func (g Gradient) tensors() []output {
	switch {
	case g.Slices != nil:
		return []output{g.Slices.Values, g.Slices.Indices, g.Slices.DenseShape}
	case g.Dense.Op != nil:
		return []output{g.Dense}
	}
	return nil
}

func tensorsOf(gs []Gradient) []output {
	var all []output
	for _, g := range gs {
		all = append(all, g.tensors()...)
	}
	return all
}

// gradientFrom returns the gradient that consists of other tensors as g does, and the tensors that
// are left.
func gradientFrom(g Gradient, tensors []output) (Gradient, []output) {
	if g.Slices != nil {
		return Gradient{Slices: &Slices{Values: tensors[0], Indices: tensors[1], DenseShape: tensors[2]}}, tensors[3:]
	}
	return Gradient{Dense: tensors[0]}, tensors[1:]
}

// onValues applies f to a dense gradient, or to the values of slices.
func onValues(g Gradient, f func(output) output) Gradient {
	if s := g.Slices; s != nil {
		return Gradient{Slices: &Slices{Values: f(s.Values), Indices: s.Indices, DenseShape: s.DenseShape}}
	}
	return Gradient{Dense: f(g.Dense)}
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
