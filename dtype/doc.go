// Package dtype describes TensorFlow's element types: their names and sizes, the
// references to variables, and how the bytes of an element become a number.
//
// A [DataType] is the protobuf enum that checkpoints and graph files use. The
// TensorFlow binding's own DataType (tf.DataType) has the same numbers; [Name],
// [CName], [Size], [IsRef] and [Base] accept either of them.
//
// # Elements
//
// The bytes of a tensor are little-endian and in row-major order, as package
// checkpoint returns them. [Float64s] converts the elements of any numeric type to
// float64. [F16] and [BF16] are Go types for float16 and bfloat16. A float32 holds every
// value of a float of 16 or fewer bits exactly.
//
// The types of 2 and 4 bits take a whole byte per element, in memory and in
// files. Only the low bits count.
package dtype
