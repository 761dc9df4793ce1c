package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tfkeep/tfkeep/internal/test/localcluster"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/cluster"
)

// The two Savers save and restore 1 GiB on one cluster of parameter servers and a
// worker, each a process; the worker is the master of both. Python's values never leave
// the servers, which write into a shared folder. tfkeep does the same when the graph's
// nodes write. Gathered values come to this process, for clusters without a shared
// folder. tfkeep syncs the files; TensorFlow does not.

// clusterWay is a way in which tfkeep saves on a cluster.
type clusterWay struct {
	name   string
	driver saver.Driver
	direct bool
}

var clusterWays = []clusterWay{
	{"by the graph's nodes", saver.Ops, false},
	{"gathered from each server", saver.Files, true},
	{"gathered through the worker", saver.Files, false},
}

// clusterPairs returns a save and a restore for each way. The task cluster-scale measures
// more servers, without Python.
func clusterPairs(ps int, ways []clusterWay) []Pair {
	var pairs []Pair
	for _, way := range ways {
		p := clusterPair{ps: ps, driver: way.driver, direct: way.direct}
		pairs = append(pairs,
			Pair{Name: fmt.Sprintf("cluster: save 1 GiB on %d ps, %s", ps, way.name), Prepare: p.save},
			Pair{Name: fmt.Sprintf("cluster: restore 1 GiB on %d ps, %s", ps, way.name), Prepare: p.restore})
	}
	return pairs
}

const (
	clusterVariables = 64
	clusterElements  = 4 << 20
)

type clusterPair struct {
	ps     int
	driver saver.Driver
	direct bool
}

// clusterModel is a model of 1 GiB on the servers of a cluster, and a session on it.
type clusterModel struct {
	cluster *localcluster.Cluster
	g       *tf.Graph
	sess    *tf.Session
}

func newClusterModel(ctx context.Context, ps int) (*clusterModel, error) {
	c, err := localcluster.Start(ctx, localcluster.Options{Jobs: map[string]int{"ps": ps, "worker": 1}})
	if err != nil {
		return nil, err
	}
	m := &clusterModel{cluster: c, g: tf.NewGraph()}
	place, err := cluster.ReplicaDeviceSetter(c.Spec(), nil)
	if err != nil {
		return nil, err
	}
	err = m.g.WithDeviceFunc(place, func() error {
		for i := range clusterVariables {
			if _, err := tf.NewVariable(m.g, fmt.Sprintf("v%05d", i), tf.Uniform(0, 1, clusterElements).WithSeed(int64(i+1)), nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		m.sess, err = tf.NewSession(m.g, &tf.SessionOptions{Target: c.Target("worker", 0), OperationTimeout: time.Minute, DisableGrappler: true})
	}
	if err != nil {
		c.Stop()
		return nil, err
	}
	return m, nil
}

func (m *clusterModel) close() {
	if m.sess != nil {
		_ = m.sess.Close()
	}
	m.cluster.Stop()
}

// saver returns a Saver for one way. Each Saver has its own nodes, which are the same.
func (m *clusterModel) saver(driver saver.Driver, direct bool) (*saver.Saver, error) {
	o := &saver.Options{Sharded: true, Driver: driver}
	if direct {
		o.Gather = &saver.GatherOptions{Cluster: m.cluster.Spec()}
	}
	return saver.New(m.g, o)
}

func (m *clusterModel) initialize(ctx context.Context) error {
	initialize, err := tf.GlobalVariablesInitializer(m.g)
	if err != nil {
		return err
	}
	return m.sess.RunOps(ctx, initialize)
}

// prepare starts the cluster and connects both sides to it.
func (p clusterPair) prepare(ctx context.Context, e *Env) (*clusterModel, *saver.Saver, error) {
	m, err := newClusterModel(ctx, p.ps)
	if err != nil {
		return nil, nil, err
	}
	e.Defer(m.close)
	sv, err := m.saver(p.driver, p.direct)
	if err != nil {
		return nil, nil, err
	}
	e.Defer(func() { _ = sv.Close() })
	if err := m.initialize(ctx); err != nil {
		return nil, nil, err
	}
	meta := filepath.Join(e.Dir, "graph.meta")
	if _, err := sv.ExportMetaGraph(&tf.ExportMetaGraphOptions{Filename: meta}); err != nil {
		return nil, nil, err
	}
	_, err = e.Script(`
saver = tf1.train.import_meta_graph(args[0])
kept['saver'] = (tf1.Session(args[1]), saver)
result = None
`, meta, m.cluster.Target("worker", 0))
	e.Defer(func() { _, _ = e.Script("kept.pop('saver')[0].close(); result = None") })
	return m, sv, err
}

func (p clusterPair) save(ctx context.Context, e *Env) (tfkeep, python Measure, err error) {
	m, sv, err := p.prepare(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	tfkeep = e.InGo(func(ctx context.Context) error {
		_, err := sv.Save(ctx, m.sess, filepath.Join(e.Dir, "tfkeep", "m"), nil)
		return err
	})
	return tfkeep, e.InPython(pythonSave, filepath.Join(e.Dir, "python")), nil
}

// restore restores the same files on both sides.
func (p clusterPair) restore(ctx context.Context, e *Env) (tfkeep, python Measure, err error) {
	m, sv, err := p.prepare(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	if err := os.Mkdir(filepath.Join(e.Dir, "ckpt"), 0o755); err != nil {
		return nil, nil, err
	}
	path, err := sv.Save(ctx, m.sess, filepath.Join(e.Dir, "ckpt", "m"), nil)
	if err != nil {
		return nil, nil, err
	}
	tfkeep = e.InGo(func(ctx context.Context) error { _, err := sv.Restore(ctx, m.sess, path, nil); return err })
	return tfkeep, e.InPython(pythonRestore, path), nil
}
