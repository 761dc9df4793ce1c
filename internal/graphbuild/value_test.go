package graphbuild_test

import (
	"math"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

func text(value *attr_value_go_proto.AttrValue) string { return prototext.Format(value.GetTensor()) }

// TestValuesMatchPython compares the values of constants with those of Python's
// make_tensor_proto.
func TestValuesMatchPython(t *testing.T) {
	t.Parallel()
	filled := func(dt dtype.DataType, v any, dims ...int64) *attr_value_go_proto.AttrValue {
		value, err := graphbuild.Filled(dt, v, dims)
		require.NoError(t, err)
		return value
	}
	for _, tt := range []struct {
		name   string
		value  *attr_value_go_proto.AttrValue
		python string
	}{
		{"a float", filled(dtype.Float32, 1.5), "1.5"},
		{"a half", filled(dtype.Float16, 1.5), "np.float16(1.5)"},
		{"a bfloat16", filled(dtype.BFloat16, 1.5), "1.5, tf.bfloat16"},
		{"a complex number", filled(dtype.Complex64, complex(1, 2)), "np.complex64(1+2j)"},
		{"a bool", filled(dtype.Bool, true), "True"},
		{"a large number", filled(dtype.Uint64, uint64(math.MaxUint64)), "np.uint64(2**64-1)"},
		{"a string", graphbuild.Scalar("a"), "'a'"},
		{"an int32", graphbuild.Scalar(int32(-3)), "np.int32(-3)"},
		{"zeros", filled(dtype.Float32, 0, 2, 3), "0.0, tf.float32, [2, 3]"},
		{"nothing", filled(dtype.Int32, 7, 0, 3), "np.zeros([0, 3], np.int32)"},
		{"strings", graphbuild.Vector([]string{"a", "b"}), "['a', 'b']"},
		{"int32s", graphbuild.Vector([]int32{1, 2}), "np.array([1, 2], np.int32)"},
		{"one int64", graphbuild.Vector([]int64{5}), "np.array([5], np.int64)"},
		{"a shape", graphbuild.Dims([]int64{3, 4}), "np.array([3, 4], np.int32)"},
		{"a large shape", graphbuild.Dims([]int64{1, 1 << 40}), "np.array([1, 2**40], np.int64)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := oracle.Value[[]byte](t, "result = tf.make_tensor_proto("+tt.python+").SerializeToString()")
			python := tt.value.GetTensor().ProtoReflect().New().Interface()
			require.NoError(t, proto.Unmarshal(want, python))
			assert.Equal(t, prototext.Format(python), text(tt.value))
		})
	}
}

func TestFilledRefusesOtherTypes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		dt    dtype.DataType
		value any
		want  string
	}{
		{"a fraction", dtype.Int32, 1.5, "float64"},
		{"too large", dtype.Int8, 200, "200 does not fit into int8"},
		{"negative", dtype.Uint64, -1, "-1 does not fit into uint64"},
		{"a string", dtype.Float32, "a", "string"},
		{"an imaginary part", dtype.Float64, 1i, "complex128"},
		{"a number", dtype.Bool, 1, "int"},
		{"nil", dtype.String, nil, "no such value"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := graphbuild.Filled(tt.dt, tt.value, nil)
			require.ErrorIs(t, err, tfkeep.ErrArgument)
			assert.ErrorContains(t, err, tt.want)
		})
	}
}
