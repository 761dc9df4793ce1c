package tf

import (
	"encoding/binary"
	"math"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
)

// builder adds a variable's nodes below a scope. Every node gets class as its
// colocation, where it is set.
type builder struct {
	g     *Graph
	scope string // ends in a slash
	class []string
	at    placement
}

// op adds a node named below the scope.
func (b *builder) op(typ, name string, attrs map[string]any, inputs ...Output) (Output, error) {
	spec := OpSpec{Type: typ, Name: b.scope + name, Attrs: attrs}
	for _, in := range inputs {
		spec.Input = append(spec.Input, in)
	}
	if len(b.class) > 0 {
		if spec.Attrs == nil {
			spec.Attrs = make(map[string]any, 1)
		}
		spec.Attrs["_class"] = b.class
	}
	b.g.mu.Lock()
	defer b.g.mu.Unlock()
	op, err := b.g.addNode(spec, b.at)
	if err != nil {
		return Output{}, err
	}
	return op.Output(0), nil
}

func (b *builder) constant(name string, dt DataType, value any) (Output, error) {
	return b.op("Const", name, map[string]any{"dtype": dt, "value": value})
}

// given adds a Const of a value that the caller brought.
func (b *builder) given(t *Tensor) (Output, error) {
	if t.DataType() == String {
		return b.constant("initial_value", String, stringsAttr(t))
	}
	return b.constant("initial_value", t.DataType(), t)
}

// scalar adds a Const of one value.
func (b *builder) scalar(name string, dt DataType, v any) (Output, error) {
	value, err := filled(dt, v, nil)
	if err != nil {
		return Output{}, err
	}
	return b.constant(name, dt, value)
}

// shape adds a Const that holds dims, as int32 where they fit.
func (b *builder) shape(name string, dims []int64) (Output, error) {
	dt, size := Int32, 4
	for _, d := range dims {
		if d > math.MaxInt32 {
			dt, size = Int64, 8
		}
	}
	t := &tensor_go_proto.TensorProto{Dtype: types_go_proto.DataType(dt), TensorShape: dimsProto([]int64{int64(len(dims))})}
	if len(dims) == 1 && dt == Int32 {
		t.IntVal = []int32{int32(dims[0])}
	} else if len(dims) == 1 {
		t.Int64Val = dims
	} else {
		t.TensorContent = make([]byte, 0, len(dims)*size)
		for _, d := range dims {
			if dt == Int32 {
				t.TensorContent = binary.LittleEndian.AppendUint32(t.TensorContent, uint32(d))
			} else {
				t.TensorContent = binary.LittleEndian.AppendUint64(t.TensorContent, uint64(d))
			}
		}
	}
	return b.constant(name, dt, tensorAttr(t))
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
		value, err := filled(i.dtype, v, i.dims)
		if err != nil {
			return Output{}, err
		}
		return b.constant(name, i.dtype, value)
	}
	dims, err := b.shape(name+"/shape_as_tensor", i.dims)
	if err != nil {
		return Output{}, err
	}
	value, err := b.scalar(name+"/Const", i.dtype, v)
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
	m, err := b.scalar(name+"/mean", i.dtype, mean)
	if err != nil {
		return Output{}, err
	}
	s, err := b.scalar(name+"/stddev", i.dtype, stddev)
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
	if !isFloat(i.dtype) && i.dtype != Int32 && i.dtype != Int64 {
		return Output{}, invalidf("%s makes floating point numbers, int32 and int64, not %s", name, dtype.Name(i.dtype))
	}
	dims, err := b.shape(name+"/shape", i.dims)
	if err != nil {
		return Output{}, err
	}
	minimum, err := b.scalar(name+"/min", i.dtype, lo)
	if err != nil {
		return Output{}, err
	}
	maximum, err := b.scalar(name+"/max", i.dtype, hi)
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
