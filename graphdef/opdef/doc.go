// Package opdef has the definitions of TensorFlow's ops: which arguments an op takes,
// which outputs a node has, and which attributes have defaults.
//
// [Builtin] returns the ops of TensorFlow 2.21, which are embedded in the package and
// decoded when they are first used. [Parse] makes a [Set] from any other op list. Wherever a function takes a *Set, nil means [Builtin].
//
// [StripDefaults], [AddDefaults], [RemoveUnknownDefaults] and [StrippedList] do what
// TensorFlow does when it exports and imports a meta graph, so that older and newer
// TensorFlows can read each other's files.
package opdef
