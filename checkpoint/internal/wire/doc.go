// Package wire reads and writes the protocol buffers of checkpoint files field by
// field. An index has one for every tensor, and none may cost more memory than it
// has bytes. A field that the caller knows must have its type; others are skipped,
// as in every protocol buffer.
//
// Encoding by hand makes the bytes those that TensorFlow writes: fields by rising
// number, and none that has its default value.
package wire
