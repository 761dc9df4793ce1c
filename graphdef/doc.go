// Package graphdef reads, checks, changes and writes the three protocol
// buffers that TensorFlow keeps a graph in: GraphDef (nodes and functions),
// MetaGraphDef (a GraphDef with its variables, collections, saver and
// signatures: a ".meta" file) and SavedModel (several MetaGraphDefs). It is
// pure Go and needs no TensorFlow.
//
// # Files
//
// [ReadGraphDef], [ReadMetaGraphDef] and [ReadSavedModel] read a file as text
// or binary, told by its content and never by its name; [Read] takes whichever
// of the three it is. A file of another kind is refused with both kinds named
// ([tfkeep.ErrMismatch]). [WriteGraph] and [Write] are atomic and deterministic: the same
// message always gives the same bytes, and text has the layout of Python's
// text_format.MessageToString.
//
// # Op definitions
//
// Which attributes have defaults, which arguments an op takes and how many
// outputs a node has is known to op definitions only. [BuiltinOps] is the list
// of TensorFlow 2.21, embedded here and decoded when first asked for; [NewOps]
// makes one from any OpList. With them, [StripDefaultAttrs], [AddDefaultAttrs],
// [RemoveUnknownDefaultAttrs] and [StrippedOpList] do what TensorFlow does when
// it exports and imports a meta graph.
//
// # Changing a graph
//
// [ExtractSubgraph], [StripUnused], [RemoveTrainingNodes], [ClearDevices] and
// [RenameScope] return a new GraphDef or change one in place, as each says.
// [Check] finds every fault of a graph at once, among them those on which the
// C++ runtime would crash; [Diff] says how two graphs differ.
package graphdef
