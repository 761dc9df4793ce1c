package tf

import (
	"errors"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// builder adds a variable's nodes below a scope.
type builder struct {
	*graphbuild.Builder
	g *Graph
}

// below returns a builder for nodes under a scope, which are placed at a place and are
// in the colocation groups class.
func below(g *Graph, scope string, at placement, class []string) *builder {
	return &builder{graphbuild.New(placedGraph{g, at}, scope).In(class), g}
}

// op adds a node named below the scope.
func (b *builder) op(typ, name string, attrs map[string]any, inputs ...Input) (Output, error) {
	o := graphbuild.First(b.Add(typ, b.Unique(name), attrs, inputs...))
	return o, b.Err()
}

// constant adds a Const of the given shape in which every element is v.
func (b *builder) constant(name string, dt dtype.DataType, v any, dims ...int64) (Output, error) {
	value, err := filled(dt, v, dims)
	if err != nil {
		return Output{}, err
	}
	return b.op("Const", name, map[string]any{"dtype": dt, "value": value})
}

// given adds a Const of a value that the caller brought.
func (b *builder) given(t *Tensor) (Output, error) {
	if t.DataType() == tensorflow.String {
		return b.op("Const", "initial_value", map[string]any{"dtype": dtype.String, "value": graphbuild.Strings(t)})
	}
	return b.op("Const", "initial_value", map[string]any{"dtype": t.DataType(), "value": t})
}

// shape adds a Const that holds dims, as int32 where they fit.
func (b *builder) shape(name string, dims []int64) (Output, error) {
	o := b.ConstOf(b.Unique(name), graphbuild.Dims(dims))
	return o, b.Err()
}

// smallConstant is the number of elements up to which Python's zeros and ones
// are one Const; larger ones are filled when they run, to keep graphs small.
const smallConstant = 1000

// fill is Python's array_ops.zeros and ones.
func (b *builder) fill(name string, v any, i Initializer) (Output, error) {
	n := int64(1)
	for _, d := range i.dims {
		n *= d
	}
	if n < smallConstant {
		return b.constant(name, i.dtype, v, i.dims...)
	}
	dims, err := b.shape(name+"/shape_as_tensor", i.dims)
	if err != nil {
		return Output{}, err
	}
	value, err := b.constant(name+"/Const", i.dtype, v)
	if err != nil {
		return Output{}, err
	}
	return b.op("Fill", name, nil, dims, value)
}

// normal is Python's random_normal and truncated_normal.
func (b *builder) normal(name, typ string, mean, stddev float64, i Initializer) (Output, error) {
	if !isFloat(i.dtype) {
		return Output{}, invalidf("%s makes floating point numbers, not %s", name, dtype.Name(i.dtype))
	}
	dims, err := b.shape(name+"/shape", i.dims)
	if err != nil {
		return Output{}, err
	}
	m, err := b.constant(name+"/mean", i.dtype, mean)
	if err != nil {
		return Output{}, err
	}
	s, err := b.constant(name+"/stddev", i.dtype, stddev)
	if err != nil {
		return Output{}, err
	}
	seed, seed2 := b.g.RandomSeeds(i.seed)
	random, err := b.op(typ, name+"/"+typ, map[string]any{"dtype": i.dtype, "seed": seed, "seed2": seed2}, dims)
	if err != nil {
		return Output{}, err
	}
	scaled, err := b.op("Mul", name+"/mul", nil, random, s)
	if err != nil {
		return Output{}, err
	}
	return b.op("AddV2", name, nil, scaled, m)
}

// uniform is Python's random_uniform.
func (b *builder) uniform(lo, hi float64, i Initializer) (Output, error) {
	const name = "random_uniform"
	if !isFloat(i.dtype) && i.dtype != dtype.Int32 && i.dtype != dtype.Int64 {
		return Output{}, invalidf("%s makes floating point numbers, int32 and int64, not %s", name, dtype.Name(i.dtype))
	}
	dims, err := b.shape(name+"/shape", i.dims)
	if err != nil {
		return Output{}, err
	}
	minimum, err := b.constant(name+"/min", i.dtype, lo)
	if err != nil {
		return Output{}, err
	}
	maximum, err := b.constant(name+"/max", i.dtype, hi)
	if err != nil {
		return Output{}, err
	}
	seed, seed2 := b.g.RandomSeeds(i.seed)
	if !isFloat(i.dtype) {
		return b.op("RandomUniformInt", name, map[string]any{"seed": seed, "seed2": seed2}, dims, minimum, maximum)
	}
	random, err := b.op("RandomUniform", name+"/RandomUniform", map[string]any{"dtype": i.dtype, "seed": seed, "seed2": seed2}, dims)
	if err != nil {
		return Output{}, err
	}
	width, err := b.op("Sub", name+"/sub", nil, maximum, minimum)
	if err != nil {
		return Output{}, err
	}
	scaled, err := b.op("Mul", name+"/mul", nil, random, width)
	if err != nil {
		return Output{}, err
	}
	return b.op("AddV2", name, nil, scaled, minimum)
}

// filled returns the attribute "value" of a Const in which every element is v.
func filled(dt dtype.DataType, v any, dims []int64) (*graphdef.AttrValue, error) {
	value, err := graphbuild.Filled(dt, v, dims)
	var e *tfkeep.Error
	if errors.As(err, &e) {
		return nil, invalidf("%s", e.Detail)
	}
	return value, err
}

func isFloat(dt dtype.DataType) bool { return graphbuild.IsFloat(dt) }
