// Package graphbuild adds nodes to graphs. The packages that build parts of graphs
// share it: tf for variables, tf/train for training steps, saver for save and
// restore nodes, tf/train/internal/autodiff for gradients.
//
// A [Builder] adds nodes under a name scope, on a device, colocated with other
// nodes, and after other nodes, with the names and attributes that Python
// TensorFlow would write. Its first error sticks: later calls do nothing, so that
// a long formula reads as one, and the caller checks Err once at the end.
//
// The package knows graphs only by the small interface [Graph], which *tf.Graph
// implements, so that tf itself can use it.
package graphbuild
