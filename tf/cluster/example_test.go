package cluster_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/cluster"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Every process of a cluster runs the same program, and learns its place from TF_CONFIG.
func Example() {
	run := func(ctx context.Context, build func(g *tf.Graph) error) error {
		spec, task, err := cluster.FromEnv()
		if err != nil {
			return err
		}
		server, err := cluster.NewServer(spec, &cluster.ServerOptions{Task: task})
		if err != nil {
			return err
		}
		if task.Job == "ps" {
			return server.Join(ctx) // a parameter server does nothing else
		}
		g := tf.NewGraph()
		place, err := cluster.ReplicaDeviceSetter(spec, &cluster.ReplicaOptions{WorkerDevice: server.Device()})
		if err != nil {
			return err
		}
		// The variables are on the parameter servers, all other nodes are here.
		if err := g.WithDeviceFunc(place, func() error { return build(g) }); err != nil {
			return err
		}
		sess, err := tf.NewSession(g, &tf.SessionOptions{
			Target:           server.Target(),
			DeviceFilters:    []string{"/job:ps", server.Device()},
			OperationTimeout: time.Minute,
		})
		if err != nil {
			return err
		}
		defer sess.Close()
		return nil // the training: package saver/supervisor runs it
	}
	_ = run // it needs a cluster
}

// A process becomes a member of a cluster. Its sessions use the devices of all members; this
// cluster has only one.
func ExampleNewServer() {
	spec, err := cluster.NewSpec(map[string][]string{"worker": {"localhost:0"}})
	check(err)
	server, err := cluster.NewServer(spec, &cluster.ServerOptions{Task: cluster.Task{Job: "worker"}})
	check(err)

	g := tf.NewGraph()
	var counter *tf.Variable
	check(g.WithDevice("/job:worker/task:0", func() error {
		counter, err = tf.NewVariable(g, "counter", tf.Constant(42), nil)
		return err
	}))
	sess, err := tf.NewSession(g, &tf.SessionOptions{
		Target:           server.Target(),
		OperationTimeout: 30 * time.Second, // without it, runs wait without limit for a lost server
	})
	check(err)
	defer sess.Close()
	ctx := context.Background()
	check(sess.RunOps(ctx, counter.Initializer()))
	out, err := sess.Run(ctx, nil, []tf.Output{counter.Value()}, nil, nil)
	check(err)
	defer tf.Release(out...)
	fmt.Println(server.Device(), out[0].Value())
	// Output: /job:worker/task:0 42
}

// Variables are on the parameter servers in turn, all other nodes are on the worker.
func ExampleReplicaDeviceSetter() {
	spec, err := cluster.ParseSpec("ps=a:2222,b:2222;worker=c:2222,d:2222")
	check(err)
	g := tf.NewGraph()
	place, err := cluster.ReplicaDeviceSetter(spec, &cluster.ReplicaOptions{WorkerDevice: "/job:worker/task:1"})
	check(err)
	check(g.WithDeviceFunc(place, func() error {
		w, err := tf.NewVariable(g, "w", tf.Zeros(784, 10), nil)
		if err != nil {
			return err
		}
		b, err := tf.NewVariable(g, "b", tf.Zeros(10), nil)
		if err != nil {
			return err
		}
		sum, err := g.AddOp(tf.OpSpec{Type: "Add", Name: "sum", Input: []tf.Input{w.Value(), b.Value()}})
		if err != nil {
			return err
		}
		fmt.Println("w  ", w.Handle().Op.Device())
		fmt.Println("b  ", b.Handle().Op.Device())
		fmt.Println("sum", sum.Device())
		return nil
	}))
	// Output:
	// w   /job:ps/task:0
	// b   /job:ps/task:1
	// sum /job:worker/task:1
}

// Each variable is placed on the server with the fewest bytes so far.
func ExampleGreedyLoadBalancing() {
	g := tf.NewGraph()
	place, err := cluster.ReplicaDeviceSetter(nil, &cluster.ReplicaOptions{PSTasks: 2, Strategy: cluster.GreedyLoadBalancing(2, nil)})
	check(err)
	check(g.WithDeviceFunc(place, func() error {
		for _, v := range []struct {
			name string
			size int64
		}{{"embedding", 1_000_000}, {"hidden", 1000}, {"output", 100}} {
			v, err := tf.NewVariable(g, v.name, tf.Zeros(v.size), nil)
			if err != nil {
				return err
			}
			fmt.Println(v.Name(), v.Handle().Op.Device())
		}
		return nil
	}))
	// Output:
	// embedding /job:ps/task:0
	// hidden /job:ps/task:1
	// output /job:ps/task:1
}
