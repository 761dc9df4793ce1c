// Package localcluster runs a TensorFlow cluster on this machine, a process for
// each task, which can be killed and started again: for tests, the example and the
// benchmarks.
//
//	c, err := localcluster.Start(ctx, localcluster.Options{Jobs: map[string]int{"ps": 2, "worker": 1}})
//	defer c.Stop()
//	sess, err := tf.NewSession(g, &tf.SessionOptions{Target: c.Target("worker", 0), OperationTimeout: 10 * time.Second})
//	…
//	err = c.Kill("ps", 1)
//	err = c.Restart(ctx, "ps", 1)
//
// The processes are this program started again, so that nothing else has to be
// built: it calls Main first of all, which serves there and does nothing elsewhere.
//
//	func TestMain(m *testing.M) {
//		if code, served := localcluster.Main(); served {
//			os.Exit(code)
//		}
//		os.Exit(m.Run())
//	}
//
// Servers are reached by 127.0.0.1. They end when their standard input does, which
// the parent holds open: nothing outlives it, however it ends.
package localcluster
