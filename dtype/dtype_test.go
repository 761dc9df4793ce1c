package dtype_test

import (
	"strings"
	"testing"

	tfpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

// all are the types that TensorFlow 2.21 has.
func all() []dtype.DataType {
	var list []dtype.DataType
	for dt := dtype.DataType(1); dt < 100; dt++ {
		if !strings.HasPrefix(dtype.Name(dt), "dtype(") {
			list = append(list, dt)
		}
	}
	return list
}

func TestParseReversesName(t *testing.T) {
	t.Parallel()
	assert.Len(t, all(), 33)
	for _, dt := range all() {
		for _, want := range []dtype.DataType{dt, dt + 100} {
			got, ok := dtype.Parse(dtype.Name(want))
			assert.True(t, ok)
			assert.Equal(t, want, got)
			got, ok = dtype.Parse("DT_" + strings.ToUpper(dtype.CName(want)))
			assert.True(t, ok)
			assert.Equal(t, want, got)
		}
	}
	assert.Equal(t, "dtype(0)", dtype.Name(dtype.DataType(0)))
	assert.Equal(t, "dtype(99)", dtype.Name(dtype.DataType(99)))
	assert.Equal(t, "dtype(199)", dtype.Name(dtype.DataType(199)))
	for _, name := range []string{"", "float", "dtype(0)", "_ref", "DT_", "DT_FLOAT32", "DT_INVALID", "float32_REF"} {
		_, ok := dtype.Parse(name)
		assert.False(t, ok, name)
	}
}

func TestParseKnowsProtobufConstants(t *testing.T) {
	t.Parallel()
	for number, constant := range tfpb.DataType_name {
		dt, ok := dtype.Parse(constant)
		assert.Equal(t, number != 0, ok, constant)
		assert.EqualValues(t, number, dt, constant)
	}
}

func TestNamesAndSizesMatchPython(t *testing.T) {
	t.Parallel()
	type fact struct {
		Name string
		Size int
	}
	want := oracle.Value[[]fact](t, `
def size(t):
    try:
        return 0 if t in (tf.string, tf.resource, tf.variant) else t.size
    except Exception:
        return 0
result = [{"Name": tf.as_dtype(n).name, "Size": size(tf.as_dtype(n))} for n in args[0]]
`, all())
	for i, dt := range all() {
		assert.Equal(t, want[i].Name, dtype.Name(dt))
		if want[i].Size != 0 {
			assert.Equal(t, want[i].Size, dtype.Size(dt), want[i].Name)
		}
	}
}

func TestReferences(t *testing.T) {
	t.Parallel()
	ref := tfpb.DataType_DT_FLOAT_REF
	assert.True(t, dtype.IsRef(ref))
	assert.False(t, dtype.IsRef(dtype.Float32))
	assert.Equal(t, dtype.Float32, dtype.Base(ref))
	assert.Equal(t, dtype.Int64, dtype.Base(dtype.Int64))
	assert.Equal(t, "float32_ref", dtype.Name(ref))
	assert.Equal(t, "float_ref", dtype.CName(ref))
	assert.Equal(t, 0, dtype.Size(ref))
	assert.Equal(t, 0, dtype.Size(dtype.DataType(-3)))
	assert.Equal(t, uint32(1), dtype.Base(uint32(101)), "the binding's type is unsigned")
}

func TestCNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dt   dtype.DataType
		name string
	}{
		{dtype.Float32, "float"}, {dtype.Float64, "double"}, {dtype.Float16, "half"},
		{dtype.BFloat16, "bfloat16"}, {dtype.QInt8, "qint8"}, {dtype.String, "string"}, {99, "dtype(99)"},
	} {
		assert.Equal(t, c.name, dtype.CName(c.dt))
	}
}

func TestEveryTypeHasOneKind(t *testing.T) {
	t.Parallel()
	for _, dt := range all() {
		kinds := 0
		for _, is := range []bool{dtype.IsInteger(dt), dtype.IsFloat(dt), dtype.IsComplex(dt), dt == dtype.Bool, dtype.Size(dt) == 0} {
			if is {
				kinds++
			}
		}
		assert.Equal(t, 1, kinds, dtype.Name(dt))
	}
}

func TestNormalize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dt         dtype.DataType
		data, want []byte
	}{
		{dtype.Bool, []byte{0, 1, 0x80}, []byte{0, 1, 1}},
		{dtype.Int4, []byte{7, 8, 0xff}, []byte{7, 0xf8, 0xff}},
		{dtype.Uint4, []byte{0xff, 0x18}, []byte{15, 8}},
		{dtype.Int2, []byte{2, 1}, []byte{0xfe, 1}},
		{dtype.Uint2, []byte{0xff}, []byte{3}},
		{dtype.Int8, []byte{0xff}, []byte{0xff}},
	} {
		dtype.Normalize(c.dt, c.data)
		assert.Equal(t, c.want, c.data, dtype.Name(c.dt))
	}
}
