// Package train adds the nodes that train a model: gradients, optimizers, gradient
// clipping and the global step. It is TensorFlow's own tf.compat.v1.train for graphs
// of package tf.
//
// An optimizer is a struct of plain fields. Its constructor sets them to Python's
// defaults, and a caller may change any of them afterwards, also to zero:
//
//	adam := train.NewAdam(0.001)
//	adam.Beta1 = 0
//
// An Adam or RMSProp whose fields but the learning rate are all zero is refused: it was made
// without its constructor.
//
// [Minimize] adds the operation that a session runs once per training step. To change the
// gradients before they are applied, call the two halves of Minimize,
// [ComputeGradients] and [ApplyGradients], and in between for example
// [ClipByGlobalNorm].
//
// # The same graph as Python's
//
// The nodes, their names, their devices and their colocation are those that Python's
// optimizer of the same name adds. This includes the slot variables ("hidden/w/Adam",
// "hidden/w/Adam_1", "beta1_power"), so a checkpoint of the one restores into the
// other, and Python can continue to train an imported graph. Each call makes slots of
// its own, as each optimizer object does in Python; a second call with the same
// variables continues the numbers ("hidden/w/Adam_2").
//
// # Gradients
//
// [Gradients] is Python's tf.gradients, with the rules of Python's registry, those of loops and
// conditionals of TensorFlow 1 among them. [RegisterGradient] adds rules. What cannot be
// differentiated is refused by name, with [ErrNoGradient] or [ErrControlFlow].
package train
