package tf

import (
	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// builder adds a variable's nodes under a scope. As in graphbuild, its first error
// sticks.
type builder struct {
	*graphbuild.Builder
	g *Graph
}

// newBuilder returns a builder for nodes under a scope that have a placement and are in
// the colocation groups class.
func newBuilder(g *Graph, scope string, at placement, class []string) *builder {
	return &builder{graphbuild.New(placedGraph{g, at}, scope).In(class), g}
}

// op adds a node with a name under the scope and returns its first output.
func (b *builder) op(typ, name string, attrs map[string]any, inputs ...Input) Output {
	return graphbuild.First(b.Add(typ, b.Unique(name), attrs, inputs...))
}

// constant adds a Const of the given shape in which every element is v.
func (b *builder) constant(name string, dt dtype.DataType, v any, dims ...int64) Output {
	value, err := graphbuild.Filled(dt, v, dims)
	if err != nil {
		b.Fail(err)
		return Output{}
	}
	return b.ConstOf(b.Unique(name), value)
}

// shape adds a Const that holds dims, as int32 if they fit.
func (b *builder) shape(name string, dims []int64) Output {
	return b.ConstOf(b.Unique(name), graphbuild.Dims(dims))
}

// tensor adds a Const that holds t.
func (b *builder) tensor(t *Tensor) Output {
	if t.DataType() == tensorflow.String {
		return b.op("Const", "initial_value", map[string]any{"dtype": dtype.String, "value": graphbuild.Strings(t)})
	}
	return b.op("Const", "initial_value", map[string]any{"dtype": t.DataType(), "value": t})
}

// smallConstant is the number of elements below which Python's zeros and ones are one
// Const. Larger ones are filled when they run, to keep graphs small.
const smallConstant = 1000

// fill adds the nodes of Python's array_ops.zeros and ones.
func (b *builder) fill(name string, v any, i Initializer) Output {
	n := int64(1)
	for _, d := range i.dims {
		n *= d
	}
	if n < smallConstant {
		return b.constant(name, i.dtype, v, i.dims...)
	}
	dims := b.shape(name+"/shape_as_tensor", i.dims)
	return b.op("Fill", name, nil, dims, b.constant(name+"/Const", i.dtype, v))
}

// normal adds the nodes of Python's random_normal or truncated_normal.
func (b *builder) normal(name, typ string, mean, stddev float64, i Initializer) Output {
	if !graphbuild.IsFloat(i.dtype) {
		b.Fail(invalidf("%s makes floating point numbers, not %s", name, dtype.Name(i.dtype)))
		return Output{}
	}
	dims := b.shape(name+"/shape", i.dims)
	m := b.constant(name+"/mean", i.dtype, mean)
	s := b.constant(name+"/stddev", i.dtype, stddev)
	random := b.random(typ, name+"/"+typ, map[string]any{"dtype": i.dtype}, i, dims)
	return b.op("AddV2", name, nil, b.op("Mul", name+"/mul", nil, random, s), m)
}

// uniform adds the nodes of Python's random_uniform.
func (b *builder) uniform(lo, hi float64, i Initializer) Output {
	const name = "random_uniform"
	float := graphbuild.IsFloat(i.dtype)
	if !float && i.dtype != dtype.Int32 && i.dtype != dtype.Int64 {
		b.Fail(invalidf("%s makes floating point numbers, int32 and int64, not %s", name, dtype.Name(i.dtype)))
		return Output{}
	}
	dims := b.shape(name+"/shape", i.dims)
	minimum := b.constant(name+"/min", i.dtype, lo)
	maximum := b.constant(name+"/max", i.dtype, hi)
	if !float {
		return b.random("RandomUniformInt", name, map[string]any{}, i, dims, minimum, maximum)
	}
	random := b.random("RandomUniform", name+"/RandomUniform", map[string]any{"dtype": i.dtype}, i, dims)
	width := b.op("Sub", name+"/sub", nil, maximum, minimum)
	return b.op("AddV2", name, nil, b.op("Mul", name+"/mul", nil, random, width), minimum)
}

// random adds a random operation with the seeds of an initializer.
func (b *builder) random(typ, name string, attrs map[string]any, i Initializer, inputs ...Input) Output {
	if b.Err() != nil {
		return Output{} // the seeds are numbered: an operation that is not added takes none
	}
	attrs["seed"], attrs["seed2"] = b.g.randomSeeds(i.seed)
	return b.op(typ, name, attrs, inputs...)
}
