package dtype_test

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/dtype"
)

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
}
