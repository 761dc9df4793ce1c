package tftest

import (
	"fmt"
	"strings"
)

// StringsNode returns, in protobuf's text format, a Const node that holds a vector of
// strings as Python writes it: each string by itself.
func StringsNode(name string, values ...string) string {
	var b strings.Builder
	for _, v := range values {
		fmt.Fprintf(&b, "string_val: %q ", v)
	}
	return StringsNodeOf(name, len(values), b.String())
}

// PackedStringsNode returns the node of StringsNode as the C API writes it: all lengths,
// then all bytes. Strings must be shorter than 128 bytes.
func PackedStringsNode(name string, values ...string) string {
	lengths := make([]byte, len(values))
	for i, v := range values {
		lengths[i] = byte(len(v))
	}
	return StringsNodeOf(name, len(values), fmt.Sprintf("tensor_content: %q", string(lengths)+strings.Join(values, "")))
}

// StringsNodeOf returns a Const node for a vector of size strings, with the fields of the
// tensor that hold them.
func StringsNodeOf(name string, size int, fields string) string {
	return fmt.Sprintf(`node { name: %q op: "Const" attr { key: "dtype" value { type: DT_STRING } } attr { key: "value" value { tensor {
  dtype: DT_STRING tensor_shape { dim { size: %d } } %s } } } }
`, name, size, fields)
}
