// Package objectgraph decodes the graph of Python objects that TensorFlow 2 stores in a
// checkpoint beside the values.
//
// tf.train.Checkpoint saves values under keys such as
// "model/layer-0/kernel/.ATTRIBUTES/VARIABLE_VALUE", which is a path from the root object,
// and a string tensor, [Key], with a serialized TrackableObjectGraph: which children each
// object has, which values belong to it, and which objects are an optimizer's slots of
// which variable. Several paths may lead to one object, and the graph may have cycles.
//
// The bytes are hostile until checked. [Decode] checks every reference, so a program that
// walks a [Graph] need only take care of cycles; [Graph.Walk] visits the children of each
// object once.
package objectgraph
