// Package interop holds the tests in which Go and Python TensorFlow hand one model to
// each other: what either wrote the other restores, bit for bit, and trains on.
package interop
