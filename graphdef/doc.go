// Package graphdef reads and writes the three protocol buffers that TensorFlow keeps a
// graph in: GraphDef (nodes and functions), MetaGraphDef (a GraphDef with its
// variables, collections, saver and signatures: a ".meta" file) and SavedModel
// (several MetaGraphDefs). It is pure Go and needs no TensorFlow.
//
// [ReadGraphDef], [ReadMetaGraphDef] and [ReadSavedModel] read a file as text or
// binary according to its content, never its name; [Read] accepts any of the three
// kinds. A file of another kind is a tfkeep.ErrMismatch that names both kinds. [Write]
// is atomic and deterministic: the same message always becomes the same bytes, and
// text has the layout of Python's text_format.MessageToString.
//
// The subpackages work on the messages:
//
//   - opdef: which inputs, outputs and default attributes ops have
//   - check: everything that is wrong with a graph
//   - diff: how two graphs differ
//   - edit: a part of a graph, a graph without training, devices or a scope
//   - signature: the inputs and outputs that a SavedModel offers
//   - summary, draw, tensorboard: what a graph holds, for programs and people
package graphdef
