// Package python runs Python snippets in a process that has TensorFlow loaded, so
// that its four seconds of start are paid once. Tests use it through package oracle,
// the benchmarks directly.
package python
