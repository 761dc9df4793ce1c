// Package elem turns the bytes of a tensor's elements into numbers, for every
// element type that TensorFlow saves, the small floats included that neither
// Go nor NumPy has.
//
// Bytes are little-endian and row-major, as package checkpoint hands them out.
// Every small float (16 bits and below) is a float32 exactly, every one of
// them and every integer below 2^53 a float64 exactly.
package elem
