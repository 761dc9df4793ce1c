package diff_test

import (
	"context"
	"encoding/binary"
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/diff"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

func float32s(values ...float32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func floats(name string, values ...float32) checkpoint.Tensor {
	return checkpoint.Tensor{Name: name, DType: dtype.Float32, Shape: []int64{int64(len(values))}, Data: float32s(values...)}
}

func open(t *testing.T, tensors ...checkpoint.Tensor) *checkpoint.Reader {
	t.Helper()
	prefix := filepath.Join(t.TempDir(), "m")
	tftest.WriteCheckpoint(t, prefix, &checkpoint.WriterOptions{NoSync: true}, tensors)
	r, err := checkpoint.Open(t.Context(), prefix, nil)
	require.NoError(t, err)
	t.Cleanup(func() { r.Close() })
	return r
}

func compare(t *testing.T, a, b *checkpoint.Reader, o *diff.Options) map[string]diff.Difference {
	t.Helper()
	found := map[string]diff.Difference{}
	last := ""
	for d, err := range diff.Compare(t.Context(), a, b, o) {
		require.NoError(t, err)
		assert.Less(t, last, d.Name, "in order of name")
		last = d.Name
		found[d.Name] = d
	}
	return found
}

func TestCompareFindsEveryKind(t *testing.T) {
	t.Parallel()
	a := open(t, floats("added-not", 1), floats("changed", 1, 2, 4), floats("gone", 1), floats("reshaped", 1, 2), floats("retyped", 1))
	b := open(t, floats("added-not", 1), floats("changed", 1, 2, 6), floats("new", 1),
		checkpoint.Tensor{Name: "reshaped", DType: dtype.Float32, Shape: []int64{2, 1}, Data: float32s(1, 2)},
		checkpoint.Tensor{Name: "retyped", DType: dtype.Int32, Shape: []int64{1}, Data: []byte{1, 0, 0, 0}})
	found := compare(t, a, b, nil)
	kinds := map[string]diff.Kind{}
	for name, d := range found {
		kinds[name] = d.Kind
	}
	assert.Equal(t, map[string]diff.Kind{"added-not": diff.Same, "changed": diff.Changed, "gone": diff.Removed,
		"new": diff.Added, "reshaped": diff.Reshaped, "retyped": diff.Retyped}, kinds)
	assert.Equal(t, &diff.Values{Elements: 3, Different: 1, MaxAbs: 2, At: 2, MeanAbs: 2.0 / 3, MaxRel: 0.5}, found["changed"].Values)
	assert.Nil(t, found["new"].Before)
	assert.Nil(t, found["gone"].After)
}

func TestCompareEqualNumbers(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	otherNaN := math.Float32frombits(math.Float32bits(nan) ^ 1)
	a := open(t, floats("x", 0, nan, inf, 1))
	b := open(t, floats("x", float32(math.Copysign(0, -1)), otherNaN, inf, 1))
	d := compare(t, a, b, nil)["x"]
	assert.Equal(t, diff.Same, d.Kind)
	assert.Zero(t, d.Values.MaxAbs)
}

func TestCompareNaNAndInfinity(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, pair := range [][2]float32{{nan, 1}, {1, nan}, {inf, 1}, {inf, -inf}} {
		a, b := open(t, floats("x", pair[0])), open(t, floats("x", pair[1]))
		d := compare(t, a, b, &diff.Options{Tolerance: 1e30})["x"]
		assert.Equal(t, diff.Changed, d.Kind, "%v", pair)
		assert.True(t, math.IsInf(d.Values.MaxAbs, 1))
	}
}

func TestCompareTolerance(t *testing.T) {
	t.Parallel()
	a, b := open(t, floats("x", 1, 2, 3)), open(t, floats("x", 1.25, 2, 4))
	d := compare(t, a, b, &diff.Options{Tolerance: 0.5})["x"]
	assert.Equal(t, diff.Changed, d.Kind)
	assert.Equal(t, int64(1), d.Values.Different)
	assert.Equal(t, int64(1), d.Values.Near)
	d = compare(t, a, b, &diff.Options{Tolerance: 1})["x"]
	assert.Equal(t, diff.Same, d.Kind)
	assert.Equal(t, int64(2), d.Values.Near)
	assert.Equal(t, 1.0, d.Values.MaxAbs)
}

func TestCompareLargeIntegers(t *testing.T) {
	t.Parallel()
	le := binary.LittleEndian
	for _, dt := range []dtype.DataType{dtype.Int64, dtype.Uint64} {
		one := func(v uint64) *checkpoint.Reader {
			return open(t, checkpoint.Tensor{Name: "n", DType: dt, Data: le.AppendUint64(nil, v)})
		}
		d := compare(t, one(1<<62), one(1<<62+1), nil)["n"]
		assert.Equal(t, diff.Changed, d.Kind)
		assert.Equal(t, 1.0, d.Values.MaxAbs)
	}
}

func TestCompareComplex(t *testing.T) {
	t.Parallel()
	one := func(parts ...float32) *checkpoint.Reader {
		return open(t, checkpoint.Tensor{Name: "c", DType: dtype.Complex64, Shape: []int64{int64(len(parts) / 2)}, Data: float32s(parts...)})
	}
	d := compare(t, one(1, 2, 3, 4), one(1, 2, 4, 7), nil)["c"]
	assert.Equal(t, int64(2), d.Values.Elements)
	assert.Equal(t, int64(1), d.Values.Different)
	assert.Equal(t, int64(1), d.Values.At)
	assert.Equal(t, 3.0, d.Values.MaxAbs)
	d = compare(t, one(1, 1), one(1.25, 3), &diff.Options{Tolerance: 1})["c"]
	assert.Equal(t, int64(1), d.Values.Different)
	assert.Zero(t, d.Values.Near, "an element is near or different, not both")
}

func TestCompareLargeTensors(t *testing.T) {
	t.Parallel()
	const n = 3 << 20 // floats: more than is read at once
	before := make([]byte, 4*n)
	after := append([]byte(nil), before...)
	copy(after[4*(n-1):], float32s(2))
	one := func(data []byte) *checkpoint.Reader {
		return open(t, checkpoint.Tensor{Name: "x", DType: dtype.Float32, Shape: []int64{n}, Data: data})
	}
	d := compare(t, one(before), one(after), nil)["x"]
	assert.Equal(t, &diff.Values{Elements: n, Different: 1, MaxAbs: 2, At: n - 1, MeanAbs: 2.0 / n}, d.Values)
	assert.Equal(t, diff.Same, compare(t, one(before), one(before), nil)["x"].Kind)
}

func TestCompareStrings(t *testing.T) {
	t.Parallel()
	one := func(values ...string) *checkpoint.Reader {
		s := checkpoint.Tensor{Name: "s", DType: dtype.String, Shape: []int64{int64(len(values))}}
		for _, v := range values {
			s.Strings = append(s.Strings, []byte(v))
		}
		return open(t, s)
	}
	assert.Equal(t, diff.Same, compare(t, one("a", "b"), one("a", "b"), nil)["s"].Kind)
	d := compare(t, one("a", "b"), one("a", "c"), nil)["s"]
	assert.Equal(t, diff.Changed, d.Kind)
	assert.Equal(t, &diff.Values{Elements: 2, Different: 1, MaxAbs: 1, At: 1}, d.Values)
}

func TestComparePartitioned(t *testing.T) {
	t.Parallel()
	part := func(start int64, values ...float32) checkpoint.Tensor {
		return checkpoint.Tensor{Name: "p", DType: dtype.Float32, Shape: []int64{4},
			Slice: checkpoint.Slice{{Start: start, Length: int64(len(values))}}, Data: float32s(values...)}
	}
	a, b := open(t, floats("p", 1, 2, 3, 4)), open(t, part(0, 1), part(1, 2, 3, 4))
	assert.Equal(t, diff.Same, compare(t, a, b, nil)["p"].Kind)
}

// failure returns the error with which a comparison ends.
func failure(ctx context.Context, a, b *checkpoint.Reader, o *diff.Options) (last error) {
	for _, last = range diff.Compare(ctx, a, b, o) {
	}
	return last
}

func TestCompareEndsWithAnError(t *testing.T) {
	t.Parallel()
	a, b := open(t, floats("x", 1)), open(t, floats("x", 1))
	assert.ErrorIs(t, failure(t.Context(), a, b, &diff.Options{Names: []string{"y"}}), tfkeep.ErrNotFound)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, failure(ctx, a, b, nil), context.Canceled)
}

func TestWorkersFindTheSame(t *testing.T) {
	t.Parallel()
	a, b := open(t, floats("a", 1), floats("b", 1), floats("c", 1)), open(t, floats("a", 1), floats("b", 2), floats("c", 1))
	want := compare(t, a, b, nil)
	for _, workers := range []int{1, 7} {
		assert.Equal(t, want, compare(t, a, b, &diff.Options{Workers: workers}))
	}
}
