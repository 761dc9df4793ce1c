// Package npy reads and writes NumPy's array files: .npy, one array, and .npz,
// a zip archive of them.
//
// # Types that NumPy lacks
//
// NumPy has no bfloat16, no floats of 8 and 4 bits, no quantized integers and no integers
// of 2 and 4 bits. Such floats are written as float32 and such integers as the next wider
// integer type: every value is exact, and numpy.load needs no extension. An .npz file
// keeps the original type in the comment of the archive's member, which NumPy ignores, so
// that [Archive.Read] restores the type. A .npy file has no such place.
//
// Files that the ml_dtypes library (and so TensorFlow) wrote are read too: "<V2" is
// bfloat16, "<f1" is float8_e5m2. "<V1" stands for several types and is refused.
//
// # Strings
//
// TensorFlow's strings are bytes. They are written as NumPy's fixed-width "S" type, as
// wide as the longest one. NumPy drops trailing zero bytes of these, so a string that ends
// in a zero byte is refused (tfkeep.ErrUnsupported). "U" arrays are read as UTF-8. Arrays
// of objects are pickles, which can run code: they are always refused.
//
// Files are hostile until checked: a header's shape must match the bytes that follow, and
// memory grows only as these arrive.
package npy
