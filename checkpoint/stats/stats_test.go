package stats_test

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
	"github.com/tfkeep/tfkeep/checkpoint/stats"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

func float32s(values ...float32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
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

func summary(t *testing.T, r *checkpoint.Reader, name string) *stats.Summary {
	t.Helper()
	for s, err := range stats.Summarize(t.Context(), r, &stats.Options{Names: []string{name}}) {
		require.NoError(t, err)
		return s
	}
	require.Fail(t, "no summary", name)
	return nil
}

func TestSummarizeNonFinite(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	r := open(t, checkpoint.Tensor{Name: "w", DType: dtype.Float32, Shape: []int64{2, 4},
		Data: float32s(0, float32(math.Copysign(0, -1)), 1, 3, nan, inf, inf, -inf)})
	s := summary(t, r, "w")
	assert.Equal(t, int64(8), s.Elements)
	assert.Equal(t, int64(2), s.Zeros)
	assert.Equal(t, int64(1), s.NaN)
	assert.Equal(t, int64(2), s.PosInf)
	assert.Equal(t, int64(1), s.NegInf)
	assert.Equal(t, int64(4), s.Finite())
	assert.Equal(t, []float64{0, 3, 1}, []float64{s.Min, s.Max, s.Mean})
	assert.InDelta(t, math.Sqrt(1.5), s.Std, 1e-12)
	want := make([]int64, stats.Bins)
	want[0], want[5], want[15] = 2, 1, 1
	assert.Equal(t, want, s.Histogram)
}

func TestSummarizeWithoutFiniteValues(t *testing.T) {
	t.Parallel()
	r := open(t,
		checkpoint.Tensor{Name: "empty", DType: dtype.Float32, Shape: []int64{0}, Data: []byte{}},
		checkpoint.Tensor{Name: "nan", DType: dtype.Float32, Data: float32s(float32(math.NaN()))})
	for _, name := range []string{"empty", "nan"} {
		s := summary(t, r, name)
		assert.Zero(t, s.Finite())
		assert.True(t, math.IsNaN(s.Min) && math.IsNaN(s.Max) && math.IsNaN(s.Mean) && math.IsNaN(s.Std))
		assert.Nil(t, s.Histogram)
	}
}

func TestSummarizeOtherTypes(t *testing.T) {
	t.Parallel()
	r := open(t,
		checkpoint.Tensor{Name: "s", DType: dtype.String, Shape: []int64{3}, Strings: [][]byte{nil, []byte("ab"), []byte("abcd")}},
		checkpoint.Tensor{Name: "c", DType: dtype.Complex64, Shape: []int64{1}, Data: float32s(3, -4)},
		checkpoint.Tensor{Name: "b", DType: dtype.Bool, Shape: []int64{4}, Data: []byte{1, 0, 0, 0}})
	for _, want := range []struct {
		name     string
		measure  stats.Measure
		max, avg float64
	}{{"s", stats.Length, 4, 2}, {"c", stats.Magnitude, 5, 5}, {"b", stats.Value, 1, 0.25}} {
		s := summary(t, r, want.name)
		assert.Equal(t, want.measure, s.Measure)
		assert.Equal(t, want.max, s.Max)
		assert.Equal(t, want.avg, s.Mean)
	}
}

func TestSummarizeExtremeFloats(t *testing.T) {
	t.Parallel()
	var data []byte
	for _, v := range []float64{-math.MaxFloat64, 0, math.MaxFloat64} {
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
	}
	r := open(t, checkpoint.Tensor{Name: "d", DType: dtype.Float64, Shape: []int64{3}, Data: data})
	s := summary(t, r, "d")
	assert.Equal(t, -math.MaxFloat64, s.Min)
	assert.Equal(t, math.MaxFloat64, s.Max)
	assert.Equal(t, int64(1), s.Histogram[0])
	assert.Equal(t, int64(1), s.Histogram[stats.Bins/2])
	assert.Equal(t, int64(1), s.Histogram[stats.Bins-1])
}

func TestSummarizeLargeTensors(t *testing.T) {
	t.Parallel()
	// Above the size that is read whole.
	values := make([]float32, 9<<20)
	for i := range values {
		values[i] = float32(i%1000) - 500
	}
	data := float32s(values...)
	n := int64(len(values))
	r := open(t, checkpoint.Tensor{Name: "big", DType: dtype.Float32, Shape: []int64{n}, Data: data},
		checkpoint.Tensor{Name: "small", DType: dtype.Float32, Shape: []int64{1000}, Data: data[:4000]})
	big := summary(t, r, "big")
	small := summary(t, r, "small")
	assert.Equal(t, n, big.Elements)
	assert.Equal(t, small.Min, big.Min)
	assert.Equal(t, small.Max, big.Max)
	assert.InDelta(t, small.Std, big.Std, 0.01)
	sum := int64(0)
	for _, c := range big.Histogram {
		sum += c
	}
	assert.Equal(t, n, sum)
}

func TestSummarizeInOrder(t *testing.T) {
	t.Parallel()
	r := open(t,
		checkpoint.Tensor{Name: "a", DType: dtype.Int8, Data: []byte{1}},
		checkpoint.Tensor{Name: "b", DType: dtype.Int8, Data: []byte{2}},
		checkpoint.Tensor{Name: "c", DType: dtype.Int8, Data: []byte{3}})
	var names []string
	for _, o := range []*stats.Options{nil, {Names: []string{"c", "a"}, Workers: 1}} {
		for s, err := range stats.Summarize(t.Context(), r, o) {
			require.NoError(t, err)
			names = append(names, s.Tensor.Name)
		}
	}
	assert.Equal(t, []string{"a", "b", "c", "c", "a"}, names)
}

func TestSummarizeEndsWithAnError(t *testing.T) {
	t.Parallel()
	r := open(t, checkpoint.Tensor{Name: "a", DType: dtype.Int8, Data: []byte{1}})
	failure := func(ctx context.Context, o *stats.Options) (last error) {
		for _, last = range stats.Summarize(ctx, r, o) {
		}
		return last
	}
	assert.ErrorIs(t, failure(t.Context(), &stats.Options{Names: []string{"x"}}), tfkeep.ErrNotFound)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, failure(ctx, nil), context.Canceled)
}

