// Package npy reads and writes NumPy's array files: .npy, one array, and .npz,
// a zip archive of them.
//
// # Types that NumPy lacks
//
// NumPy has no bfloat16, no 8-bit and 4-bit floats, no quantized and no 2- and
// 4-bit integers. Floats among them are written as float32, integers as the
// next wider integer: every value is exact, and numpy.load needs no extension.
// An .npz remembers the original type in the comment of the archive's member,
// where NumPy does not look, so that [Archive.Read] gives the type back. A
// .npy has no such place; it stays float32.
//
// Files that the ml_dtypes library (and so TensorFlow) wrote are understood
// too: "<V2" is bfloat16, "<f1" is float8_e5m2. "<V1" stands for several types
// and is refused.
//
// # Strings
//
// TensorFlow's strings are bytes. They are written as NumPy's fixed-width "S"
// type, as wide as the longest. NumPy drops trailing zero bytes of those, so a
// string that ends in one is refused ([ErrUnsupported]) rather than changed.
// "U" arrays read as UTF-8. Object arrays are pickles, which can run code:
// refused always.
//
// Files are hostile until checked: a header's shape must match the bytes that
// follow, and memory grows only as these arrive.
package npy
