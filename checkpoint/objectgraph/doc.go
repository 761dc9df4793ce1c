// Package objectgraph decodes the graph of Python objects that TensorFlow 2
// stores in a checkpoint beside the values.
//
// tf.train.Checkpoint saves values under keys such as
// "model/layer-0/kernel/.ATTRIBUTES/VARIABLE_VALUE", which name a path from
// the root object, and a string tensor, [Key], that holds a serialized
// TrackableObjectGraph: which object has which children, which values belong
// to it, and which objects are an optimizer's slots of which variable. An
// object may be reached by several paths and the graph may have cycles.
//
// The bytes are hostile until checked: [Decode] verifies every reference, so
// that walking a [Graph] needs no further care but for cycles; [Graph.Walk]
// visits each object once.
package objectgraph
