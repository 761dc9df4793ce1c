// Package capi calls the functions of TensorFlow's C API that the Go binding
// lacks, on the binding's own objects. It is the only package of this module
// with C in it; it knows handles, memory and status codes, and nothing of
// variables, checkpoints or training.
package capi
