// Package supervisor keeps a training going when servers of its cluster are lost.
// It is what MonitoredTrainingSession and Supervisor do in Python, in one call:
//
//	err := supervisor.Run(ctx, g, s, &supervisor.Options{
//		Session: &tf.SessionOptions{
//			Target:        "grpc://worker0:2222",
//			DeviceFilters: []string{"/job:ps", "/job:worker/task:0"},
//		},
//		Cluster:   cluster,
//		Dir:       "/shared/ckpt",
//		SaveSteps: 1000,
//	}, func(ctx context.Context, r *supervisor.Running) error {
//		for step := r.Step; step < 100_000; {
//			out, err := r.Session.Run(ctx, feeds, []tf.Output{globalStep}, []*tf.Operation{train})
//			if err != nil {
//				return err
//			}
//			step = out[0].Value().(int64)
//			tf.Release(out...)
//			if err := r.StepDone(ctx, step); err != nil {
//				return err
//			}
//		}
//		return nil
//	})
//
// # Who does what
//
// One client of a training is the chief: it restores the newest whole checkpoint
// or initializes, and it saves. The others set Options.Worker and wait until it
// has. Each has a session of its own, whose master is a server of its own, and all
// share the variables on the parameter servers.
//
// # What a loss is
//
// The body returns the errors of its runs. Those that say that a server is gone,
// was started anew or does not answer ([Recoverable]) make Run open another
// session, get the model ready again and call the body again. All others are
// returned at once, and so is the error of a variable that never had a value.
// TensorFlow itself waits for ever for some servers that are gone:
// OperationTimeout bounds each run, and RecoveryTimeout all of an outage. Who is
// noticed when, and what it costs, is measured in docs/recovery.md.
//
// # When a model is ready
//
// TensorFlow's workers go on as soon as every variable has a value. That is too
// early: after one parameter server of two was lost, the chief restores both, for
// what the other one holds is newer than the checkpoint, and in the middle of that
// all variables have values that do not belong together. So the chief sets a mark
// on each server when it is done, a number, another one each time. Workers wait
// until all servers have the same. The mark also tells the chief that no server
// with variables was lost, but its own master, say, or the network: then the
// training goes on with the values that the servers hold, and loses no steps.
//
// The mark is a variable of its own on each server, in no graph and in no
// checkpoint. Options.NoMark leaves it out, for trainings with a Python chief.
//
// # What differs from TensorFlow
//
//   - Every wait is bounded, and an error says which task is gone, for how long,
//     and what to do.
//   - Nobody trains on a model that is half restored.
//   - A loss that took no variables costs no steps.
//   - The newest checkpoint that is damaged is skipped ([saver.Saver.Resume]).
//   - Saves are made between steps, by the chief's own loop, in StepDone; not by
//     a thread beside it.
//   - Nothing is logged: Options.OnEvent tells.
package supervisor
