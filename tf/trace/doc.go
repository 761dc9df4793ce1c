// Package trace writes what TensorFlow recorded of a run as a Chrome trace: when each operation
// ran, for how long and on which device. chrome://tracing and https://ui.perfetto.dev show it.
//
// A run records if its options ask for it:
//
//	md := new(tf.RunMetadata)
//	opts := &tf.RunOptions{Trace: true, Metadata: md}
//	out, err := sess.Run(ctx, feeds, fetches, nil, opts)
//
// Then WriteChrome writes md.GetStepStats() into a file.
//
// The events of operations are those of Python's tensorflow.python.client.timeline. The cost of
// recording is considerable: trace single runs, and not the first one, in which TensorFlow
// prepares the graph.
package trace
