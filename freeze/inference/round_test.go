package inference

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/internal/oracle"
)

// TestRoundingIsNumPys compares every half and its neighbourhood with NumPy's
// and TensorFlow's conversions.
func TestRoundingIsNumPys(t *testing.T) {
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
		h, back := roundHalf(float32(x))
		assert.EqualValues(t, want[0][i], h, "half of %g", x)
		if !math.IsInf(float64(back), 0) {
			again, _ := roundHalf(back)
			assert.Equal(t, h, again)
		}
		b, _ := roundBfloat16(float32(x))
		assert.EqualValues(t, want[1][i], b, "bfloat16 of %g", x)
	}
	for _, x := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		h, _ := roundHalf(x)
		b, _ := roundBfloat16(x)
		assert.Equal(t, uint16(0x7c00), h&0x7c00)
		assert.Equal(t, uint16(0x7f80), b&0x7f80)
	}
}
