package dtype_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

func TestHalfFloatsDecodeExactly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		bits dtype.F16
		want float32
	}{
		{0x0000, 0}, {0x3c00, 1}, {0xc000, -2}, {0x7bff, 65504}, {0x0400, 1.0 / (1 << 14)}, {0x0001, 1.0 / (1 << 24)},
		{0x83ff, -1023.0 / (1 << 24)}, {0x3555, 0.333251953125}, {0x7c00, float32(math.Inf(1))}, {0xfc00, float32(math.Inf(-1))},
	} {
		assert.Equal(t, c.want, c.bits.Float32(), "%04x", uint16(c.bits))
	}
	assert.True(t, math.Signbit(float64(dtype.F16(0x8000).Float32())))
	assert.True(t, math.IsNaN(float64(dtype.F16(0x7e00).Float32())))
	for _, c := range []struct {
		bits dtype.BF16
		want float32
	}{{0, 0}, {0x3f80, 1}, {0xc000, -2}, {0x7f80, float32(math.Inf(1))}, {0x0001, math.Float32frombits(1 << 16)}} {
		assert.Equal(t, c.want, c.bits.Float32(), "%04x", uint16(c.bits))
	}
}

// TestRoundingMatchesNumPy compares float16 and bfloat16 near their limits with NumPy's
// and TensorFlow's conversions.
func TestRoundingMatchesNumPy(t *testing.T) {
	t.Parallel()
	var floats []float64
	for _, e := range []int{-150, -30, -26, -25, -24, -20, -15, -14, -13, -1, 0, 1, 10, 14, 15, 16, 127} {
		for _, m := range []float64{1, 1 + 1.0/2048, 1 + 1.0/1024, 1 + 3.0/2048, 1.5, 1.9990234375, 1.99951171875, 1.999755859375, 1 + 1.0/256, 1 + 3.0/256} {
			floats = append(floats, math.Ldexp(m, e), -math.Ldexp(m, e))
		}
	}
	want := oracle.Value[[][]int](t, `
import ml_dtypes
with np.errstate(all="ignore"):
    f = np.array(args[0]).astype(np.float32)
    result = [f.astype(np.float16).view(np.uint16).tolist(), f.astype(ml_dtypes.bfloat16).view(np.uint16).tolist()]
`, floats)
	for i, x := range floats {
		h := dtype.ToF16(float32(x))
		assert.EqualValues(t, want[0][i], h, "half of %g", x)
		if back := h.Float32(); !math.IsInf(float64(back), 0) {
			assert.Equal(t, h, dtype.ToF16(back))
		}
		assert.EqualValues(t, want[1][i], dtype.ToBF16(float32(x)), "bfloat16 of %g", x)
	}
	for _, x := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		assert.EqualValues(t, 0x7c00, dtype.ToF16(x)&0x7c00)
		assert.EqualValues(t, 0x7f80, dtype.ToBF16(x)&0x7f80)
		assert.Equal(t, x != x, dtype.ToF16(x)&0x03ff != 0)
		assert.Equal(t, x != x, dtype.ToBF16(x)&0x007f != 0)
	}
}
