package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// The two Savers write the same variables, a meta graph and a state file. tfkeep syncs
// the files that it writes; TensorFlow does not.
var (
	saveGibibyte = Pair{Name: "saver: save 1 GiB in 64 variables", Goal: 1.0 / 4,
		Prepare: saverPair{count: 64, elements: 4 << 20}.save}
	stallGibibyte = Pair{Name: "saver: how long SaveAsync stops training, 1 GiB, beside save",
		Prepare: saverPair{count: 64, elements: 4 << 20}.stall}
	restoreGibibyte = Pair{Name: "saver: restore 1 GiB in 64 variables", Goal: 0.35,
		Prepare: saverPair{count: 64, elements: 4 << 20}.restore}
	saveSmallVariables = Pair{Name: "saver: save 5,000 small variables", Goal: 1.0 / 4,
		Prepare: saverPair{count: 5000, elements: 16}.save}
	restoreSmallVariables = Pair{Name: "saver: restore 5,000 small variables", Goal: 1.0 / 2,
		Prepare: saverPair{count: 5000, elements: 16}.restore}
	resumeSmallVariables = Pair{Name: "saver: 5,000 variables, from process start to the first resumed step", Goal: 1.0 / 3,
		Prepare: prepareResume}
)

// saverPair is a model with count variables of elements float32 each, on both sides.
type saverPair struct{ count, elements int }

// saverModel is the model on tfkeep's side.
type saverModel struct {
	sess *tf.Session
	sv   *saver.Saver
	step *tf.Operation
}

func (p saverPair) build(ctx context.Context) (*saverModel, error) {
	g := tf.NewGraph()
	var first *tf.Variable
	for i := range p.count {
		v, err := tf.NewVariable(g, fmt.Sprintf("v%05d", i), tf.Uniform(0, 1, int64(p.elements)).WithSeed(int64(i+1)), nil)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			first = v
		}
	}
	step, err := first.AssignAdd(first.Value())
	if err != nil {
		return nil, err
	}
	g.AddToCollection("train_op", step)
	sv, err := saver.New(g, nil)
	if err != nil {
		return nil, err
	}
	initialize, err := tf.GlobalVariablesInitializer(g)
	if err != nil {
		return nil, err
	}
	sess, err := tf.NewSession(g, &tf.SessionOptions{DisableGrappler: true})
	if err != nil {
		return nil, err
	}
	return &saverModel{sess, sv, step}, sess.RunOps(ctx, initialize)
}

func (m *saverModel) close() { _ = errors.Join(m.sv.Close(), m.sess.Close()) }

// python makes the model on Python's side, kept as "saver".
func (p saverPair) python(e *Env) error {
	_, err := e.Script(`
for i in range(args[0]):
    v = tf1.get_variable('v%05d' % i, shape=[args[1]], use_resource=True, initializer=tf1.random_uniform_initializer())
    if i == 0: tf1.add_to_collection('train_op', v.assign_add(v, read_value=False))
saver = tf1.train.Saver()
session = tf1.Session()
session.run(tf1.global_variables_initializer())
kept['saver'] = (session, saver)
result = None
`, p.count, p.elements)
	e.Defer(func() { _, _ = e.Script("kept.pop('saver')[0].close(); result = None") })
	return err
}

func (p saverPair) prepare(ctx context.Context, e *Env) (*saverModel, error) {
	m, err := p.build(ctx)
	if err != nil {
		return nil, err
	}
	e.Defer(m.close)
	return m, p.python(e)
}

const pythonSave = `
import time
session, saver = kept['saver']
os.makedirs(args[0], exist_ok=True)
start = time.perf_counter()
saver.save(session, args[0] + '/m')
result = time.perf_counter() - start
`

const pythonRestore = `
import time
session, saver = kept['saver']
start = time.perf_counter()
saver.restore(session, args[0])
result = time.perf_counter() - start
`

