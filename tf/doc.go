// Package tf builds TensorFlow graphs with variables and runs them.
package tf
