// Package inference rewrites frozen graphs so that they run faster or take
// less space, without changing what they compute beyond rounding:
//
//   - [FoldBatchNorms] multiplies batch normalisations into the weights of the
//     convolution or matrix product before them;
//   - [PlaceholdersToConstants] fixes switches such as is_training;
//   - [RoundWeights] stores weights as float16 or bfloat16 behind a Cast, and
//     tells the error that this makes;
//   - [Optimize] runs what TensorFlow's optimize_for_inference runs, in its
//     order: placeholders, what the outputs need, training nodes, batch norms.
//
// All take a graph and return a new one; the argument stays as it was. They
// hold the graph in memory, unlike package freeze, which streams it.
//
// The semantics are those of
// tensorflow/python/tools/optimize_for_inference_lib.py, which folds only the
// fused operations; batch normalisations spelled out as arithmetic
// (tf.nn.batch_normalization) and those behind a MatMul are folded here too.
package inference
