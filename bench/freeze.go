package main

import (
	"context"
	"path/filepath"
)

// The two commands freeze models. The start of the process counts, and so does its
// memory.
var (
	freezeLarge = Pair{Name: "freeze: 512 MiB, the command", Goal: 1.0 / 10, MemoryGoal: 1.0 / 20,
		Prepare: freezePair{layers: 32, width: 2048}.prepare}
	freezeSmall = Pair{Name: "freeze: 50 kB, the command", Goal: 1.0 / 50,
		Prepare: freezePair{layers: 2, width: 80}.prepare}
)

// freezePair is a model with square layers.
type freezePair struct{ layers, width int }

func (p freezePair) prepare(_ context.Context, e *Env) (Measure, Measure, error) {
	dir := filepath.Join(e.Dir, "model")
	if _, err := e.Script(`
		import os
		os.makedirs(args[0], exist_ok=True)
		with tf.Graph().as_default():
		    h = tf1.placeholder(tf.float32, [None, args[2]], name="x")
		    for i in range(args[1]):
		        w = tf1.get_variable("w%d" % i, [args[2], args[2]], initializer=tf1.random_uniform_initializer(-0.02, 0.02))
		        h = tf.nn.relu(tf.matmul(h, w))
		    tf.identity(h, name="y")
		    with tf1.Session() as s:
		        s.run(tf1.global_variables_initializer())
		        tf1.train.Saver().save(s, args[0] + "/model")
	`, dir, p.layers, p.width); err != nil {
		return nil, nil, err
	}
	ckpt := filepath.Join(dir, "model")
	ours := e.Program(filepath.Join(e.Bin, "tfkeep"), "freeze", ckpt, "-o", filepath.Join(e.Dir, "go.pb"), "--output_node_names", "y", "--json")
	theirs, err := e.PythonProgram(`
import sys
from tensorflow.python.tools import freeze_graph
sys.stdout = sys.stderr  # the clock stops at the end, not at the first output
ckpt, out = sys.argv[1:]
meta = freeze_graph._parse_input_meta_graph_proto(ckpt + ".meta", True)
freeze_graph.freeze_graph_with_def_protos(
    None, None, ckpt, "y", None, None, out, True, "", input_meta_graph_def=meta)
`, ckpt, filepath.Join(e.Dir, "python.pb"))
	return ours, theirs, err
}
