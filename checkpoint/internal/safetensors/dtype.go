package safetensors

import (
	"fmt"
	"unicode/utf8"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
)

// names pairs TensorFlow's types with their names in the format.
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

// typeName returns the format's name of a type, such as "BF16".
func typeName(dt dtype.DataType) (string, error) {
	for _, n := range names {
		if n.dtype == dt {
			return n.name, nil
		}
	}
	return "", unsupported("the safetensors format has no type for %s", dtype.Name(dt))
}

// parseType is the reverse of [typeName].
func parseType(name string) (dtype.DataType, error) {
	for _, n := range names {
		if n.name == name {
			return n.dtype, nil
		}
	}
	return 0, &tfkeep.Error{Op: "read", Err: tfkeep.ErrUnsupported, Detail: fmt.Sprintf("TensorFlow's checkpoints have no type for %q", name)}
}

// Check returns a tfkeep.ErrUnsupported with the reason if a file cannot hold a tensor:
// because the format lacks its type, or because its name is not UTF-8 or is
// "__metadata__", which the format reserves.
func Check(t *checkpoint.TensorInfo) error {
	if !utf8.ValidString(t.Name) || t.Name == metadataKey {
		return unsupported("%q cannot be a tensor's name in a safetensors file", t.Name)
	}
	_, err := typeName(t.DType)
	return err
}

func unsupported(format string, args ...any) error {
	return &tfkeep.Error{Op: "write", Err: tfkeep.ErrUnsupported, Detail: fmt.Sprintf(format, args...)}
}
