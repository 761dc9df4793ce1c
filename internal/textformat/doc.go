// Package textformat writes and parses protocol buffers as text, as Python's text_format
// does, with the message definitions of TensorFlow 2.21.
//
// The binding's Go types are older than these definitions: a field that they lack is in
// their unknown fields, as bytes. [Marshal] prints such fields under their names, and
// [Unmarshal] puts them back, so that no field is lost on the way. A field that
// TensorFlow 2.21 does not have either cannot be written as text; that is an error.
//
// Go's prototext is no substitute: it knows only the Go type's fields, and it changes its
// white space from build to build on purpose.
package textformat
