// Package interop has the tests in which Go and Python TensorFlow exchange a model: each
// restores the checkpoints of the other bit for bit and continues the training.
package interop
