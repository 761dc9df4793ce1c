package main

import (
	"context"
	"path/filepath"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// importMetaGraph imports a meta graph with 5,000 variables, half of them resource
// variables, into a new graph and makes its Saver.
var importMetaGraph = Pair{
	Name: "meta graph: import 5,000 variables",
	Goal: 1.0 / 4,
	Prepare: func(_ context.Context, e *Env) (Measure, Measure, error) {
		path, err := fiveThousandVariables(e)
		if err != nil {
			return nil, nil, err
		}
		ours := e.InGo(func(ctx context.Context) error {
			_, err := saver.ImportMetaGraph(ctx, tf.NewGraph(), path, nil)
			return err
		})
		return ours, e.InPython(`
			import time
			start = time.perf_counter()
			with tf.Graph().as_default():
			    tf1.train.import_meta_graph(args[0])
			result = time.perf_counter() - start
		`, path), nil
	},
}

// exportMetaGraph writes the same meta graph from a live graph.
var exportMetaGraph = Pair{
	Name: "meta graph: export 5,000 variables",
	Goal: 1,
	Prepare: func(ctx context.Context, e *Env) (Measure, Measure, error) {
		path, err := fiveThousandVariables(e)
		if err != nil {
			return nil, nil, err
		}
		g := tf.NewGraph()
		im, err := tf.ImportMetaGraphFile(ctx, g, path, nil)
		if err != nil {
			return nil, nil, err
		}
		if _, err := e.Script(`
			kept["graph"] = tf.Graph()
			with kept["graph"].as_default():
			    kept["saver"] = tf1.train.import_meta_graph(args[0])
		`, path); err != nil {
			return nil, nil, err
		}
		ours := e.InGo(func(context.Context) error {
			_, err := tf.ExportMetaGraph(g, &tf.ExportMetaGraphOptions{
				Filename: filepath.Join(e.Dir, "go.meta"), SaverDef: im.SaverDef, NoSync: true,
			})
			return err
		})
		return ours, e.InPython(`
			import time
			start = time.perf_counter()
			with kept["graph"].as_default():
			    kept["saver"].export_meta_graph(args[0])
			result = time.perf_counter() - start
		`, filepath.Join(e.Dir, "python.meta")), nil
	},
}

func fiveThousandVariables(e *Env) (string, error) {
	path := filepath.Join(e.Dir, "five-thousand.meta")
	_, err := e.Script(`
		with tf.Graph().as_default():
		    for i in range(5000):
		        tf1.get_variable("v%d" % i, [3], initializer=tf1.zeros_initializer(), use_resource=bool(i % 2))
		    tf1.train.Saver().export_meta_graph(args[0])
	`, path)
	return path, err
}
