package safetensors

import (
	"fmt"

	"github.com/tfkeep/tfkeep/checkpoint"
)

// names pairs TensorFlow's types with the format's names for them.
var names = []struct {
	dtype checkpoint.DataType
	name  string
}{
	{checkpoint.Bool, "BOOL"},
	{checkpoint.Uint8, "U8"},
	{checkpoint.Int8, "I8"},
	{checkpoint.Uint16, "U16"},
	{checkpoint.Int16, "I16"},
	{checkpoint.Uint32, "U32"},
	{checkpoint.Int32, "I32"},
	{checkpoint.Uint64, "U64"},
	{checkpoint.Int64, "I64"},
	{checkpoint.Float16, "F16"},
	{checkpoint.BFloat16, "BF16"},
	{checkpoint.Float32, "F32"},
	{checkpoint.Float64, "F64"},
	{checkpoint.Complex64, "C64"},
	{checkpoint.Float8E5M2, "F8_E5M2"},
	{checkpoint.Float8E4M3FN, "F8_E4M3"},
}

// DTypeName returns the format's name of a type, such as "BF16". A type the
// format cannot hold is [ErrUnsupported].
func DTypeName(dt checkpoint.DataType) (string, error) {
	for _, n := range names {
		if n.dtype == dt {
			return n.name, nil
		}
	}
	return "", fmt.Errorf("safetensors: the format has no type for %s: %w", checkpoint.DataTypeName(dt), ErrUnsupported)
}

// ParseDType is the reverse of [DTypeName].
func ParseDType(name string) (checkpoint.DataType, error) {
	for _, n := range names {
		if n.name == name {
			return n.dtype, nil
		}
	}
	return 0, fmt.Errorf("safetensors: TensorFlow's checkpoints have no type for %q: %w", name, ErrUnsupported)
}
