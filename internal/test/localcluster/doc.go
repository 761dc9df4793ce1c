// Package localcluster runs a TensorFlow cluster on this machine, with a process for each
// task, which can be killed and started again. Tests and benchmarks use it.
//
//	c, err := localcluster.Start(ctx, localcluster.Options{Jobs: map[string]int{"ps": 2, "worker": 1}})
//	defer c.Stop()
//	sess, err := tf.NewSession(g, &tf.SessionOptions{Target: c.Target("worker", 0), OperationTimeout: 10 * time.Second})
//	…
//	err = c.Kill("ps", 1)
//	err = c.Restart(ctx, "ps", 1)
//
// The processes are this program, started again, so that nothing else has to be built. The
// TestMain of a test, or the main of a program, first calls Main, which serves in these
// processes and does nothing elsewhere:
//
//	if code, served := localcluster.Main(); served {
//		os.Exit(code)
//	}
//
// The servers have addresses of 127.0.0.1. They end when their standard input ends, which
// the parent holds open, so they do not outlive it, however it ends.
package localcluster
