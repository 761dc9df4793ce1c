package smallfloat_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/dtype/internal/smallfloat"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

var names = []string{
	"float16", "bfloat16", "float8_e5m2", "float8_e4m3fn",
	"float8_e4m3fnuz", "float8_e4m3b11fnuz", "float8_e5m2fnuz", "float4_e2m1fn",
}

// patterns returns every bit pattern of a format.
func patterns(name string) []byte {
	if smallfloat.ByName(name).Size() == 1 {
		width := 8
		if name == "float4_e2m1fn" {
			width = 4
		}
		b := make([]byte, 1<<width)
		for i := range b {
			b[i] = byte(i)
		}
		return b
	}
	var b []byte
	for i := range 1 << 16 {
		b = binary.LittleEndian.AppendUint16(b, uint16(i))
	}
	return b
}

func TestDecodeMatchesPython(t *testing.T) {
	t.Parallel()
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			src, format := patterns(name), smallfloat.ByName(name)
			want := oracle.Value[[]byte](t, `
import ml_dtypes
dt = np.dtype(args[1] if args[1] == "float16" else getattr(ml_dtypes, args[1]))
result = np.frombuffer(args[0], dt).astype(np.float32).tobytes()
`, src, name)
			n := len(src) / format.Size()
			require.Len(t, want, 4*n)
			got := make([]float32, n)
			format.Decode(src, got)
			dt, ok := dtype.Parse(name)
			require.True(t, ok)
			assert.Equal(t, dtype.Size(dt), format.Size())
			wide := make([]float64, n)
			require.True(t, dtype.Float64s(dt, src, wide))
			for i, g := range got {
				w := math.Float32frombits(binary.LittleEndian.Uint32(want[4*i:]))
				if w != w {
					assert.True(t, g != g, "pattern %#x: %v, want NaN", i, g)
					continue
				}
				require.Equal(t, math.Float32bits(w), math.Float32bits(g), "pattern %#x: %v, want %v", i, g, w)
				require.Equal(t, float64(w), wide[i])
				require.Equal(t, g, format.Float32(uint16(i)))
			}
		})
	}
}

func TestEncodeReversesDecode(t *testing.T) {
	t.Parallel()
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			src, format := patterns(name), smallfloat.ByName(name)
			wide := make([]float32, len(src)/format.Size())
			format.Decode(src, wide)
			back := make([]byte, len(src))
			require.Equal(t, -1, format.Encode(back, wide))
			again := make([]float32, len(wide))
			format.Decode(back, again)
			for i := range wide {
				if wide[i] == wide[i] {
					require.Equal(t, math.Float32bits(wide[i]), math.Float32bits(again[i]))
				} else {
					require.True(t, again[i] != again[i])
				}
			}
			if format.Size() == 2 {
				assert.True(t, bytes.Equal(src, back), "NaNs keep their payload")
			}
			assert.Equal(t, 1, format.Encode(back, []float32{1, 1.00001}), "a value between two steps")
		})
	}
	assert.Nil(t, smallfloat.ByName("float32"))
}

func TestAppendDecimal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		value float32
		want  string
	}{
		{"bfloat16", 0.10009765625, "1e-01"},
		{"float8_e5m2", 0.09375, "9e-02"},
		{"float16", 0.333251953125, "3.333e-01"},
		{"float16", 0, "0e+00"},
	} {
		assert.Equal(t, c.want, string(smallfloat.ByName(c.name).AppendDecimal(nil, float64(c.value))))
	}
}
