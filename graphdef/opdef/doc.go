// Package opdef knows the definitions of TensorFlow's ops: which arguments an op
// takes, which outputs a node has, and which attributes have defaults.
//
// [Builtin] is the op list of TensorFlow 2.21, embedded here and decoded op by op
// when it is first asked for. [Parse] and [FromList] make a [Set] of any other op
// list. Wherever a function takes a *Set, nil stands for [Builtin].
//
// [StripDefaults], [AddDefaults], [RemoveUnknownDefaults] and [StrippedList] do what
// TensorFlow does when it exports and imports a meta graph, so that older and newer
// TensorFlows can read each other's files.
package opdef
