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
// The C API ends the process at loops and conditionals, so it never sees them. A Switch or Merge
// of a conditional of TensorFlow 1 has a rule (rules_cond.go). A while loop is one node of the
// subgraph (loop.go). One iteration of it is copied into a graph of its own and differentiated
// there (part.go), nested loops by recursion. Its gradient then becomes a backward loop
// (loop_rule.go, loop_write.go), which gets the values of the forward iterations from Stacks
// (loop_capture.go), as Python's control_flow_state does it.
//
// A scope that is to be computed again is one node, too (unit.go). The nodes of its copy are added
// to the graph a second time, after the gradient has arrived, with the nodes of their gradient.
//
// A PartitionedCall, If, Case or While runs functions of the graph's library. They are
// differentiated in graphs of their own (func_body.go), nested ones by recursion, before the
// graph is changed. The nodes of such a graph are then divided into the function, which
// returns more, and its gradient (func_pieces.go), and a node of the same type runs the latter
// (func_rule.go, func_while.go).
package autodiff