func (p saverPair) save(ctx context.Context, e *Env) (tfkeep, python Measure, err error) {
	m, err := p.prepare(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	tfkeep = e.InGo(func(ctx context.Context) error {
		_, err := m.sv.Save(ctx, m.sess, filepath.Join(e.Dir, "tfkeep", "m"), nil)
		return err
	})
	return tfkeep, e.InPython(pythonSave, filepath.Join(e.Dir, "python")), nil
}

// stall measures how long SaveAsync makes the training loop wait when no other save is
// under way.
func (p saverPair) stall(ctx context.Context, e *Env) (tfkeep, python Measure, err error) {
	m, err := p.prepare(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	tfkeep = func(ctx context.Context) (Sample, error) {
		start := time.Now()
		pending, err := m.sv.SaveAsync(ctx, m.sess, filepath.Join(e.Dir, "tfkeep", "m"), nil)
		took := time.Since(start)
		if err == nil {
			_, err = pending.Wait(ctx)
		}
		return Sample{Time: took}, err
	}
	return tfkeep, e.InPython(pythonSave, filepath.Join(e.Dir, "python")), nil
}

// stallsRaw is the 99th of 100 stalls of SaveAsync. The other side is the goal.
var stallsRaw = Pair{Name: "saver: 99th percentile of 100 stalls of SaveAsync, 1 GiB, beside 2 ms", Goal: 1, Warmups: stalls,
	Prepare: saverPair{count: 64, elements: 4 << 20}.stalls}

// stalls is the number of saves whose stalls are measured, before the rounds that report the percentile.
const stalls = 100

// stalls measures the stalls in the first rounds, and then reports their 99th percentile.
func (p saverPair) stalls(ctx context.Context, e *Env) (tfkeep, goal Measure, err error) {
	m, err := p.build(ctx)
	if err != nil {
		return nil, nil, err
	}
	e.Defer(m.close)
	var took []time.Duration
	tfkeep = func(ctx context.Context) (Sample, error) {
		if len(took) >= stalls {
			sorted := slices.Sorted(slices.Values(took))
			return Sample{Time: sorted[len(sorted)*99/100-1]}, nil
		}
		start := time.Now()
		pending, err := m.sv.SaveAsync(ctx, m.sess, filepath.Join(e.Dir, "tfkeep", "m"), nil)
		took = append(took, time.Since(start))
		if err == nil {
			_, err = pending.Wait(ctx)
		}
		return Sample{}, err
	}
	return tfkeep, func(context.Context) (Sample, error) { return Sample{Time: 2 * time.Millisecond}, nil }, nil
}

// restore restores the same files on both sides.
func (p saverPair) restore(ctx context.Context, e *Env) (tfkeep, python Measure, err error) {
	m, err := p.prepare(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	path, err := m.sv.Save(ctx, m.sess, filepath.Join(e.Dir, "m"), nil)
	if err != nil {
		return nil, nil, err
	}
	tfkeep = e.InGo(func(ctx context.Context) error { _, err := m.sv.Restore(ctx, m.sess, path, nil); return err })
	python = e.InPython(pythonRestore, path)
	return tfkeep, python, nil
}

// prepareResume starts a new process for each round on both sides.
func prepareResume(ctx context.Context, e *Env) (tfkeep, python Measure, err error) {
	m, err := saverPair{count: 5000, elements: 16}.build(ctx)
	if err != nil {
		return nil, nil, err
	}
	path, err := m.sv.Save(ctx, m.sess, filepath.Join(e.Dir, "m"), nil)
	m.close()
	if err != nil {
		return nil, nil, err
	}
	python, err = e.PythonProgram(`
import sys
import tensorflow.compat.v1 as tf1
tf1.disable_eager_execution()
saver = tf1.train.import_meta_graph(sys.argv[1] + '.meta')
session = tf1.Session()
saver.restore(session, sys.argv[1])
session.run(tf1.get_collection('train_op')[0])
print('stepped', flush=True)
`, path)
	return e.Self("saver-resume", path), python, err
}

// resumeVariables is the task of one round of prepareResume.
func resumeVariables(ctx context.Context, args []string) error {
	g := tf.NewGraph()
	sv, err := saver.ImportMetaGraph(ctx, g, args[0]+".meta", nil)
	if err != nil {
		return err
	}
	sess, err := tf.NewSession(g, &tf.SessionOptions{DisableGrappler: true})
	if err != nil {
		return err
	}
	if _, err := sv.Restore(ctx, sess, args[0], nil); err != nil {
		return err
	}
	if err := sess.RunOps(ctx, g.Collection("train_op")[0].Op()); err != nil {
		return err
	}
	fmt.Println("stepped")
	return nil
}
