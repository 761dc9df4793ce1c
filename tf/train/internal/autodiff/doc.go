// Package autodiff adds the nodes that compute gradients to a graph.
//
// Every operation has a rule in Go, which follows Python's function for it. TensorFlow's C API
// (TF_AddGradients) is not used: it has many gradients wrong, and ends the process at some
// operations. The tests compare all gradients with those of Python's tf.gradients.
//
// Build finds the nodes that lie between the ys and the xs on a path of differentiable values,
// and their rules, before it changes the graph. It then goes from the ys back to the xs: when all
// users of a node have given it their gradients, its rule turns them into those of its inputs.
//
// A Switch or Merge of a conditional of TensorFlow 1 has a rule (rules_cond.go). A while loop is
// one node of the subgraph (loop.go). One iteration of it is copied into a graph of its own and
// differentiated there (part.go), nested loops by recursion. Its gradient then becomes a backward
// loop (loop_rule.go, loop_write.go), which gets the values of the forward iterations from Stacks
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
