// Package smallfloat converts floats of 16 and fewer bits, most of which neither Go nor
// NumPy has, to float32 and back. Each of their values is exactly a float32.
package smallfloat
