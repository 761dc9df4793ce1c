// Package autodiff adds the nodes that compute gradients to a graph.
//
// The work is shared with TensorFlow. Its C API differentiates about 140 kinds
// of operation (TF_AddGradients) but stops at the first that it does not know,
// and everyday models hold some: sparse softmax cross entropy, lookups in an
// embedding table, the older batch normalisations. Those have a rule here, in Go,
// and so have the few that the C API gets wrong: it forgets the dilations of a
// convolution, for one. The tests hold all of it against Python's tf.gradients.
//
// Build walks back from the ys, keeps the nodes that lie between them and the xs
// on a path of differentiable values, and cuts what it found at the nodes with a
// rule of ours:
//
//	loss ─ Mean ─┐ region 0       TF_AddGradients(y = loss, x = xent)
//	             │
//	  SparseSoftmaxCrossEntropy   rule in Go
//	             │
//	logits ─ MatMul ─ Relu ─ … ┐  region 1
//	                           │  TF_AddGradients(y = logits, x = weights, rows)
//	                        Gather  rule in Go: slices, not a dense table
//
// Each region is one call of the C API, so a model without holes is one call.
// The C API differentiates along every path between the tensors that it is
// given, also along those that leave the region; where there is such a path the
// node at the region's edge is isolated: a copy of it, with inputs of its own,
// is differentiated instead (plan.go).
//
// Loops and conditionals are refused before the C API sees them, for it ends the
// process on them.
package autodiff
