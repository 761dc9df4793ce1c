// Package funcgraph turns the functions of a graph's library into graphs and back.
//
// A FunctionDef and a GraphDef name tensors in different ways. In a graph, "add:0" is the
// first output of the node add. In a function it is "add:z:0", with the name that the
// definition of the op AddV2 has for it, and the arguments of the function are names without
// a node:
//
//	function  node MatMul: inputs "x", "read:value:0"    ret "y": "MatMul:product:0"
//	graph     node MatMul: inputs "x", "read:0"          result "MatMul:0"
//	          node x: a Placeholder
//
// A [Body] is a function as a graph: [Parse] makes it, and [Body.Def] makes a function
// of it. Package tf traces Go functions into bodies, and tf/train/internal/autodiff
// differentiates bodies.
package funcgraph
