// Package autodiff adds the nodes that compute gradients to a graph.
//
// TensorFlow's C API differentiates about 140 types of operations (TF_AddGradients). It
// fails at the first operation that it does not know, and everyday models have some:
// sparse softmax cross entropy, lookups in an embedding table, the older batch
// normalizations. This package has a rule for each of these, and for the few that the C
// API gets wrong: it ignores the dilations of a convolution, for example. The tests compare
// all gradients with those of Python's tf.gradients.
//
// Build finds the nodes that lie between the ys and the xs on a path of differentiable
// values, and divides them into regions, at the nodes that have a rule:
//
//	loss ─ Mean ─┐ region 0       TF_AddGradients(y = loss, x = xent)
//	             │
//	  SparseSoftmaxCrossEntropy   rule in Go
//	             │
//	logits ─ MatMul ─ Relu ─ … ┐  region 1
//	                           │  TF_AddGradients(y = logits, x = weights, rows)
//	                        Gather  rule in Go: slices, not a dense table
//
// Each region is one call of the C API, so a model without such nodes is one call. The C
// API differentiates along every path between the tensors that it gets, including paths
// that leave the region. If there is such a path, the node at the edge of the region is
// isolated: a copy of it with inputs of its own is differentiated instead (schedule.go,
// copy.go).
//
// The package refuses loops and conditionals before the C API sees them, because the C
// API ends the process at them.
package autodiff
