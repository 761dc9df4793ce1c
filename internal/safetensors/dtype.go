package safetensors

import (
	"fmt"

	"github.com/tfkeep/tfkeep/dtype"
)

// names pairs TensorFlow's types with the format's names for them.
var names = []struct {
	dtype dtype.DataType
	name  string
}{
	{dtype.Bool, "BOOL"},
	{dtype.Uint8, "U8"},
	{dtype.Int8, "I8"},
	{dtype.Uint16, "U16"},
	{dtype.Int16, "I16"},
	{dtype.Uint32, "U32"},
	{dtype.Int32, "I32"},
	{dtype.Uint64, "U64"},
	{dtype.Int64, "I64"},
	{dtype.Float16, "F16"},
	{dtype.BFloat16, "BF16"},
	{dtype.Float32, "F32"},
	{dtype.Float64, "F64"},
	{dtype.Complex64, "C64"},
	{dtype.Float8E5M2, "F8_E5M2"},
	{dtype.Float8E4M3FN, "F8_E4M3"},
}

// DTypeName returns the format's name of a type, such as "BF16". A type the
// format cannot hold is [ErrUnsupported].
func DTypeName(dt dtype.DataType) (string, error) {
	for _, n := range names {
		if n.dtype == dt {
			return n.name, nil
		}
	}
	return "", fmt.Errorf("safetensors: the format has no type for %s: %w", dtype.Name(dt), ErrUnsupported)
}

// ParseDType is the reverse of [DTypeName].
func ParseDType(name string) (dtype.DataType, error) {
	for _, n := range names {
		if n.name == name {
			return n.dtype, nil
		}
	}
	return 0, fmt.Errorf("safetensors: TensorFlow's checkpoints have no type for %q: %w", name, ErrUnsupported)
}
