// Package wire reads and writes the protocol buffers of checkpoint files field by
// field. An index has one for every tensor, and none may cost more memory than it
// has bytes. A field that the caller knows must have its type; others are skipped,
// as in every protocol buffer.
//
// Messages are encoded by hand, so that the bytes are those that TensorFlow writes: fields
// in ascending order of number, and no field that has its default value.
package wire
