// Package oracle asks Python TensorFlow, so that tests compare with what
// TensorFlow does instead of with what somebody remembers of it.
//
// One Python process serves a whole test binary: it is started by the first
// question (about four seconds, most of them TensorFlow's import) and ends with
// the binary. Each script gets a fresh graph and fresh names:
//
//	shape := oracle.Value[[]int64](t, `
//	    v = tf1.get_variable("v", args[0], initializer=tf1.zeros_initializer())
//	    result = v.shape.as_list()
//	`, []int64{2, 3})
//
// A script sees these names:
//
//	tf, tf1   tensorflow and tensorflow.compat.v1
//	np, os    numpy and os
//	args      the values passed from Go, through JSON ([]byte arrives as bytes)
//	kept      a dict that outlives the script, for a costly thing that many tests use
//	result    assign to it what Go should get back
//
// What comes back travels as JSON: numpy arrays as nested lists, numpy scalars as
// numbers, Python bytes as base64, which encoding/json decodes into a []byte. For
// values that must agree bit for bit, and for NaN and infinities, which JSON
// lacks, return array.tobytes().
//
// Run and Value fail the test when the script raises; Try hands the exception
// over as an *Error, for tests of what TensorFlow refuses. Scripts run in graph
// mode; RunEager is for those that need tf.train.Checkpoint and its like.
//
// The interpreter is $TFKEEP_PYTHON or <repository>/.venv/bin/python. Where there
// is none the test is skipped with the command that installs it, except under
// TFKEEP_REQUIRE_ORACLE=1, which "make test" sets: there it fails.
package oracle
