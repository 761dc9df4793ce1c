package dtype_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/oracle"
)

var smallTypes = []dtype.DataType{
	dtype.Float16, dtype.BFloat16, dtype.Float8E5M2, dtype.Float8E4M3FN,
	dtype.Float8E4M3FNUZ, dtype.Float8E4M3B11FNUZ, dtype.Float8E5M2FNUZ, dtype.Float4E2M1FN,
}

// patterns returns every bit pattern of a type of 8 or 16 bits.
func patterns(dt dtype.DataType) []byte {
	if dtype.Size(dt) == 1 {
		width := 8
		if dt == dtype.Float4E2M1FN {
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

func TestSmallFloatsMatchPython(t *testing.T) {
	t.Parallel()
	for _, dt := range smallTypes {
		name := dtype.Name(dt)
		t.Run(name, func(t *testing.T) {
			src := patterns(dt)
			want := oracle.Value[[]byte](t, `
import ml_dtypes
dt = np.dtype(args[1] if args[1] == "float16" else getattr(ml_dtypes, args[1]))
result = np.frombuffer(args[0], dt).astype(np.float32).tobytes()
`, src, name)
			n := len(src) / dtype.Size(dt)
			require.Len(t, want, 4*n)
			got := make([]float32, n)
			dtype.Float32s(dt, src, got)
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
			}
		})
	}
}

func TestPutFloat32sReversesFloat32s(t *testing.T) {
	t.Parallel()
	for _, dt := range smallTypes {
		t.Run(dtype.Name(dt), func(t *testing.T) {
			src := patterns(dt)
			wide := make([]float32, len(src)/dtype.Size(dt))
			dtype.Float32s(dt, src, wide)
			back := make([]byte, len(src))
			require.Equal(t, -1, dtype.PutFloat32s(dt, back, wide))
			again := make([]float32, len(wide))
			dtype.Float32s(dt, back, again)
			for i := range wide {
				if wide[i] == wide[i] {
					require.Equal(t, math.Float32bits(wide[i]), math.Float32bits(again[i]))
				} else {
					require.True(t, again[i] != again[i])
				}
			}
			if dt == dtype.Float16 || dt == dtype.BFloat16 {
				assert.True(t, bytes.Equal(src, back), "NaNs keep their payload")
			}
			assert.Equal(t, 1, dtype.PutFloat32s(dt, back, []float32{1, 1.00001}), "a value between two steps")
		})
	}
}

func TestFloat64sDecodesEveryType(t *testing.T) {
	t.Parallel()
	le := binary.LittleEndian
	for _, c := range []struct {
		dt   dtype.DataType
		data []byte
		want []float64
	}{
		{dtype.Bool, []byte{0, 1}, []float64{0, 1}},
		{dtype.Int8, []byte{0xff, 2}, []float64{-1, 2}},
		{dtype.Uint8, []byte{0xff, 2}, []float64{255, 2}},
		{dtype.QInt8, []byte{0x80}, []float64{-128}},
		{dtype.Int16, []byte{0xfe, 0xff}, []float64{-2}},
		{dtype.Uint16, []byte{0xfe, 0xff}, []float64{65534}},
		{dtype.Int32, []byte{0xfe, 0xff, 0xff, 0xff}, []float64{-2}},
		{dtype.Uint32, []byte{0xfe, 0xff, 0xff, 0xff}, []float64{4294967294}},
		{dtype.Int64, le.AppendUint64(nil, uint64(1<<63)), []float64{math.MinInt64}},
		{dtype.Uint64, le.AppendUint64(nil, uint64(1<<63)), []float64{1 << 63}},
		{dtype.Float32, le.AppendUint32(nil, math.Float32bits(1.5)), []float64{1.5}},
		{dtype.Float64, le.AppendUint64(nil, math.Float64bits(-0.1)), []float64{-0.1}},
		{dtype.Int4, []byte{0x0f, 0x07, 0xf8}, []float64{-1, 7, -8}},
		{dtype.Uint4, []byte{0xff}, []float64{15}},
		{dtype.Int2, []byte{2, 1}, []float64{-2, 1}},
		{dtype.Uint2, []byte{2, 3}, []float64{2, 3}},
		{dtype.Complex64, le.AppendUint32(le.AppendUint32(nil, math.Float32bits(3)), math.Float32bits(4)), []float64{5}},
		{dtype.Complex128, le.AppendUint64(le.AppendUint64(nil, math.Float64bits(-3)), math.Float64bits(4)), []float64{5}},
	} {
		got := make([]float64, len(c.want))
		assert.True(t, dtype.Float64s(c.dt, c.data, got))
		assert.Equal(t, c.want, got, dtype.Name(c.dt))
	}
	assert.False(t, dtype.Float64s(dtype.String, nil, nil))
	assert.False(t, dtype.Float32s(dtype.Float64, nil, nil))
	assert.Equal(t, 0, dtype.PutFloat32s(dtype.Float64, nil, []float32{1}))
}
