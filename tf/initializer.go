package tf

import (
	"math"
	"reflect"
	"slices"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
)

// Initializer says what a variable starts as: its shape, its type and how its
// first value is made. It is a value; the methods With… give changed copies.
// The ops it adds are those of Python's initializer of the same name.
type Initializer struct {
	dims  []int64
	dtype dtype.DataType
	seed  *int64
	build func(b *builder, i Initializer) (Output, error)
	// value and output are set where the first value is given, not made.
	value  any
	tensor *Tensor // value, once a variable is made of it
	output Output
	err    error
}

// WithSeed makes a random initializer repeatable: with the same seed and
// graph seed it gives the values that Python's gives.
func (i Initializer) WithSeed(seed int64) Initializer {
	i.seed = &seed
	return i
}

// WithDType makes the variable one of type dt. The default is Float, but for
// Value and FromOutput, which bring their type along.
func (i Initializer) WithDType(dt dtype.DataType) Initializer {
	i.dtype = dt
	return i
}

// Zeros fills with 0, false or "".
func Zeros(dims ...int64) Initializer {
	return made(dims, func(b *builder, i Initializer) (Output, error) { return b.fill("zeros", zeroOf(i.dtype), i) })
}

// Ones fills with 1 or true.
func Ones(dims ...int64) Initializer {
	return made(dims, func(b *builder, i Initializer) (Output, error) { return b.fill("ones", oneOf(i.dtype), i) })
}

// Constant fills with v, a Go scalar. Integers and floats make a Float
// variable unless WithDType says otherwise; bool and string make their own.
func Constant(v any, dims ...int64) Initializer {
	i := made(dims, func(b *builder, i Initializer) (Output, error) {
		return b.constant("Const", i.dtype, v, i.dims...)
	})
	switch v.(type) {
	case bool:
		i.dtype = dtype.Bool
	case string, []byte:
		i.dtype = dtype.String
	}
	return i
}

// Uniform draws from [lo, hi), evenly; of Int32 and Int64 too.
func Uniform(lo, hi float64, dims ...int64) Initializer {
	return made(dims, func(b *builder, i Initializer) (Output, error) { return b.uniform(lo, hi, i) })
}

// Normal draws from a normal distribution.
func Normal(mean, stddev float64, dims ...int64) Initializer {
	return made(dims, func(b *builder, i Initializer) (Output, error) {
		return b.normal("random_normal", "RandomStandardNormal", mean, stddev, i)
	})
}

// TruncatedNormal draws from a normal distribution, and draws again what lies
// more than two standard deviations from the mean.
func TruncatedNormal(mean, stddev float64, dims ...int64) Initializer {
	return made(dims, func(b *builder, i Initializer) (Output, error) {
		return b.normal("truncated_normal", "TruncatedNormal", mean, stddev, i)
	})
}

// GlorotUniform draws evenly from ±sqrt(6 / (fan in + fan out)), Glorot's and
// Bengio's choice for a layer's weights: [in, out], or [height, width, in, out].
func GlorotUniform(dims ...int64) Initializer {
	limit := math.Sqrt(3 * glorotScale(dims))
	return Uniform(-limit, limit, dims...)
}

// GlorotNormal draws from a truncated normal distribution of the variance
// 2 / (fan in + fan out).
func GlorotNormal(dims ...int64) Initializer {
	// A normal distribution cut at two deviations has this deviation left.
	const kept = .87962566103423978
	return TruncatedNormal(0, math.Sqrt(glorotScale(dims))/kept, dims...)
}

// glorotScale is Python's VarianceScaling with scale 1 and mode fan_avg.
func glorotScale(dims []int64) float64 {
	in, out := 1.0, 1.0
	switch n := len(dims); {
	case n == 1:
		in, out = float64(dims[0]), float64(dims[0])
	case n >= 2:
		field := 1.0
		for _, d := range dims[:n-2] {
			field *= float64(d)
		}
		in, out = field*float64(dims[n-2]), field*float64(dims[n-1])
	}
	return 1 / math.Max(1, (in+out)/2)
}

// Value starts from v: a *Tensor, or a Go scalar, array or slice, whose type
// and shape the variable takes. The graph holds the value.
func Value(v any) Initializer { return Initializer{value: v} }

// FromOutput starts from a tensor of the graph, whose type and shape the
// variable takes.
func FromOutput(o Output) Initializer {
	if o.Op == nil {
		return Initializer{err: invalidf("the initial value has no operation: look at the error of the call that should have made it")}
	}
	i := Initializer{output: o, dtype: dtype.DataType(dtype.Base(o.DataType()))}
	i.dims, _ = o.Shape().ToSlice()
	return i
}

func made(dims []int64, build func(*builder, Initializer) (Output, error)) Initializer {
	i := Initializer{dims: slices.Clone(dims), dtype: dtype.Float32, build: build}
	for _, d := range dims {
		if d < 0 {
			i.err = invalidf("shape %v of an initializer has an unknown dimension", dims)
		}
	}
	return i
}

func zeroOf(dt dtype.DataType) any {
	switch dt {
	case dtype.Bool:
		return false
	case dtype.String:
		return ""
	}
	return 0
}

func oneOf(dt dtype.DataType) any {
	switch dt {
	case dtype.Bool:
		return true
	case dtype.String:
		return nil // Python's ones refuses strings too
	}
	return 1
}

// resolve turns a Go value into a tensor, which says type and shape. done
// frees the tensor, unless it is the caller's.
func (i Initializer) resolve() (resolved Initializer, done func(), err error) {
	done = func() {}
	if i.err != nil || i.value == nil {
		return i, done, i.err
	}
	t, ok := i.value.(*Tensor)
	if !ok {
		if t, err = convert(i.value); err != nil {
			return i, done, err
		}
		done = func() { Release(t) }
	}
	if capi.Released(t) {
		return i, done, invalidf("the initial value is a nil or released tensor")
	}
	dt := dtype.DataType(t.DataType())
	if i.dtype != 0 && i.dtype != dt {
		defer done()
		return i, done, invalidf("the initial value is of type %s, not %s", dtype.Name(dt), dtype.Name(i.dtype))
	}
	i.tensor, i.dtype, i.dims = t, dt, t.Shape()
	return i, done, nil
}

// convert makes a tensor of a Go value.
func convert(v any) (*Tensor, error) {
	if kind := reflect.ValueOf(v).Kind(); kind == reflect.Int || kind == reflect.Uint {
		return nil, invalidf("a Go %v has no TensorFlow type: use int32 or int64", kind)
	}
	t, err := NewTensor(v)
	if err != nil {
		return nil, invalidf("the initial value: %v", err)
	}
	return t, nil
}
