// Package python runs Python scripts in a process that has loaded TensorFlow, which takes
// about four seconds once. Tests use it through package oracle, benchmarks directly.
package python
