package tf

import (
	"math"
	"reflect"
	"slices"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
)

// Initializer makes the first value of a variable, and with it the variable's type and
// shape. The methods return changed copies. The operations that it adds are those of
// Python's initializer of the same name.
type Initializer struct {
	dims  []int64
	dtype dtype.DataType
	seed  *int64
	build func(b *builder, i Initializer) Output
	// value and output are set if the caller gave the first value.
	value  any
	tensor *Tensor // value as a tensor, while a variable is made of it
	output Output
	err    error
}

// WithSeed makes a random initializer repeatable: with the same seed and graph seed it
// makes the same values as Python's.
func (i Initializer) WithSeed(seed int64) Initializer {
	i.seed = &seed
	return i
}

// WithDType sets the type of the variable. The default is dtype.Float32, except for Value
// and FromOutput, which have the type of their argument.
func (i Initializer) WithDType(dt dtype.DataType) Initializer {
	i.dtype = dt
	return i
}

// Zeros fills a variable of shape dims with 0, false or "".
func Zeros(dims ...int64) Initializer {
	return newInitializer(dims, func(b *builder, i Initializer) Output { return b.fill("zeros", zeroOf(i.dtype), i) })
}

// Ones fills a variable of shape dims with 1 or true.
func Ones(dims ...int64) Initializer {
	return newInitializer(dims, func(b *builder, i Initializer) Output { return b.fill("ones", oneOf(i.dtype), i) })
}

// Constant fills a variable of shape dims with v, a Go scalar. The type of a number is
// dtype.Float32, unless WithDType sets another one.
func Constant(v any, dims ...int64) Initializer {
	i := newInitializer(dims, func(b *builder, i Initializer) Output { return b.constant("Const", i.dtype, v, i.dims...) })
	switch v.(type) {
	case bool:
		i.dtype = dtype.Bool
	case string, []byte:
		i.dtype = dtype.String
	}
	return i
}

// Uniform draws the elements of a variable of shape dims from a uniform distribution in
// [lo, hi). It makes integers too, if WithDType sets dtype.Int32 or dtype.Int64.
func Uniform(lo, hi float64, dims ...int64) Initializer {
	return newInitializer(dims, func(b *builder, i Initializer) Output { return b.uniform(lo, hi, i) })
}

// Normal draws the elements of a variable of shape dims from a normal distribution.
func Normal(mean, stddev float64, dims ...int64) Initializer {
	return newInitializer(dims, func(b *builder, i Initializer) Output {
		return b.normal("random_normal", "RandomStandardNormal", mean, stddev, i)
	})
}

// TruncatedNormal draws the elements of a variable of shape dims from a normal
// distribution, and draws again what is more than two standard deviations from the mean.
func TruncatedNormal(mean, stddev float64, dims ...int64) Initializer {
	return newInitializer(dims, func(b *builder, i Initializer) Output {
		return b.normal("truncated_normal", "TruncatedNormal", mean, stddev, i)
	})
}

// GlorotUniform draws from a uniform distribution in ±sqrt(6 / (fan in + fan out)), as
// Glorot and Bengio propose for the weights of a layer. dims are [in, out] or
// [height, width, in, out].
func GlorotUniform(dims ...int64) Initializer {
	limit := math.Sqrt(3 * glorotScale(dims))
	return Uniform(-limit, limit, dims...)
}

// GlorotNormal draws from a truncated normal distribution with the variance
// 2 / (fan in + fan out). dims are those of GlorotUniform.
func GlorotNormal(dims ...int64) Initializer {
	// The standard deviation of a normal distribution that is truncated at two standard
	// deviations.
	const truncated = .87962566103423978
	return TruncatedNormal(0, math.Sqrt(glorotScale(dims))/truncated, dims...)
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

// Value starts a variable with v: a *Tensor, or a Go value that NewTensor accepts. The
// variable has the type and shape of v, and the graph holds the value.
func Value(v any) Initializer { return Initializer{value: v} }

// FromOutput starts a variable with a tensor of the graph. The variable has its type and
// shape.
func FromOutput(o Output) Initializer {
	if err := capi.CheckOutput(o); err != nil {
		return Initializer{err: invalidf("the initial value: %s", message(err))}
	}
	i := Initializer{output: o, dtype: dtype.DataType(dtype.Base(o.DataType()))}
	i.dims, _ = o.Shape().ToSlice()
	return i
}

func newInitializer(dims []int64, build func(*builder, Initializer) Output) Initializer {
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
		return nil // as in Python, strings have no one
	}
	return 1
}

// resolve makes a tensor of a Go value, so that type and shape are known. release frees
// the tensor, unless it is the caller's.
func (i Initializer) resolve() (resolved Initializer, release func(), err error) {
	release = func() {}
	if i.err != nil {
		return i, release, i.err
	}
	if i.value == nil {
		return i, release, nil
	}
	t, ok := i.value.(*Tensor)
	if !ok {
		if t, err = tensorOf(i.value); err != nil {
			return i, release, err
		}
		release = func() { Release(t) }
	}
	if capi.Released(t) {
		return i, release, invalidf("the initial value is a nil or released tensor")
	}
	dt := dtype.DataType(t.DataType())
	if i.dtype != 0 && i.dtype != dt {
		defer release()
		return i, release, invalidf("the initial value is of type %s, not %s", dtype.Name(dt), dtype.Name(i.dtype))
	}
	i.tensor, i.dtype, i.dims = t, dt, t.Shape()
	return i, release, nil
}

// tensorOf makes a tensor of a Go value.
func tensorOf(v any) (*Tensor, error) {
	if kind := reflect.ValueOf(v).Kind(); kind == reflect.Int || kind == reflect.Uint {
		return nil, invalidf("TensorFlow has no type for a Go %v: use int32 or int64", kind)
	}
	t, err := NewTensor(v)
	if err != nil {
		return nil, invalidf("the initial value: %s", message(err))
	}
	return t, nil
}
