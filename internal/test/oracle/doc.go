// Package oracle runs Python TensorFlow in tests, so that they compare with what
// TensorFlow really does.
//
// One Python process serves a whole test binary. The first script starts it, which takes
// about four seconds, and it ends with the binary. Each script gets a new graph and new
// names; for example
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
//	kept      a dict that outlives the script, for costly values that many tests use
//	result    assign to it the value that Go gets
//
// The result is converted to JSON: numpy arrays to nested lists, numpy scalars to numbers,
// Python bytes to base64, which encoding/json decodes into a []byte. JSON has no NaN and
// no infinities: for these, and for values that must agree bit for bit, return
// array.tobytes().
//
// [Run] and [Value] fail the test if the script raises an exception. [Try] returns the
// exception as an *[Error], for tests of what TensorFlow refuses. Scripts run in graph
// mode; [RunEager] is for those that need tf.train.Checkpoint and the like.
//
// The interpreter is $TFKEEP_PYTHON or <repository>/.venv/bin/python. If it is missing,
// the test is skipped with the command that installs it, or fails if
// TFKEEP_REQUIRE_ORACLE=1 is set, as "make test" does.
package oracle
