package elem_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/internal/elem"
	"github.com/tfkeep/tfkeep/internal/oracle"
)

var smallTypes = []checkpoint.DataType{
	checkpoint.Float16, checkpoint.BFloat16, checkpoint.Float8E5M2, checkpoint.Float8E4M3FN,
	checkpoint.Float8E4M3FNUZ, checkpoint.Float8E4M3B11FNUZ, checkpoint.Float8E5M2FNUZ, checkpoint.Float4E2M1FN,
}

// patterns has every bit pattern of a type of 8 or 16 bits.
func patterns(dt checkpoint.DataType) []byte {
	if checkpoint.DataTypeSize(dt) == 1 {
		width := 8
		if dt == checkpoint.Float4E2M1FN {
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

func TestEverySmallFloatIsWhatPythonSays(t *testing.T) {
	for _, dt := range smallTypes {
		name := checkpoint.DataTypeName(dt)
		t.Run(name, func(t *testing.T) {
			src := patterns(dt)
			want := oracle.Value[[]byte](t, `
import ml_dtypes
dt = np.dtype(args[1] if args[1] == "float16" else getattr(ml_dtypes, args[1]))
result = np.frombuffer(args[0], dt).astype(np.float32).tobytes()
`, src, name)
			n := len(src) / checkpoint.DataTypeSize(dt)
			require.Len(t, want, 4*n)
			got := make([]float32, n)
			elem.Widen(dt, src, got)
			wide := make([]float64, n)
			require.True(t, elem.Float64s(dt, src, wide))
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

func TestNarrowUndoesWiden(t *testing.T) {
	for _, dt := range smallTypes {
		t.Run(checkpoint.DataTypeName(dt), func(t *testing.T) {
			src := patterns(dt)
			wide := make([]float32, len(src)/checkpoint.DataTypeSize(dt))
			elem.Widen(dt, src, wide)
			back := make([]byte, len(src))
			require.Equal(t, -1, elem.Narrow(dt, wide, back))
			again := make([]float32, len(wide))
			elem.Widen(dt, back, again)
			for i := range wide {
				if wide[i] == wide[i] {
					require.Equal(t, math.Float32bits(wide[i]), math.Float32bits(again[i]))
				} else {
					require.True(t, again[i] != again[i])
				}
			}
			if dt == checkpoint.Float16 || dt == checkpoint.BFloat16 {
				assert.True(t, bytes.Equal(src, back), "NaNs keep their payload")
			}
			assert.Equal(t, 1, elem.Narrow(dt, []float32{1, 1.00001}, back), "a value between two steps")
		})
	}
}

func TestFloat64sReadsEveryNumber(t *testing.T) {
	le := binary.LittleEndian
	for _, c := range []struct {
		dt   checkpoint.DataType
		data []byte
		want []float64
	}{
		{checkpoint.Bool, []byte{0, 1}, []float64{0, 1}},
		{checkpoint.Int8, []byte{0xff, 2}, []float64{-1, 2}},
		{checkpoint.Uint8, []byte{0xff, 2}, []float64{255, 2}},
		{checkpoint.QInt8, []byte{0x80}, []float64{-128}},
		{checkpoint.Int16, []byte{0xfe, 0xff}, []float64{-2}},
		{checkpoint.Uint16, []byte{0xfe, 0xff}, []float64{65534}},
		{checkpoint.Int32, []byte{0xfe, 0xff, 0xff, 0xff}, []float64{-2}},
		{checkpoint.Uint32, []byte{0xfe, 0xff, 0xff, 0xff}, []float64{4294967294}},
		{checkpoint.Int64, le.AppendUint64(nil, uint64(1<<63)), []float64{math.MinInt64}},
		{checkpoint.Uint64, le.AppendUint64(nil, uint64(1<<63)), []float64{1 << 63}},
		{checkpoint.Float32, le.AppendUint32(nil, math.Float32bits(1.5)), []float64{1.5}},
		{checkpoint.Float64, le.AppendUint64(nil, math.Float64bits(-0.1)), []float64{-0.1}},
		{checkpoint.Int4, []byte{0x0f, 0x07, 0xf8}, []float64{-1, 7, -8}},
		{checkpoint.Uint4, []byte{0xff}, []float64{15}},
		{checkpoint.Int2, []byte{2, 1}, []float64{-2, 1}},
		{checkpoint.Uint2, []byte{2, 3}, []float64{2, 3}},
		{checkpoint.Complex64, le.AppendUint32(le.AppendUint32(nil, math.Float32bits(3)), math.Float32bits(4)), []float64{5}},
		{checkpoint.Complex128, le.AppendUint64(le.AppendUint64(nil, math.Float64bits(-3)), math.Float64bits(4)), []float64{5}},
	} {
		got := make([]float64, len(c.want))
		assert.True(t, elem.Float64s(c.dt, c.data, got))
		assert.Equal(t, c.want, got, checkpoint.DataTypeName(c.dt))
		assert.NotEqual(t, elem.Other, elem.KindOf(c.dt))
	}
	assert.False(t, elem.Float64s(checkpoint.String, nil, nil))
	assert.Equal(t, elem.Other, elem.KindOf(checkpoint.String))
}
