// Package tftest has helpers that the tests of several packages share. It needs neither
// cgo nor TensorFlow.
package tftest
