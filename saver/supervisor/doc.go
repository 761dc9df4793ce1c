// Package supervisor keeps a training running when servers of its cluster are lost.
// One call does what MonitoredTrainingSession and Supervisor do in Python. [Run]
// calls a body, which trains and reports each step; see the examples of Run.
//
// # Chief and workers
//
// One client of a training is the chief: it restores the newest whole checkpoint
// or initializes the model, and it saves. The others set Options.Worker and wait
// until the chief is done. Each client has a session of its own, whose master is a
// server of its own, and all clients share the variables on the parameter servers.
//
// # Losses
//
// The body returns the errors of its runs. If an error means that a server is gone,
// was restarted or does not answer ([Recoverable]), Run opens another session,
// makes the model ready again and calls the body again. Run returns all other errors
// at once, including the error of a variable that never had a value. TensorFlow
// itself waits forever for some servers that are gone: OperationTimeout bounds each
// run, and RecoveryTimeout bounds a whole outage. docs/recovery.md has measurements
// of how soon each loss is noticed and what it costs.
//
// # When a model is ready
//
// TensorFlow's workers continue as soon as every variable has a value. That is too
// early: after one parameter server of two was lost, the chief restores both,
// because the values of the other one are newer than the checkpoint. In the middle
// of that, all variables have values that do not belong together. So the chief sets
// a mark on each server when it is done: a number that is different each time.
// Workers wait until all servers have the same number. The mark also shows the
// chief whether a server with variables was lost. If none was, but only its own
// master or the network, then the training continues with the values that the
// servers hold and loses no steps.
//
// The mark is a separate variable on each server. It is not part of the graph or of
// any checkpoint. Options.NoMark leaves it out, for trainings with a Python chief.
//
// # Differences from TensorFlow
//
//   - Every wait is bounded, and an error names the task that is gone, how long it
//     has been gone, and what to do.
//   - No client trains on a model that is only partly restored.
//   - A loss without lost variables costs no steps.
//   - A damaged newest checkpoint is skipped ([saver.Saver.Resume]).
//   - The chief saves between steps, in StepDone, not in a separate thread. Options.SaveAsync
//     writes the files in the background.
//   - The end of the context, for example at SIGTERM, saves the last step.
//   - Nothing is logged; Options.OnEvent reports what happens.
package supervisor