func TestSummarizeMatchesNumPy(t *testing.T) {
	t.Parallel()
	prefix := filepath.Join(t.TempDir(), "m")
	want := oracle.Value[map[string][]float64](t, `
rng = np.random.default_rng(7)
arrays = {
    "normal": rng.normal(3, 2, (300, 70)).astype(np.float32), "half": rng.normal(size=1000).astype(np.float16),
    "ints": rng.integers(-9, 9, 500, np.int32), "double": rng.uniform(size=(3, 4, 5)), "bytes": rng.integers(0, 255, 99).astype(np.uint8),
}
vs = {k: tf1.get_variable(k, initializer=a) for k, a in arrays.items()}
with tf1.Session() as s:
    s.run(tf1.global_variables_initializer())
    tf1.train.Saver(vs).save(s, args[0], write_state=False, write_meta_graph=False)
result = {}
for k, a in arrays.items():
    a = a.astype(np.float64)
    counts, _ = np.histogram(a, 16)
    result[k] = [a.min(), a.max(), a.mean(), a.std(), (a == 0).sum()] + counts.tolist()
`, prefix)
	r, err := checkpoint.Open(t.Context(), prefix, nil)
	require.NoError(t, err)
	defer r.Close()
	seen := 0
	for s, err := range stats.Summarize(t.Context(), r, nil) {
		require.NoError(t, err)
		w := want[s.Tensor.Name]
		require.NotNil(t, w, s.Tensor.Name)
		assert.Equal(t, w[0], s.Min)
		assert.Equal(t, w[1], s.Max)
		assert.InDelta(t, w[2], s.Mean, 1e-9)
		assert.InDelta(t, w[3], s.Std, 1e-9)
		assert.Equal(t, int64(w[4]), s.Zeros)
		for i, n := range s.Histogram {
			assert.InDelta(t, w[5+i], n, 2, "%s, interval %d", s.Tensor.Name, i) // a value on a border may fall either way
		}
		seen++
	}
	assert.Equal(t, len(want), seen)
}
