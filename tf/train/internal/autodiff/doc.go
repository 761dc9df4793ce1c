// Package autodiff adds the nodes that compute gradients to a graph.
//
// Almost every operation has a rule in Go, which follows Python's function for it. A few are
// left to TensorFlow's C API (TF_AddGradients): those in libraryGradients that have no rule. The
// C API is used that little because it has many gradients wrong: it ignores the attributes of
// LRN and the dilations of a convolution, does not conjugate some complex numbers, and ends the
// process at some operations. The tests compare all gradients with those of Python's tf.gradients.
//
// Build finds the nodes that lie between the ys and the xs on a path of differentiable
// values, and divides them into regions, at the nodes that have a rule:
//
//	loss ─ Mean ─ Relu            rules in Go
//	             │
//	       Einsum ─ Einsum        region 0: TF_AddGradients(y = product, x = a, b)
//	             │
//	        logits ─ Gather       rules in Go; slices, not a dense table
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
