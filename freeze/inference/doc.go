// Package inference rewrites frozen graphs so that they run faster or take less space,
// without changing what they compute beyond rounding:
//
//   - [Optimize] does what TensorFlow's optimize_for_inference does, in its order: it
//     turns switches such as is_training into constants, keeps what the outputs need,
//     removes training nodes, and multiplies batch normalizations into the weights of
//     the convolution or matrix product before them. Each step can be left out.
//   - [RoundWeights] stores weights as float16 or bfloat16 before a Cast, and reports the
//     error that this makes.
//
// Both take a graph, do not change it, and return a new one. They hold the graph
// in memory, unlike package freeze, which streams it.
//
// The semantics are those of tensorflow/python/tools/optimize_for_inference_lib.py, which
// folds only the fused operations. This package also folds batch normalizations that are
// spelled out as arithmetic (tf.nn.batch_normalization) or that follow a MatMul.
package inference
