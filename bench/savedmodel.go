package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/tf/op"

	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/tf"
)

// SavedModels of 1 GiB in 64 variables, and the command for a small one.
var (
	exportModel = Pair{Name: "savedmodel: export 1 GiB", Goal: 1.0 / 4, Prepare: prepareExport}
	loadModel   = Pair{Name: "savedmodel: load 1 GiB", Goal: 0.35, Prepare: prepareLoad}
	showModel   = Pair{Name: "savedmodel: show, the command", Goal: 1.0 / 50, Prepare: prepareShow}
)

const (
	modelVariables = 64
	modelElements  = 4 << 20
)

func prepareExport(ctx context.Context, e *Env) (Measure, Measure, error) {
	m, err := saverPair{count: modelVariables, elements: modelElements}.build(ctx)
	if err != nil {
		return nil, nil, err
	}
	e.Defer(m.close)
	s := m.sess.Graph().Scope()
	x := op.Placeholder(s.Sub("in"), tensorflow.Float)
	y := op.Identity(s.Sub("out"), x)
	if err := s.Err(); err != nil {
		return nil, nil, err
	}
	round := 0
	export := e.InGo(func(ctx context.Context) error {
		return savedmodel.SimpleSave(ctx, m.sess, folder(e, round), map[string]tf.Output{"x": x}, map[string]tf.Output{"y": y}, nil)
	})
	ours := func(ctx context.Context) (Sample, error) {
		round++
		s, err := export(ctx)
		return s, errors.Join(err, os.RemoveAll(folder(e, round-1)))
	}
	if _, err := e.Script(pythonModel, modelVariables, modelElements); err != nil {
		return nil, nil, err
	}
	return ours, e.InPython(`
		import time, shutil
		n = kept["round"] = kept.get("round", 0) + 1
		start = time.perf_counter()
		with kept["graph"].as_default():
		    x = kept["graph"].get_tensor_by_name("x:0")
		    tf1.saved_model.simple_save(kept["session"], args[0] + str(n), {"x": x}, {"y": kept["graph"].get_tensor_by_name("y:0")})
		result = time.perf_counter() - start
		shutil.rmtree(args[0] + str(n - 1), ignore_errors=True)
	`, filepath.Join(e.Dir, "python")), nil
}

// folder returns where tfkeep exports in a round.
func folder(e *Env, round int) string { return filepath.Join(e.Dir, fmt.Sprint("go", round)) }

// pythonModel makes the model in Python, kept as "graph" and "session".
const pythonModel = `
kept["graph"] = tf.Graph()
with kept["graph"].as_default():
    for i in range(args[0]):
        tf1.get_variable('v%05d' % i, shape=[args[1]], use_resource=True, initializer=tf1.random_uniform_initializer())
    tf.identity(tf1.placeholder(tf.float32, [None], name='x'), name='y')
    kept["session"] = tf1.Session()
    kept["session"].run(tf1.global_variables_initializer())
`

func prepareLoad(ctx context.Context, e *Env) (Measure, Measure, error) {
	dir := filepath.Join(e.Dir, "model")
	if _, err := e.Script(pythonModel+`
with kept["graph"].as_default():
    x = kept["graph"].get_tensor_by_name("x:0")
    tf1.saved_model.simple_save(kept["session"], args[2], {"x": x}, {"y": kept["graph"].get_tensor_by_name("y:0")})
kept["session"].close()
kept.clear()
`, modelVariables, modelElements, dir); err != nil {
		return nil, nil, err
	}
	ours := e.InGo(func(ctx context.Context) error {
		m, err := savedmodel.Open(ctx, dir, nil)
		if err != nil {
			return err
		}
		return m.Close()
	})
	return ours, e.InPython(`
		import time
		start = time.perf_counter()
		with tf.Graph().as_default(), tf1.Session() as s:
		    tf1.saved_model.loader.load(s, ["serve"], args[0])
		result = time.perf_counter() - start
	`, dir), nil
}

func prepareShow(_ context.Context, e *Env) (Measure, Measure, error) {
	dir := filepath.Join(e.Dir, "model")
	if _, err := e.Script(`
		with tf.Graph().as_default():
		    x = tf1.placeholder(tf.float32, [None], name="x")
		    y = tf1.get_variable("w", initializer=1.0) * x
		    with tf1.Session() as s:
		        s.run(tf1.global_variables_initializer())
		        tf1.saved_model.simple_save(s, args[0], {"x": x}, {"y": y})
	`, dir); err != nil {
		return nil, nil, err
	}
	ours := e.Program(filepath.Join(e.Bin, "tfkeep"), "savedmodel", "show", dir, "--tags", "serve")
	theirs, err := e.PythonProgram(`
import sys
from tensorflow.python.tools import saved_model_cli
sys.argv = ["saved_model_cli", "show", "--dir", sys.argv[1], "--tag_set", "serve"]
saved_model_cli.main()
`, dir)
	return ours, theirs, err
}
