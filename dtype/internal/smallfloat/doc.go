// Package smallfloat converts floats of 16 or fewer bits, most of which neither Go nor
// NumPy has, to float32 and back. A float32 holds each of their values exactly.
package smallfloat
